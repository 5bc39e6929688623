//! A database for each case: a copy of a migrated template, dropped afterwards.

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::{Mutex, OnceCell};

use crate::support::template::{Template, superuser};

static TEMPLATE: Template =
    Template { role: "holdfast_chaos", name: "holdfast_template_chaos", copies: "holdfast_chaos", lock: 0x6368_616f };

/// One database, and a superuser's look into it.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) pool: PgPool,
}

impl Database {
    pub(crate) async fn fresh() -> Self {
        static MADE: OnceCell<String> = OnceCell::const_new();
        // A template can be copied by one at a time only.
        static COPYING: Mutex<()> = Mutex::const_new(());
        let template = MADE.get_or_init(|| TEMPLATE.make()).await;
        let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
        let name = TEMPLATE.name_of_copy(&mut admin).await;
        {
            let _one = COPYING.lock().await;
            admin.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await.unwrap();
        }
        admin.close().await.unwrap();
        let pool = PgPoolOptions::new().max_connections(3).connect_lazy_with(superuser(&name));
        Self { name, pool }
    }

    /// What a daemon connects with, through this port.
    pub(crate) fn url(&self, port: u16) -> String {
        format!("postgres://{role}:{role}@127.0.0.1:{port}/{}?sslmode=disable", self.name, role = TEMPLATE.role)
    }

    pub(crate) async fn drop(self) {
        self.pool.close().await;
        let mut admin = PgConnection::connect_with(&superuser("postgres")).await.unwrap();
        admin.execute(AssertSqlSafe(format!("drop database if exists {} with (force)", self.name))).await.unwrap();
        admin.close().await.unwrap();
    }
}
