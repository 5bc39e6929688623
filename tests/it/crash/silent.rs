//! The database's connections fall silent: no answer, no reset, as after a failover behind a firewall.

use std::net::SocketAddr;
use std::time::Instant;

use super::went_on_with_one_hold;
use crate::support::daemon::Process;
use crate::support::shop::Shop;
use crate::support::wire::Wire;

#[tokio::test]
async fn a_daemon_whose_connections_to_the_database_fell_silent_works_on_over_new_ones() {
    let shop = Shop::open().await;
    let url = shop.database.daemon_url();
    let (before, rest) = url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let wire = Wire::to(server.parse::<SocketAddr>().unwrap()).await;
    let daemon = Process::start_with(&shop, &[("database.url", format!("{before}@{}/{name}", wire.address).into())]).await;
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
