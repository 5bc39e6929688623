//! Tenants are apart: in the schema, for the role that the daemon runs as, through batches, and over HTTP.

mod batches;
mod http;
mod rows;
mod schema;

use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::support::engine::{Engine, TestEngine};
use crate::support::order::Order;
use crate::support::shop::Shop;

/// Two tenants of one daemon, each with orders that went every way.
struct Neighbours {
    shop: Shop,
    other: TestEngine,
}

impl Neighbours {
    async fn move_in() -> Self {
        let shop = Shop::open().await;
        let other = TestEngine::on(Engine::Camunda);
        shop.deploy_for(&other).await;
        Self { shop, other }
    }

    /// What makes one daemon serve both.
    fn both(&self) -> (&'static str, toml::Value) {
        ("engine.tenants", vec![self.shop.tenant().to_owned(), self.other.tenant.to_string()].into())
    }

    /// The tenants' ids.
    fn tenants(&self) -> [&str; 2] {
        [self.shop.tenant(), self.other.tenant.as_str()]
    }

    async fn orders(&self) -> [Order<'_>; 2] {
        [self.shop.order().await, self.shop.order_of(&self.other, |usual| usual).await]
    }
}

/// Connections as the role that the daemon runs as.
async fn as_the_daemon(shop: &Shop) -> PgPool {
    PgPoolOptions::new().max_connections(1).connect(&shop.database.daemon_url()).await.unwrap()
}

/// Every table with a tenant's data: those that say whose each row is, but for the list of tenants itself.
async fn tables(pool: &PgPool) -> Vec<String> {
    let found: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'tenant' order by 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(found.len() >= 9, "{found:?}");
    found
}
