//! The database's connections fall silent: no answer, no reset, as after a failover behind a firewall.

use std::time::Instant;

use holdfast::clock::{Clock as _, SystemClock};
use holdfast::domain::{ReservationId, TenantId};
use holdfast::store::{Store, StoreError, StoreOptions};

use super::went_on_with_one_hold;
use crate::support::daemon::{Daemon, Process};
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;
use crate::support::wire::Wire;

/// The connections of the store.
const FEW: u32 = 2;

#[tokio::test]
async fn a_daemon_whose_connections_to_the_database_fell_silent_works_on_over_new_ones() {
    let shop = Shop::open().await;
    let (wire, url) = Wire::to_the_database_of(&shop).await;
    let daemon = Process::start_with(&shop, &[("database.url", url.into())]).await;
    // Something went over it first, so that there are connections to fall silent.
    let earlier = shop.order().await;
    earlier.is_reserved().await;

    wire.fall_silent();
    let fell_silent = Instant::now();
    let order = shop.order().await;
    order.is_reserved().await;
    println!("the order went on {:?} after the connections fell silent, {} of which were spoken on", fell_silent.elapsed(), wire.lost());
    assert!(wire.lost() > 0, "a silence that nobody spoke into proves nothing");
    went_on_with_one_hold(&order).await;
    went_on_with_one_hold(&earlier).await;
    drop(daemon);
}

#[tokio::test]
async fn connections_that_fell_silent_while_they_were_waited_on_give_their_places_in_the_pool_back() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let (tenant, row) = (TenantId(shop.tenant().parse().unwrap()), order.row().await);
    let (wire, url) = Wire::to_the_database_of(&shop).await;
    let options = StoreOptions { url: url.into(), max_connections: FEW, ..shop.database.store_options() };
    let store = Store::connect(&options).await.unwrap();

    // Every connection waits for an answer, behind somebody's lock, when the answers cease.
    let mut lock = shop.database.pool().begin().await.unwrap();
    sqlx::query("select 1 from reservation for update").execute(&mut *lock).await.unwrap();
    let write = || store.make_due(tenant, ReservationId(row.reservation_id), SystemClock.now());
    let silence = async {
        until_true("every connection waits", BY_ITSELF, async || shop.database.statements_that_wait("make_due").await == i64::from(FEW))
            .await;
        wire.fall_silent();
        lock.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(write(), write(), silence);
    assert!(matches!((first, second), (Err(StoreError::Silent { .. }), Err(StoreError::Silent { .. }))));

    until_true("the store writes again", BY_ITSELF, async || write().await.is_ok()).await;
    assert!(wire.lost() >= FEW as usize, "a silence that nobody spoke into proves nothing");
    order.judge().await;
}
