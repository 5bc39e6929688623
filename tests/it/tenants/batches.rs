//! One transaction may serve several tenants; each row stays its own tenant's.

use std::collections::BTreeMap;

use futures::future::join_all;
use sqlx::AssertSqlSafe;

use super::{Neighbours, tables};
use crate::support::daemon::Daemon;

#[tokio::test]
async fn a_batch_that_spans_tenants_keeps_each_row_its_own() {
    let neighbours = Neighbours::move_in().await;
    let (shop, pool) = (&neighbours.shop, neighbours.shop.database.pool());
    let pairs = join_all((0..12).map(|_| neighbours.orders())).await;
    // They all wait when the daemon comes, so that one poll brings tasks of both tenants and their commits are shared.
    let daemon = Daemon::start_with(shop, &[neighbours.both()]).await;
    let orders: Vec<_> = pairs.into_iter().flatten().collect();
    for order in &orders {
        order.is_reserved().await;
    }
    let mixed: i64 = sqlx::query_scalar(
        "select count(*) from (select from reservation_transition group by xmin::text having count(distinct tenant_id) > 1) as shared",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert!(mixed > 0, "no transaction served both tenants, so that nothing is shown");

    for table in tables(pool).await {
        let has_reservation: bool = sqlx::query_scalar(
            "select exists (select from information_schema.columns where table_schema = 'public' and table_name = $1 and column_name = 'reservation_id')",
        )
        .bind(&table)
        .fetch_one(pool)
        .await
        .unwrap();
        if has_reservation {
            let strays: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
                "select count(*) from {table} t join reservation r using (reservation_id) where t.tenant_id <> r.tenant_id"
            )))
            .fetch_one(pool)
            .await
            .unwrap();
            assert_eq!(strays, 0, "{table}");
        }
    }
    let strays: i64 = sqlx::query_scalar(
        "select count(*) from outbox o join reservation r on r.reservation_id = o.aggregate_id where o.tenant_id <> r.tenant_id",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(strays, 0);

    // The inventory was asked in the name of the tenant whose order it is.
    let mut holds = BTreeMap::new();
    for tenant in neighbours.tenants() {
        let of_tenant = shop.inventory.holds(tenant);
        let rows: Vec<String> = sqlx::query_scalar("select order_id::text from reservation where tenant_id = $1::uuid order by 1")
            .bind(tenant)
            .fetch_all(pool)
            .await
            .unwrap();
        let mut orders: Vec<String> = of_tenant.iter().map(|hold| hold.order_id.clone()).collect();
        orders.sort();
        assert_eq!(orders, rows, "{tenant}");
        holds.insert(tenant, orders.len());
    }
    println!("{mixed} transactions served both tenants; holds: {holds:?}");
    for order in &orders {
        order.judge().await;
    }
    daemon.stop().await;
}
