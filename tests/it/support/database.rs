//! A database of a test's own: a copy of a migrated template, dropped when the test is over.

use std::time::Duration;

use holdfast::operations::new_session;
use holdfast::store::StoreOptions;
use secrecy::SecretString;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

use super::tear_down::on_a_thread;
use super::template::{Template, port, superuser};
use super::wait::until;

/// Whoever copies it shares its lock.
static TEMPLATE: Template = Template { role: "holdfast_test", name: "holdfast_template", copies: "holdfast_test", lock: 0x686f_6c64 };

/// One database, and a superuser's look into it: row-level security does not bind the test.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    pool: PgPool,
}

impl Database {
    /// Copies the template, which the first caller of a run makes.
    pub(crate) async fn fresh() -> Self {
        static MADE: OnceCell<String> = OnceCell::const_new();
        let template = MADE.get_or_init(|| TEMPLATE.make()).await;
        let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
        sqlx::query("select pg_advisory_lock_shared($1)").bind(TEMPLATE.lock).execute(&mut admin).await.unwrap();
        let name = TEMPLATE.name_of_copy(&mut admin).await;
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
        format!("postgres://{role}:{role}@127.0.0.1:{}/{}", port(), self.name, role = TEMPLATE.role)
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
        .bind(TEMPLATE.role)
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
        .bind(TEMPLATE.role)
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
