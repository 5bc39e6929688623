//! A replica is halted in the middle of a transaction, with its locks in its hands.

use super::went_on_with_one_hold;
use crate::support::daemon::Process;
use crate::support::points::Points;
use crate::support::shop::Shop;

#[tokio::test]
async fn a_replica_that_is_halted_with_rows_in_its_hands_holds_up_nobody() {
    let shop = Shop::open().await;
    let points = Points::of(&shop);
    let sleeping = Process::start_armed(&shop, points.path()).await;
    points.arm("reserve.claim_written.freeze");
    let order = shop.order().await;
    points.strikes("reserve.claim_written.freeze").await;

    // The other one finds the order's row locked, and nobody who would ever unlock it.
    let _awake = Process::start(&shop).await;
    order.is_reserved().await;
    sleeping.signal("CONT");
    went_on_with_one_hold(&order).await;
}
