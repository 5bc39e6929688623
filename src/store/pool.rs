//! The connection pool, and the one way to begin a transaction.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Executor, Postgres, Row, Transaction};

use crate::domain::{SessionId, TenantId};
use crate::store::batch::Batcher;
use crate::store::claims::{FreshAnswer, FreshClaim, LiveClaims};
use crate::store::settlements::{SettleJob, write_settlements};
use crate::store::{StoreError, migrate};

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
    /// One connection for the session alone: its lease guards the work, and must not wait behind it.
    pub(crate) lease_pool: PgPool,
    pub(crate) session: SessionId,
    pub(crate) live: LiveClaims,
    pub(crate) fresh: Batcher<FreshClaim, FreshAnswer>,
    pub(crate) settle: Batcher<SettleJob, ()>,
}

impl Store {
    /// Connects, and refuses a schema or a role that would break what the daemon promises.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], [`StoreError::Away`], [`StoreError::WrongSchema`] or [`StoreError::RoleTooStrong`].
    pub async fn connect(options: &StoreOptions) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .connect_with(connect_options(&options.url)?)
            .await
            .map_err(StoreError::during("connect"))?;
        check_role(&pool).await?;
        migrate::check_schema(&pool).await?;
        let lease_pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
            .connect_lazy_with(connect_options(&options.url)?);
        let session = options.session;
        let live = LiveClaims::default();
        let fresh = {
            let pool = pool.clone();
            Batcher::start(move |batch: Arc<Vec<FreshClaim>>| {
                let pool = pool.clone();
                async move { crate::store::claims::write_fresh(&pool, session, &batch).await }
            })
        };
        let settle = {
            let pool = pool.clone();
            Batcher::start(move |batch: Arc<Vec<SettleJob>>| {
                let pool = pool.clone();
                async move { write_settlements(&pool, session, &batch).await }
            })
        };
        Ok(Self { pool, lease_pool, session, live, fresh, settle })
    }

    /// The same store with a pool of its own for reading and for what is not shared: others' waiting is not its own.
    #[must_use]
    pub fn apart(&self, max_connections: u32) -> Self {
        let options = PgPoolOptions::new().max_connections(max_connections).acquire_timeout(self.pool.options().get_acquire_timeout());
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
        self.pool.execute("-- ping\nselect 1").await.map(drop).map_err(StoreError::during("ping"))
    }

    /// Closes every connection once it is free.
    pub async fn close(&self) {
        self.lease_pool.close().await;
        self.pool.close().await;
    }
}

/// Reads a connection URL and names the daemon to the database's administrators.
pub(crate) fn connect_options(url: &secrecy::SecretString) -> Result<PgConnectOptions, StoreError> {
    use secrecy::ExposeSecret as _;
    let options: PgConnectOptions = url.expose_secret().parse().map_err(StoreError::BadUrl)?;
    Ok(options.application_name("holdfast"))
}

/// Begins a transaction that sees the rows of these tenants and no others.
pub(crate) async fn begin(pool: &PgPool, name: &'static str, tenants: &[TenantId]) -> Result<Transaction<'static, Postgres>, StoreError> {
    let mut tx = pool.begin().await.map_err(StoreError::during(name))?;
    let list = tenants.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    sqlx::query("-- set_tenants\nselect set_config('holdfast.tenants', $1, true)")
        .bind(format!("{{{list}}}"))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::during(name))?;
    Ok(tx)
}

/// Row-level security binds neither superusers nor roles that bypass it: the daemon does not run as one.
async fn check_role(pool: &PgPool) -> Result<(), StoreError> {
    let row = sqlx::query("-- check_role\nselect rolname, rolsuper or rolbypassrls as strong from pg_roles where rolname = current_user")
        .fetch_one(pool)
        .await
        .map_err(StoreError::during("check_role"))?;
    let strong: bool = row.try_get("strong").map_err(StoreError::during("check_role"))?;
    let name: String = row.try_get("rolname").map_err(StoreError::during("check_role"))?;
    if strong { Err(StoreError::RoleTooStrong(name)) } else { Ok(()) }
}
