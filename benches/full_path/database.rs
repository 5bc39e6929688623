//! A database of this run's own, and the commits in it.

use std::time::Duration;

use holdfast::store::{Provision, provision};
use secrecy::SecretString;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use crate::Failure;
use crate::measure::setting;

const ROLE: &str = "holdfast_bench";
const PASSWORD: &str = "holdfast-bench";

/// The daemon's database.
pub(crate) struct Database {
    name: String,
    /// The daemon's address of it.
    pub(crate) url: String,
    /// Connected to another database: looking must not count.
    admin: PgPool,
}

impl Database {
    pub(crate) async fn make() -> Result<Self, Failure> {
        let port = setting("HOLDFAST_PG_PORT", "25432");
        let name = format!("holdfast_bench_{}", Uuid::new_v4().simple());
        let admin_url = format!("postgres://holdfast_admin:holdfast-admin@127.0.0.1:{port}/postgres");
        let wanted = Provision {
            admin_url: SecretString::from(admin_url.as_str()),
            database: name.clone(),
            runtime_role: ROLE.to_owned(),
            runtime_password: SecretString::from(PASSWORD),
        };
        provision(&wanted).await?;
        let admin = PgPoolOptions::new().max_connections(1).connect(&admin_url).await?;
        Ok(Self { url: format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{port}/{name}"), name, admin })
    }

    /// The commits so far, once nobody is connected: a connection that ends has told the statistics everything.
    pub(crate) async fn commits(&self) -> Result<f64, Failure> {
        for _ in 0..500 {
            let connected: i64 =
                sqlx::query_scalar("select count(*) from pg_stat_activity where datname = $1 and backend_type = 'client backend'")
                    .bind(&self.name)
                    .fetch_one(&self.admin)
                    .await?;
            if connected == 0 {
                let commits: i64 = sqlx::query_scalar("select xact_commit from pg_stat_database where datname = $1")
                    .bind(&self.name)
                    .fetch_one(&self.admin)
                    .await?;
                return Ok(commits as f64);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("connections to the benchmark's database outlived their daemon".into())
    }

    /// Removes it.
    pub(crate) async fn drop(&self) {
        let dropped = self.admin.execute(AssertSqlSafe(format!("drop database if exists {} with (force)", self.name))).await;
        if let Err(error) = dropped {
            crate::say::complain(&error.into());
        }
    }
}
