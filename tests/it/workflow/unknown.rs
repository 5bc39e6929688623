//! Answers that get lost: nobody takes that for an answer, the incident says what goes on, and the daemon finds out and goes on.

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::domain::{ReservationStatus, TenantId};
use holdfast::engine::Value;
use holdfast::simulator::{Effect, Fault, FaultScope, Operation, WrongShape};
use holdfast::store::Store;
use serde_json::json;
use uuid::Uuid;

use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, Order, lines_of};
use crate::support::rows::tasks_that_wait;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::{until, until_true};

#[tokio::test]
async fn reservation_timeout_then_reconciliation_confirms_external_hold() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = shop.order().await;
    order.is_reserved().await;

    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "RESERVED"]);
    assert_eq!(order.effects(Effect::HoldPlaced), 1);
    assert_eq!(order.variable("externalReservationRef").await, json!(order.holds()[0].reference));
    assert_eq!((order.told("ReservationOutcomeUnknown").await, order.told("ReservationCreated").await), (1, 1));
    let [(message, resolved)] = &order.past_incidents().await[..] else { panic!("one incident, and no more") };
    assert!(message.starts_with("OUTCOME UNKNOWN of the reserve") && *resolved, "{message}");
    order.judge().await;

    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
}

/// An inventory that knows keys compares what comes under one of them, down to the order of the lines.
#[tokio::test]
async fn what_is_asked_for_again_is_asked_for_in_the_same_words() {
    let shop = Shop::open_with(Setup::hasty).await;
    for product in ["phone", "cable"] {
        shop.inventory.set_stock(shop.tenant(), product, 100);
    }
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let line = |product: &str, quantity: &str| json!({ "orderLineId": Uuid::new_v4(), "productOfferingId": product, "quantity": quantity });
    let lines = json!([
        line("router", "2.50"),
        line("phone", "1"),
        line("cable", "3.000001"),
        line("router", "1"),
        line("phone", "2"),
        line("cable", "10")
    ]);
    let order = shop
        .order_with(|usual| {
            usual.with("orderLines", Value::Json(lines)).with("customerId", "c-17").with("locationId", "shelf 4").with("holdFor", "PT90M")
        })
        .await;
    order.is_reserved().await;
    assert_eq!(shop.fault(swallow).fired, 1);
    let asked: Vec<_> = order.ledger().into_iter().filter(|entry| entry.operation == Operation::Reserve).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(json!(asked[0].asked), json!(asked[1].asked));
    assert_eq!(order.effects(Effect::HoldPlaced), 1);
    order.judge().await;
}

#[tokio::test]
async fn an_incident_tells_the_key_the_next_step_and_the_story_and_how_the_daemon_gets_on() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::Reserve, None, Fault::ErrorBefore { status: 500, retry_after: None });
    let order = shop.order().await;
    let (incident, task) = order.incident().await;
    let row = order.row_becomes("UNKNOWN").await;

    let message = incident.incident_message.clone().unwrap();
    for part in [
        "OUTCOME UNKNOWN",
        &row.idempotency_key,
        &row.reservation_id.to_string(),
        "will settle this task by itself",
        "Retry only asks again",
    ] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    assert!(message.ends_with('.') && message.encode_utf16().count() <= 666, "the engine cuts it: {message}");
    let details = shop.engine.client.error_details(&task).await.unwrap();
    for part in [
        "What happened",
        "REQUESTED -> UNKNOWN",
        "What Retry does",
        "What happens by itself",
        "If it cannot be found out",
        &row.idempotency_key,
    ] {
        assert!(details.contains(part), "`{part}` is missing in: {details}");
    }

    let annotation = async || order.incidents().await.pop().unwrap().annotation;
    let first = until("the incident is annotated", BY_ITSELF, annotation).await;
    until_true("the annotation tells of another look", BY_ITSELF, async || annotation().await.is_some_and(|now| now != first)).await;
    assert!(first.contains("look ") && first.contains("`main`"), "{first}");
    assert_eq!(shop.fault(swallow).fired, 1);

    shop.disarm(away).await;
    order.is_reserved().await;
    assert_eq!(order.past_incidents().await.len(), 1);
    assert!(order.past_incidents().await[0].1, "resolved, not deleted");
    until_true("nobody waits any more", BY_ITSELF, async || tasks_that_wait(shop.database.pool(), order.id).await == 0).await;
    assert_eq!(order.effects(Effect::HoldPlaced), 1);
    order.judge().await;
}

/// Every way in which an inventory that acted can fail to say so.
fn lost_answers() -> Vec<Fault> {
    vec![
        Fault::SwallowAnswer,
        Fault::ResetAfter,
        Fault::CutBody,
        Fault::ErrorAfter { status: 500 },
        Fault::ErrorAfter { status: 404 },
        Fault::GarbageBody,
        Fault::Html502 { acted: true },
        Fault::ActLate { delay_ms: 900 },
        Fault::WrongShape { shape: WrongShape::UnknownState },
        Fault::WrongShape { shape: WrongShape::MissingReference },
        Fault::WrongShape { shape: WrongShape::OtherKey },
        Fault::WrongShape { shape: WrongShape::Huge },
    ]
}

async fn every_lost_answer_ends_with_one_hold(shop: &Shop) {
    let _daemon = Daemon::start(shop).await;
    let mut orders: Vec<(Order<'_>, u64)> = Vec::new();
    for (number, fault) in lost_answers().into_iter().enumerate() {
        let product = format!("product-{number}");
        let armed = shop.arm_for(&product, FaultScope::Reserve, fault);
        orders.push((shop.order_with(|usual| usual.with("orderLines", lines_of(&product, 2))).await, armed));
    }
    for (order, armed) in &orders {
        order.is_reserved().await;
        let fault = shop.fault(*armed);
        assert_eq!(fault.fired, 1, "{fault:?}");
        let path = order.path().await;
        assert!(path.iter().any(|state| state == "UNKNOWN") && !path.iter().any(|state| state == "REJECTED"), "{fault:?}: {path:?}");
        assert_eq!((order.effects(Effect::HoldPlaced), order.told("ReservationCreated").await), (1, 1), "{fault:?}");
        order.judge().await;
    }
}

#[tokio::test]
async fn every_way_to_lose_an_answer_ends_with_one_hold_where_a_create_may_be_repeated() {
    every_lost_answer_ends_with_one_hold(&Shop::open_with(Setup::hasty).await).await;
}

#[tokio::test]
async fn every_way_to_lose_an_answer_ends_with_one_hold_where_a_repeated_create_holds_twice() {
    let shop = Shop::open_with(Setup::hasty_and_duplicating).await;
    every_lost_answer_ends_with_one_hold(&shop).await;
}

#[tokio::test]
async fn a_create_that_never_arrived_is_sent_again_only_when_it_can_no_longer_act() {
    let shop = Shop::open_with(Setup::hasty_and_duplicating).await;
    let _daemon = Daemon::start(&shop).await;
    let reset = shop.arm(FaultScope::Reserve, Some(1), Fault::ResetBefore);
    let order = shop.order().await;
    order.is_reserved().await;
    assert_eq!(shop.fault(reset).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "REQUESTED", "RESERVED"]);
    let calls = order.calls().await;
    let sent: Vec<_> = calls.iter().filter(|call| call.operation == "reserve").map(|call| call.started_at).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent[1] - sent[0] >= TimeDelta::milliseconds(1_500), "absence is believed only after the linger");
    let looks = calls.iter().filter(|call| call.operation == "lookup" && call.started_at < sent[1]).count();
    assert!(looks >= 2, "absence must be seen more than once: {calls:?}");
    order.judge().await;
}

#[tokio::test]
async fn a_confirmation_whose_answer_is_lost_is_looked_up_and_not_sent_twice() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Confirm, Some(1), Fault::SwallowAnswer);
    let order = shop.order().await;
    order.is_reserved().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!((order.asked_for(Operation::Confirm), order.effects(Effect::HoldConfirmed)), (1, 1));
    let [(message, resolved)] = &order.past_incidents().await[..] else { panic!("one incident, and no more") };
    assert!(message.starts_with("OUTCOME UNKNOWN of the confirmation") && *resolved, "{message}");
    order.judge().await;
}

#[tokio::test]
async fn a_confirmation_that_never_arrived_is_sent_again_once_it_can_no_longer_act() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let reset = shop.arm(FaultScope::Confirm, Some(1), Fault::ResetBefore);
    let order = shop.order().await;
    order.is_reserved().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    assert_eq!(shop.fault(reset).fired, 1);
    assert_eq!(order.effects(Effect::HoldConfirmed), 1);
    order.judge().await;
}

#[tokio::test]
async fn a_check_without_an_answer_is_asked_again_and_turns_no_order_away() {
    let shop = Shop::open_with(|setup| setup.set("sources.main.check_timeout_ms", 1_100)).await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Check, Some(1), Fault::SwallowAnswer);
    let garbage = shop.arm(FaultScope::Check, Some(1), Fault::GarbageBody);
    let order = shop.order().await;
    order.is_reserved().await;
    assert_eq!((shop.fault(swallow).fired, shop.fault(garbage).fired), (1, 1));
    assert!(order.past_incidents().await.is_empty());
    order.judge().await;
}

#[tokio::test]
async fn an_unknown_outcome_that_moves_on_by_the_models_timer_is_settled_by_asking() {
    let shop = Shop::open_with(Setup::hasty_and_duplicating).await;
    let _daemon = Daemon::start(&shop).await;
    let (swallow, away) = shop.arm_a_lost_hold();
    let order = shop.order().await;
    order.incident().await;
    order.fire("Boundary_ReservationUnknown").await;
    // The inventory does not answer, so that a human is asked; meanwhile it comes back, and the question is withdrawn.
    order.question().await;
    shop.disarm(away).await;
    order.is_reserved().await;
    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!(order.effects(Effect::HoldPlaced), 1);
    order.judge().await;
}

#[tokio::test]
async fn what_is_open_is_as_old_as_its_last_move_however_often_it_was_looked_at() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::Reserve, None, Fault::ErrorBefore { status: 500, retry_after: None });
    let order = shop.order().await;
    let row = order.row_becomes("UNKNOWN").await;
    until_true("it was looked at", BY_ITSELF, async || shop.fault(away).fired >= 3).await;

    let times = "select max(m.moved_at), max(r.updated_at) from reservation r join reservation_transition m using (reservation_id)
        where r.reservation_id = $1";
    let (moved_at, written_at): (DateTime<Utc>, DateTime<Utc>) =
        sqlx::query_as(times).bind(row.reservation_id).fetch_one(shop.database.pool()).await.unwrap();
    assert!(written_at > moved_at, "every look writes the row");
    let store = Store::connect(&shop.database.store_options()).await.unwrap();
    let census = store.count_open(&[TenantId(shop.tenant().parse().unwrap())], moved_at + TimeDelta::seconds(600)).await.unwrap();
    let unknown = census.states.iter().find(|state| state.status == ReservationStatus::Unknown).unwrap();
    assert_eq!((unknown.count, unknown.oldest_age_s), (1, 600.0));
    order.judge_what_happened().await;
}
