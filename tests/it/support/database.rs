//! A database of a test's own: a copy of a migrated template, dropped when the test is over.

use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast::operations::new_session;
use holdfast::store::{Provision, StoreOptions, provision};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

use super::engine::variable_or;
use super::tear_down::on_a_thread;
use super::wait::until;

/// The login role of the daemons under test. It is the cluster's, so that all databases share it.
const ROLE: &str = "holdfast_test";
/// Whoever makes the template holds this advisory lock alone; whoever copies it shares it.
const TEMPLATE_LOCK: i64 = 0x686f_6c64;
/// Copies that a killed run left behind are dropped by a later one after this many seconds.
const LEFT_BEHIND_S: f64 = 3_600.0;

/// One database, and a superuser's look into it: row-level security does not bind the test.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    pool: PgPool,
}

impl Database {
    /// Copies the template, which the first caller of a run makes.
    pub(crate) async fn fresh() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(make_template).await;
        let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
        sqlx::query("select pg_advisory_lock_shared($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.unwrap();
        let now: i64 = sqlx::query_scalar("select extract(epoch from now())::bigint").fetch_one(&mut admin).await.unwrap();
        let name = format!("holdfast_test_{now}_{}", uuid::Uuid::new_v4().simple());
        until("the template can be copied", Duration::from_secs(20), async || {
            let copied = admin.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await;
            // The connection that migrated it may still be on its way out.
            copied.is_ok().then_some(())
        })
        .await;
        admin.close().await.unwrap();
        let pool = PgPoolOptions::new().max_connections(3).connect_lazy_with(superuser(&name));
        Self { name, pool }
    }

    /// The URL that a daemon connects with.
    pub(crate) fn daemon_url(&self) -> String {
        format!("postgres://{ROLE}:{ROLE}@127.0.0.1:{}/{}", port(), self.name)
    }

    /// How a store of a boot of its own is opened, as a daemon has one.
    pub(crate) fn store_options(&self) -> StoreOptions {
        StoreOptions {
            url: SecretString::from(self.daemon_url()),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(10),
            session: new_session(),
        }
    }

    /// Whoever connects from now on may only read, as at a server that became a replica.
    pub(crate) async fn read_only(&self) {
        let setting = format!("alter database {} set default_transaction_read_only = on", self.name);
        self.pool.execute(AssertSqlSafe(setting)).await.unwrap();
    }

    /// A superuser's connections.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Breaks the connections off whose settlement waits for a lock; says how many.
    pub(crate) async fn break_off_those_that_wait(&self) -> i64 {
        sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = $1 and usename = $2 and wait_event_type = 'Lock' and query like '%write_rows%'",
        )
        .bind(&self.name)
        .bind(ROLE)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// How many of the daemons' statements of this name wait for a lock right now.
    pub(crate) async fn statements_that_wait(&self, name: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = $1 and usename = $2 and wait_event_type = 'Lock' and query like '%' || $3 || '%'",
        )
        .bind(&self.name)
        .bind(ROLE)
        .bind(name)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        on_a_thread(async move {
            if let Ok(mut admin) = PgConnection::connect_with(&superuser("postgres")).await {
                let _ = admin.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await;
            }
        });
    }
}

/// Makes the template of these migrations, once however many test binaries run.
async fn make_template() -> String {
    let name = template_name();
    let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.unwrap();
    let wanted = Provision {
        admin_url: SecretString::from(format!("postgres://holdfast_admin:holdfast-admin@127.0.0.1:{}/postgres", port())),
        database: name.clone(),
        runtime_role: ROLE.to_owned(),
        runtime_password: SecretString::from(ROLE),
    };
    provision(&wanted).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database where datname like 'holdfast\\_test\\_%'
         and split_part(datname, '_', 3)::float8 < extract(epoch from now()) - $1",
    )
    .bind(LEFT_BEHIND_S)
    .fetch_all(&mut admin)
    .await
    .unwrap();
    for name in left {
        let _ = admin.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await;
    }
    admin.close().await.unwrap();
    name
}

/// Another set of migrations is another template, so that a changed schema never meets an old copy.
fn template_name() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(file).unwrap());
    }
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("holdfast_template_{hash}")
}

fn superuser(database: &str) -> PgConnectOptions {
    PgConnectOptions::new()
        .host("127.0.0.1")
        .port(port().parse().unwrap())
        .username("holdfast_admin")
        .password("holdfast-admin")
        .database(database)
        .application_name("holdfast tests")
}

fn port() -> String {
    variable_or("HOLDFAST_PG_PORT", "25432")
}
