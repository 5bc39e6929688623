//! Orders that are cancelled, at any moment: whatever is held is given back, and nothing is given back twice.

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};
use serde_json::json;

use crate::support::daemon::Daemon;
use crate::support::order::BY_ITSELF;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until_true;

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    order.cancel().await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(order.path().await, ["REQUESTED", "RESERVED", "RELEASE_REQUESTED", "RELEASED"]);
    assert_eq!((order.asked_for(Operation::Release), order.effects(Effect::HoldReleased)), (1, 1));
    assert_eq!((order.told("ReservationReleaseRequested").await, order.told("ReservationReleased").await), (1, 1));
    assert_eq!(order.variable("reservationStatus").await, json!("RELEASED"));
    order.judge().await;
}

#[tokio::test]
async fn cancel_order_release_timeout_creates_release_unknown_case() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let swallow = shop.arm(FaultScope::Release, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::Lookup, None, Fault::Unavailable { retry_after: 1 });
    order.cancel().await;

    let (incident, _) = order.incident().await;
    let row = order.row_becomes("RELEASE_UNKNOWN").await;
    let message = incident.incident_message.unwrap();
    assert!(message.starts_with("OUTCOME UNKNOWN of the release") && message.contains(&row.idempotency_key), "{message}");
    assert_eq!(incident.activity_id.as_deref(), Some("Task_ReleaseStock"));
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldReleased)), (1, 1), "it was released, and nobody here can know");
    assert_eq!(order.told("ReservationReleaseOutcomeUnknown").await, 1);
    assert!(!order.has_ended().await);
    order.judge_what_happened().await;

    until_true("it was asked about in vain", BY_ITSELF, async || shop.fault(away).fired > 0).await;
    shop.disarm(away).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(order.asked_for(Operation::Release), 1, "what was found out is not done again");
    assert_eq!(order.path().await, ["REQUESTED", "RESERVED", "RELEASE_REQUESTED", "RELEASE_UNKNOWN", "RELEASED"]);
    assert!(order.past_incidents().await[0].1, "resolved by the daemon");
    order.judge().await;
}

#[tokio::test]
async fn a_release_that_never_arrived_is_sent_again() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let reset = shop.arm(FaultScope::Release, Some(1), Fault::ResetBefore);
    order.cancel().await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!((shop.fault(reset).fired, order.effects(Effect::HoldReleased)), (1, 1));
    order.judge().await;
}

#[tokio::test]
async fn an_order_cancelled_before_anything_was_reserved_has_nothing_to_give_back() {
    let shop = Shop::open().await;
    let order = shop.order().await;
    order.waits_at("Task_CheckAvailability").await;
    order.cancel().await;
    let _daemon = Daemon::start(&shop).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(order.variable("reservationStatus").await, json!("NONE"));
    assert!(order.ledger().is_empty());
    assert_eq!(order.path().await, ["REQUESTED", "RELEASED"], "an end that a reserve which comes late finds there");
    assert_eq!(order.calls().await.len(), 0);
    order.judge().await;
}

#[tokio::test]
async fn an_order_cancelled_before_its_second_attempt_was_on_record_ends_that_attempt() {
    let shop = Shop::open().await;
    let order = shop.order_with(|usual| usual.with("attemptGroup", 2)).await;
    order.waits_at("Task_CheckAvailability").await;
    order.cancel().await;
    let _daemon = Daemon::start(&shop).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    let row = order.row().await;
    assert_eq!((row.attempt_group, row.status.as_str()), (2, "RELEASED"));
    order.judge().await;
}

#[tokio::test]
async fn an_order_cancelled_while_its_reserve_is_under_way_gives_back_what_the_reserve_gets() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let slow = shop.arm(FaultScope::Reserve, Some(1), Fault::Slow { delay_ms: 3_000 });
    let order = shop.order().await;
    order.hold_is_placed().await;
    order.cancel().await;
    assert_eq!(order.row().await.status, "REQUESTED", "the answer is still on its way");
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(shop.fault(slow).fired, 1);
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (1, 1));
    order.judge().await;
}

#[tokio::test]
async fn an_order_cancelled_while_its_reserve_is_unknown_gives_back_what_is_found() {
    let shop = Shop::open_with(Setup::hasty_and_duplicating).await;
    let _daemon = Daemon::start(&shop).await;
    let (swallow, away) = shop.arm_a_lost_hold();
    let order = shop.order().await;
    order.incident().await;
    order.cancel().await;
    until_true("the release is stuck, too", BY_ITSELF, async || {
        order.incidents().await.iter().any(|incident| incident.activity_id.as_deref() == Some("Task_ReleaseStock"))
    })
    .await;
    shop.disarm(away).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (1, 1));
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "RELEASE_REQUESTED", "RELEASED"]);
    order.judge().await;
}

#[tokio::test]
async fn an_order_cancelled_while_its_reserve_is_unknown_and_never_arrived_ends_without_a_hold() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let reset = shop.arm(FaultScope::Reserve, Some(1), Fault::ResetBefore);
    let away = shop.arm(FaultScope::Reserve, None, Fault::ErrorBefore { status: 500, retry_after: None });
    let order = shop.order().await;
    order.incident().await;
    until_true("it was asked again", BY_ITSELF, async || shop.fault(away).fired > 0).await;
    order.cancel().await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!((shop.fault(reset).fired, order.effects(Effect::HoldPlaced)), (1, 0));
    assert_eq!(order.row().await.status, "RELEASED");
    order.judge().await;
}

#[tokio::test]
async fn an_order_cancelled_after_its_goods_have_left_ends_as_too_late() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    shop.behind_our_back(&order.holds()[0].reference, "consume").await;
    order.cancel().await;
    order.ends_at(&["End_CancelledTooLate"]).await;
    assert_eq!(order.variable("errorCode").await, json!("RELEASE_REFUSED"));
    assert_eq!(order.variable("rejectionCode").await, json!("ALREADY_CONFIRMED"));
    assert_eq!(order.row().await.status, "CONFIRMED");
    // Whoever was told that the hold is to go is told that it stays.
    let told: Vec<String> =
        order.facts().await.into_iter().map(|fact| fact.event_type).filter(|name| name.starts_with("Reservation")).collect();
    assert_eq!(told, ["ReservationRequested", "ReservationCreated", "ReservationReleaseRequested", "ReservationConfirmed"]);
    order.judge().await;
}
