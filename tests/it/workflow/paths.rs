//! The plain paths: through, refused, not available, kept waiting by an inventory that is down, and past its expiry.

use std::time::Duration;

use chrono::TimeDelta;
use holdfast::engine::Value;
use holdfast::simulator::{Effect, Fault, FaultScope, HoldState, Operation};
use serde_json::json;

use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, lines};
use crate::support::shop::Shop;
use crate::support::wait::until_true;

#[tokio::test]
async fn an_order_goes_through_and_its_hold_is_confirmed() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;

    let (row, hold) = (order.row().await, order.holds().remove(0));
    assert_eq!((row.status.as_str(), hold.state), ("RESERVED", HoldState::Held));
    assert_eq!(row.idempotency_key, format!("{}:reserve:1", order.id));
    assert_eq!(hold.request_key, row.idempotency_key);
    assert_eq!(order.variable("reservationId").await, json!(row.reservation_id.to_string()));
    assert_eq!(order.variable("reservationStatus").await, json!("RESERVED"));
    assert_eq!(order.variable("externalReservationRef").await, json!(hold.reference));
    assert_eq!(order.variable("reservationPartial").await, json!(false));
    assert_eq!(order.variable("availabilityStatus").await, json!("AVAILABLE"));

    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
    assert_eq!(order.path().await, ["REQUESTED", "RESERVED", "CONFIRMED"]);
    let calls: Vec<_> = order.calls().await.into_iter().map(|call| (call.operation, call.answer_class.unwrap())).collect();
    let done = |operation: &str| (operation.to_owned(), "DONE".to_owned());
    assert_eq!(calls, [done("reserve"), done("lookup"), done("confirm")]);
    let facts: Vec<_> = order.facts().await.into_iter().map(|fact| fact.event_type).collect();
    let of_the_hold: Vec<_> = facts.iter().filter(|name| name.starts_with("Reservation")).collect();
    assert_eq!(of_the_hold, ["ReservationRequested", "ReservationCreated", "ReservationConfirmed"]);
    assert!(order.past_incidents().await.is_empty());
}

#[tokio::test]
async fn an_order_of_what_is_not_there_ends_before_anything_is_reserved() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    shop.inventory.set_stock(shop.tenant(), "router", 1);
    let order = shop.order().await;
    order.ends_at(&["End_NotAvailable"]).await;
    assert_eq!(order.variable("errorCode").await, json!("AVAILABILITY_CHANGED"));
    let short: Vec<serde_json::Value> = serde_json::from_str(order.variable("rejectionLines").await.as_str().unwrap()).unwrap();
    assert_eq!((&short[0]["requested"], &short[0]["available"]), (&json!("2"), &json!("1")));
    assert_eq!(order.asked_for(Operation::Reserve), 0);
    assert!(order.rows().await.is_empty());
    order.judge().await;
}

#[tokio::test]
async fn an_order_that_the_inventory_refuses_ends_as_rejected_with_the_reason() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let refuse = shop.arm(FaultScope::Reserve, Some(1), Fault::Refuse { code: "OUT_OF_STOCK".to_owned(), status: 409 });
    let order = shop.order().await;
    order.ends_at(&["End_OrderRejected"]).await;
    assert_eq!(shop.fault(refuse).fired, 1);
    assert_eq!(order.variable("errorCode").await, json!("RESERVATION_REJECTED"));
    assert_eq!(order.variable("rejectionCode").await, json!("OUT_OF_STOCK"));
    assert_eq!(order.variable("reservationStatus").await, json!("REJECTED"));
    assert_eq!(order.row().await.rejection_code.as_deref(), Some("OUT_OF_STOCK"));
    assert_eq!(order.told("ReservationRejected").await, 1);
    order.judge().await;
}

#[tokio::test]
async fn a_status_that_no_profile_lists_is_never_taken_for_a_refusal() {
    let shop = Shop::open_with(|setup| setup.hasty()).await;
    let _daemon = Daemon::start(&shop).await;
    let refuse = shop.arm(FaultScope::Reserve, Some(1), Fault::ErrorBefore { status: 409, retry_after: None });
    let order = shop.order().await;
    order.is_reserved().await;
    assert_eq!(shop.fault(refuse).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "RESERVED"]);
    order.judge().await;
}

#[tokio::test]
async fn an_order_waits_for_an_inventory_that_is_down_and_then_goes_through() {
    let shop = Shop::open_with(|setup| setup.hasty()).await;
    let _daemon = Daemon::start(&shop).await;
    let before = shop.order().await;
    before.is_reserved().await;
    shop.inventory.down(None).await;
    let order = shop.order().await;
    until_true("the check was tried and will be tried again", BY_ITSELF, async || order.failures().await > 0).await;
    assert!(order.incidents().await.is_empty(), "a retry is no incident");
    assert!(order.rows().await.is_empty());

    shop.inventory.up().await;
    order.is_reserved().await;
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
    assert!(order.past_incidents().await.is_empty());
}

#[tokio::test]
async fn a_reserve_that_the_inventory_never_took_is_sent_again_under_the_same_key() {
    let shop = Shop::open_with(|setup| {
        let not_taken: toml::Table = toml::from_str("status = 503\ncode = 'INTERNAL'\nmeans = 'not_sent'").unwrap();
        setup.profile["reserve"]["answers"].as_array_mut().unwrap().push(not_taken.into());
    })
    .await;
    let _daemon = Daemon::start(&shop).await;
    let busy = shop.arm(FaultScope::Reserve, Some(2), Fault::Unavailable { retry_after: 1 });
    let order = shop.order().await;
    order.is_reserved().await;
    assert_eq!((shop.fault(busy).fired, order.failures().await), (2, 2));
    assert_eq!(order.path().await, ["REQUESTED", "RESERVED"], "nothing was ever unknown");
    assert_eq!(order.calls_of("reserve").await, 3);
    assert!(order.past_incidents().await.is_empty());
    order.judge().await;
}

#[tokio::test]
async fn a_hold_that_runs_out_before_fulfilment_is_placed_anew_by_the_next_attempt_group() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order_with(|usual| usual.with("holdFor", "PT3S").with("orderLines", lines("2.5"))).await;
    order.is_reserved().await;
    let first = order.row().await;
    let hold = order.holds().into_iter().find(|hold| Some(&hold.reference) == first.external_reservation_ref.as_ref()).unwrap();
    assert_eq!(first.expires_at, Some(hold.created_at + TimeDelta::seconds(3)), "three seconds after the inventory has placed it");

    until_true("the second attempt group holds", BY_ITSELF, async || {
        order.rows().await.last().is_some_and(|row| row.attempt_group == 2 && row.status == "RESERVED")
    })
    .await;
    order.is_reserved().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;

    let rows: Vec<_> = order.rows().await.into_iter().map(|row| (row.attempt_group, row.status)).collect();
    assert_eq!(rows, [(1, "EXPIRED".to_owned()), (2, "CONFIRMED".to_owned())]);
    assert_eq!(order.variable("errorCode").await, json!("HOLD_LOST"));
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldExpired)), (2, 1));
    assert_eq!(order.runs_of("Task_CheckHoldAtExpiry").await, 1, "the timer fires when the hold is over, not before");
}

#[tokio::test]
async fn a_hold_that_is_lost_as_often_as_the_order_allows_ends_it() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order_with(|usual| usual.with("maxAttemptGroups", Value::Integer(1))).await;
    order.is_reserved().await;
    // A whole day passes at the inventory; here it does not, so that only asking can tell.
    shop.inventory.advance_clock_ms(Duration::from_hours(25).as_millis() as i64);
    order.fulfil().await;
    order.ends_at(&["End_HoldLost"]).await;
    assert_eq!(order.row().await.status, "EXPIRED");
    order.judge().await;
}
