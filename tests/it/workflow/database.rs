//! The inventory has acted, and the database fails before that is on record.

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};

use crate::support::daemon::Daemon;
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

#[tokio::test]
async fn a_hold_that_was_placed_while_the_database_failed_is_recorded_once_it_is_back_and_not_asked_for_again() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let slow = shop.arm(FaultScope::Reserve, Some(1), Fault::Slow { delay_ms: 1_500 });
    let order = shop.order().await;
    order.hold_is_placed().await;

    // Somebody holds the row, and the connection that waits to settle is broken off, again and again.
    let mut lock = shop.database.pool().begin().await.unwrap();
    let locked = sqlx::query("select 1 from reservation where order_id = $1 for update").bind(order.id).execute(&mut *lock).await.unwrap();
    assert_eq!(locked.rows_affected(), 1);
    let mut broken = 0;
    until_true("the settlement was broken off twice", BY_ITSELF, async || {
        broken += shop.database.break_off_those_that_wait().await;
        broken >= 2
    })
    .await;
    assert_eq!((order.row().await.status.as_str(), order.effects(Effect::HoldPlaced)), ("REQUESTED", 1));
    lock.rollback().await.unwrap();

    order.is_reserved().await;
    assert_eq!(shop.fault(slow).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "RESERVED"], "the answer was in hand all the time");
    assert_eq!((order.asked_for(Operation::Reserve), order.effects(Effect::HoldPlaced)), (1, 1));
    assert_eq!(order.told("ReservationCreated").await, 1);
    order.judge().await;
}
