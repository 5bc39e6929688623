//! The connection pool, and the one way to begin a transaction.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection as _, Executor, Postgres, Row, Transaction};
use tokio::sync::Notify;

use crate::domain::{SessionId, TenantId};
use crate::store::answered::{Answered as _, LONGEST_ANSWER};
use crate::store::batch::Batcher;
use crate::store::claims::{FreshAnswer, FreshClaim, LiveClaims};
use crate::store::evidence::{KeepEvidence, write_evidence};
use crate::store::lease_connection::LeaseConnection;
use crate::store::settlements::{SettleJob, write_settlements};
use crate::store::{StoreError, migrate};

/// The longest that a transaction may stand still between two statements. Nothing is waited for inside of one but the database.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// The longest that closing is waited for, and that a connection given back may take to answer.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `postgres://user:password@host:port/database`, for a role that is a member of `holdfast_runtime`.
    pub url: secrecy::SecretString,
    /// The most connections.
    pub max_connections: u32,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Duration,
    /// The boot that this store works for; claims are made in its name.
    pub session: SessionId,
}

/// The database, as the daemon uses it.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) lease: Arc<LeaseConnection>,
    pub(crate) session: SessionId,
    pub(crate) live: LiveClaims,
    pub(crate) fresh: Batcher<FreshClaim, FreshAnswer>,
    pub(crate) settle: Batcher<SettleJob, ()>,
    pub(crate) evidence: Batcher<KeepEvidence, ()>,
    /// Wakes the relay of this process; no NOTIFY, which would make every commit wait for one lock.
    pub(crate) outbox_wake: Arc<Notify>,
}

impl Store {
    /// Connects, and refuses a schema or a role that would break what the daemon promises.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], [`StoreError::Away`], [`StoreError::WrongSchema`] or [`StoreError::RoleTooStrong`].
    pub async fn connect(options: &StoreOptions) -> Result<Self, StoreError> {
        let pool = pool_options(options.max_connections, options.acquire_timeout)
            .connect_with(connect_options(&options.url)?)
            .answered("connect")
            .await?;
        check_role(&pool).await?;
        migrate::check_schema(&pool).await?;
        let lease = Arc::new(LeaseConnection::lazy(connect_options(&options.url)?));
        let session = options.session;
        let (live, outbox_wake) = (LiveClaims::default(), Arc::new(Notify::new()));
        let fresh = {
            let (pool, wake) = (pool.clone(), Arc::clone(&outbox_wake));
            Batcher::start(move |batch: Arc<Vec<FreshClaim>>| {
                let (pool, wake) = (pool.clone(), Arc::clone(&wake));
                async move {
                    let written = crate::store::claims::write_fresh(&pool, session, &batch).await;
                    wake.notify_one();
                    written
                }
            })
        };
        let settle = {
            let (pool, wake) = (pool.clone(), Arc::clone(&outbox_wake));
            Batcher::start(move |batch: Arc<Vec<SettleJob>>| {
                let (pool, wake) = (pool.clone(), Arc::clone(&wake));
                async move {
                    let written = write_settlements(&pool, session, &batch).await;
                    wake.notify_one();
                    written
                }
            })
        };
        let evidence = {
            let (pool, wake) = (pool.clone(), Arc::clone(&outbox_wake));
            Batcher::start(move |batch: Arc<Vec<KeepEvidence>>| {
                let (pool, wake) = (pool.clone(), Arc::clone(&wake));
                async move {
                    let written = write_evidence(&pool, &batch).await;
                    wake.notify_one();
                    written
                }
            })
        };
        Ok(Self { pool, lease, session, live, fresh, settle, evidence, outbox_wake })
    }

    /// The same store with a connection pool of its own, for reads and unshared writes, so that they do not wait behind the workers.
    #[must_use]
    pub fn apart(&self, max_connections: u32) -> Self {
        let options = pool_options(max_connections, self.pool.options().get_acquire_timeout());
        let pool = options.connect_lazy_with(self.pool.connect_options().as_ref().clone());
        Self { pool, ..self.clone() }
    }

    /// The boot in whose name claims are made.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Answers if the database does.
    ///
    /// # Errors
    /// [`StoreError::Away`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pool.execute("-- ping\nselect 1").answered("ping").await.map(drop)
    }

    /// Closes every connection once it is free; one that has fallen silent is not waited for.
    pub async fn close(&self) {
        self.lease.close().await;
        if tokio::time::timeout(LONGEST_GOODBYE, self.pool.close()).await.is_err() {
            tracing::warn!("some connections to the database did not close in time and were left");
        }
    }
}

/// A pool whose transactions the server ends if their process stops in the middle of one: its locks would hold up every other
/// replica's work on the same rows for as long as it is halted. A connection that has fallen silent does not come back into it, nor
/// does it keep its place.
fn pool_options(max_connections: u32, acquire_timeout: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        .after_connect(|connection, _| {
            Box::pin(async move {
                let pause = format!("{}ms", LONGEST_PAUSE.as_millis());
                // A statement that nobody waits for any more must not go on working: the server ends it a little earlier.
                let statement = format!("{}ms", (LONGEST_ANSWER - Duration::from_secs(1)).as_millis());
                let limiting = sqlx::query(
                    "-- limit_time
select set_config('idle_in_transaction_session_timeout', $1, false), set_config('statement_timeout', $2, false)",
                )
                .bind(pause)
                .bind(statement);
                connection.execute(limiting).await.map(drop)
            })
        })
        .after_release(|connection, _| {
            // The pool asks, too, and would wait for ever.
            Box::pin(async move {
                tokio::time::timeout(LONGEST_GOODBYE, connection.ping()).await.map_err(|_| sqlx::Error::PoolTimedOut)?.map(|()| true)
            })
        })
}

/// Reads a connection URL and names the daemon to the database's administrators.
pub(crate) fn connect_options(url: &secrecy::SecretString) -> Result<PgConnectOptions, StoreError> {
    use secrecy::ExposeSecret as _;
    let options: PgConnectOptions = url.expose_secret().parse().map_err(|error| StoreError::BadUrl(Arc::new(error)))?;
    Ok(options.application_name("holdfast"))
}

/// Begins a transaction that sees the rows of these tenants and no others.
pub(crate) async fn begin(pool: &PgPool, name: &'static str, tenants: &[TenantId]) -> Result<Transaction<'static, Postgres>, StoreError> {
    let mut tx = pool.begin().answered(name).await?;
    let list = tenants.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    sqlx::query("-- set_tenants\nselect set_config('holdfast.tenants', $1, true)")
        .bind(format!("{{{list}}}"))
        .execute(&mut *tx)
        .answered(name)
        .await?;
    Ok(tx)
}

/// Row-level security binds neither superusers nor roles that bypass it: the daemon does not run as one.
async fn check_role(pool: &PgPool) -> Result<(), StoreError> {
    let row = sqlx::query("-- check_role\nselect rolname, rolsuper or rolbypassrls as strong from pg_roles where rolname = current_user")
        .fetch_one(pool)
        .answered("check_role")
        .await?;
    let strong: bool = row.try_get("strong").map_err(StoreError::during("check_role"))?;
    let name: String = row.try_get("rolname").map_err(StoreError::during("check_role"))?;
    if strong { Err(StoreError::RoleTooStrong(name)) } else { Ok(()) }
}
