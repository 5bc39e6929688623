//! The database's connections fall silent: no answer, no reset, as after a failover behind a firewall.

use std::net::SocketAddr;
use std::time::Instant;

use super::went_on_with_one_hold;
use crate::support::daemon::Process;
use crate::support::shop::Shop;
use crate::support::wire::Wire;

/// The fewest connections that a daemon may have.
const FEW: i64 = 4;

#[tokio::test]
async fn a_daemon_whose_connections_to_the_database_fell_silent_works_on_over_new_ones() {
    let shop = Shop::open().await;
    let (wire, url) = wire_to_the_database_of(&shop).await;
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
async fn connections_that_fell_silent_again_and_again_do_not_use_up_the_places_of_the_pool() {
    let shop = Shop::open().await;
    let (wire, url) = wire_to_the_database_of(&shop).await;
    let daemon = Process::start_with(&shop, &[("database.url", url.into()), ("database.max_connections", FEW.into())]).await;
    shop.order().await.is_reserved().await;

    let mut lost = 0;
    while lost <= FEW as usize {
        wire.fall_silent();
        let order = shop.order().await;
        order.is_reserved().await;
        assert!(wire.lost() > lost, "a silence that nobody spoke into proves nothing");
        lost = wire.lost();
        went_on_with_one_hold(&order).await;
    }
    println!("{lost} connections fell silent while they were spoken on");
    drop(daemon);
}

/// A wire, and the URL of the shop's database over it.
async fn wire_to_the_database_of(shop: &Shop) -> (Wire, String) {
    let url = shop.database.daemon_url();
    let (before, rest) = url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let wire = Wire::to(server.parse::<SocketAddr>().unwrap()).await;
    let over = format!("{before}@{}/{name}", wire.address);
    (wire, over)
}
