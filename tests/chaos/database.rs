//! A database for each case: a copy of a migrated template, dropped afterwards.

use holdfast::store::{Provision, provision};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::{Mutex, OnceCell};

use crate::support::engine::variable_or;

const ROLE: &str = "holdfast_chaos";
/// Keeps two runs from making the template at once.
const TEMPLATE_LOCK: i64 = 0x6368_616f;

/// One database, and a superuser's look into it.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) pool: PgPool,
}

impl Database {
    pub(crate) async fn fresh() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        // A template can be copied by one at a time only.
        static COPYING: Mutex<()> = Mutex::const_new(());
        let template = TEMPLATE.get_or_init(make_template).await;
        let name = format!("holdfast_chaos_{}_{}", now_s(), uuid::Uuid::new_v4().simple());
        {
            let _one = COPYING.lock().await;
            let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
            admin.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await.unwrap();
            admin.close().await.unwrap();
        }
        let pool = PgPoolOptions::new().max_connections(3).connect_lazy_with(superuser(&name));
        Self { name, pool }
    }

    /// What a daemon connects with, through this port.
    pub(crate) fn url(&self, port: u16) -> String {
        format!("postgres://{ROLE}:{ROLE}@127.0.0.1:{port}/{}?sslmode=disable", self.name)
    }

    pub(crate) async fn drop(self) {
        self.pool.close().await;
        let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
        admin.execute(AssertSqlSafe(format!("drop database if exists {} with (force)", self.name))).await.unwrap();
        admin.close().await.unwrap();
    }
}

/// The server's port.
pub(crate) fn port() -> u16 {
    variable_or("HOLDFAST_PG_PORT", "25432").parse().unwrap()
}

fn superuser(database: &str) -> PgConnectOptions {
    PgConnectOptions::new()
        .host("127.0.0.1")
        .port(port())
        .username("holdfast_admin")
        .password("holdfast-admin")
        .database(database)
        .application_name("holdfast chaos")
}

/// Makes the template of these migrations, and drops what a run that was killed has left behind.
async fn make_template() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).unwrap());
    }
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("holdfast_template_chaos_{hash}");
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
        "select datname::text from pg_database where datname like 'holdfast\\_chaos\\_%' and split_part(datname, '_', 3)::bigint < $1",
    )
    .bind(now_s() - 3_600)
    .fetch_all(&mut admin)
    .await
    .unwrap();
    for name in left {
        let _ = admin.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await;
    }
    admin.close().await.unwrap();
    name
}

#[expect(clippy::disallowed_methods, reason = "the age of what was left behind, by the machine's clock")]
fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(0))
}
