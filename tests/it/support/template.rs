//! The migrated database that tests copy theirs from.

use std::fs;
use std::path::Path;

use holdfast::store::{Provision, provision};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::engine::variable_or;

/// Copies that a killed run left behind are dropped by a later one after this many seconds.
const LEFT_BEHIND_S: f64 = 3_600.0;

/// What the databases of one kind of test have in common.
#[derive(Debug)]
pub(crate) struct Template {
    /// The login role of the daemons under test. It is the cluster's, so that all databases share it.
    pub(crate) role: &'static str,
    /// What the template's name begins with.
    pub(crate) name: &'static str,
    /// What the names of its copies begin with: two words, since the third says when a copy was made.
    pub(crate) copies: &'static str,
    /// Whoever makes the template holds this advisory lock alone.
    pub(crate) lock: i64,
}

impl Template {
    /// Makes the template of these migrations, once however many test binaries run, and drops what a run that was killed has left behind.
    pub(crate) async fn make(&self) -> String {
        let name = format!("{}_{}", self.name, hash_of_migrations());
        let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
        sqlx::query("select pg_advisory_lock($1)").bind(self.lock).execute(&mut admin).await.unwrap();
        let wanted = Provision {
            admin_url: SecretString::from(format!("postgres://holdfast_admin:holdfast-admin@127.0.0.1:{}/postgres", port())),
            database: name.clone(),
            runtime_role: self.role.to_owned(),
            runtime_password: SecretString::from(self.role),
        };
        provision(&wanted).await.unwrap();
        let left: Vec<String> = sqlx::query_scalar(
            "select datname::text from pg_database where starts_with(datname::text, $1)
             and split_part(datname, '_', 3)::float8 < extract(epoch from now()) - $2",
        )
        .bind(format!("{}_", self.copies))
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

    /// A name for a copy, in which a later run reads how old it is.
    pub(crate) async fn name_of_copy(&self, admin: &mut PgConnection) -> String {
        let now: i64 = sqlx::query_scalar("select extract(epoch from now())::bigint").fetch_one(admin).await.unwrap();
        format!("{}_{now}_{}", self.copies, uuid::Uuid::new_v4().simple())
    }
}

/// Another set of migrations is another template, so that a changed schema never meets an old copy.
fn hash_of_migrations() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(file).unwrap());
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// A superuser's way to a database.
pub(crate) fn superuser(database: &str) -> PgConnectOptions {
    PgConnectOptions::new()
        .host("127.0.0.1")
        .port(port())
        .username("holdfast_admin")
        .password("holdfast-admin")
        .database(database)
        .application_name("holdfast tests")
}

/// The server's port.
pub(crate) fn port() -> u16 {
    variable_or("HOLDFAST_PG_PORT", "25432").parse().unwrap()
}
