//! The inventory has acted, and the database fails before that is on record.

use holdfast::clock::{Clock as _, SystemClock};
use holdfast::domain::{ReservationId, TenantId};
use holdfast::simulator::{Effect, Fault, FaultScope, Operation};
use holdfast::store::Store;

use crate::support::daemon::Daemon;
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

#[tokio::test]
async fn a_hold_that_was_placed_while_the_database_failed_is_recorded_once_it_is_back_and_not_asked_for_again() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    // Somebody holds the row before the answer is there, and the connection that waits to settle is broken off, again and again. On a
    // machine that has other things to do, it may take some orders to be so quick.
    let (order, slow, lock) = loop {
        let slow = shop.arm(FaultScope::Reserve, Some(1), Fault::Slow { delay_ms: 1_500 });
        let order = shop.order().await;
        order.hold_is_placed().await;
        let mut lock = shop.database.pool().begin().await.unwrap();
        let locking = "select status from reservation where order_id = $1 for update";
        let locked: String = sqlx::query_scalar(locking).bind(order.id).fetch_one(&mut *lock).await.unwrap();
        if locked == "REQUESTED" {
            break (order, slow, lock);
        }
        lock.rollback().await.unwrap();
    };
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

#[tokio::test]
async fn a_claim_whose_commit_was_not_answered_is_taken_up_again_by_the_process_that_made_it() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let looks = order.asked_for(Operation::Lookup);

    // What such a commit leaves behind: the living session's claim, due, and nobody in the process who knows of it.
    let claimed = "update reservation set next_check_at = now(), claim_epoch = claim_epoch + 1,
        claim_session = (select session_id from worker_session where ended_at is null) where order_id = $1";
    assert_eq!(sqlx::query(claimed).bind(order.id).execute(shop.database.pool()).await.unwrap().rows_affected(), 1);
    until_true("the claim is over", BY_ITSELF, async || order.row().await.claim_session.is_none()).await;
    assert!(order.asked_for(Operation::Lookup) > looks, "the hold was looked at");
    assert_eq!(order.row().await.status, "RESERVED");
    order.judge().await;
}

/// A primary that became a replica, or whose disk is full, refuses to write and not to be asked: that is no answer of the kind that ends a task.
#[tokio::test]
async fn a_database_that_only_reads_for_now_counts_as_away() {
    let shop = Shop::open().await;
    let order = {
        let _daemon = Daemon::start(&shop).await;
        let order = shop.order().await;
        order.is_reserved().await;
        order
    };
    shop.database.read_only().await;
    let store = Store::connect(&shop.database.store_options()).await.unwrap();
    let (tenant, reservation) = (TenantId(shop.tenant().parse().unwrap()), ReservationId(order.row().await.reservation_id));
    let refused = store.make_due(tenant, reservation, SystemClock.now()).await.unwrap_err();
    assert!(refused.is_away() && holdfast::chain::chain(&refused).contains("read-only"), "{refused:?}");
}
