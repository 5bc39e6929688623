//! The named scenarios, entering by HTTP: from the request to the inventory's ledger.

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::http::client::two_routers;
use crate::support::order::Order;
use crate::support::shop::{Setup, Shop};

#[tokio::test]
async fn reservation_timeout_then_reconciliation_confirms_external_hold() {
    let shop = Shop::open_with(Setup::hasty).await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = caller.order(&shop).await;
    order.is_reserved().await;

    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldPlaced)), (1, 1));
    let shown = caller.get(&format!("/orders/{}/reservations", order.id)).await.ok()["items"][0].clone();
    assert_eq!((&shown["status"], &shown["externalReservationRef"]), (&json!("RESERVED"), &json!(order.holds()[0].reference)));
    let timeline = caller.get(&format!("/reservations/{}/timeline", shown["reservationId"].as_str().unwrap())).await.ok();
    let moves: Vec<_> = timeline["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "move").collect();
    let moves: Vec<_> = moves.iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(moves, ["REQUESTED", "REQUESTED -> UNKNOWN", "UNKNOWN -> RESERVED"]);
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn cancel_order_release_timeout_creates_release_unknown_case() {
    let shop = Shop::open_with(Setup::hasty).await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let path = format!("/reservations/{}", order.row().await.reservation_id);
    let swallow = shop.arm(FaultScope::Release, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::Lookup, None, Fault::Unavailable { retry_after: 1 });
    assert_eq!(caller.command(&format!("{path}/release"), &json!({"reason": "order cancelled"})).await["outcome"], "PROCESS_TOLD");

    let (incident, _) = order.incident().await;
    order.row_becomes("RELEASE_UNKNOWN").await;
    assert!(incident.incident_message.unwrap().starts_with("OUTCOME UNKNOWN of the release"));
    let shown = caller.get(&path).await.ok();
    assert_eq!((&shown["status"], &shown["outcomeOpen"]), (&json!("RELEASE_UNKNOWN"), &json!(true)), "no false certainty");
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldReleased)), (1, 1));
    order.judge_what_happened().await;

    shop.disarm(away).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(caller.get(&path).await.ok()["status"], "RELEASED");
    assert_eq!(order.asked_for(Operation::Release), 1, "what was found out is not done again");
    order.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn duplicate_reservation_request_returns_existing_reservation() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (id, body) = (Uuid::new_v4(), two_routers());
    let path = format!("/orders/{id}/reservations");
    let first = caller.post(&path, "first", &body).await;
    let order = Order::found(&shop, id).await;
    order.is_reserved().await;
    let before = caller.get(&path).await.ok();

    let replayed = caller.post(&path, "first", &body).await;
    let under_another_key = caller.post(&path, "second", &body).await;
    for answer in [replayed, under_another_key] {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        assert_eq!(answer.headers["location"], first.headers["location"]);
    }
    assert_eq!(caller.get(&path).await.ok(), before);
    assert_eq!((order.asked_for(Operation::Reserve), order.effects(Effect::HoldPlaced)), (1, 1));
    assert_eq!(Order::instances(&shop, id).await.len(), 1);
    order.judge().await;
    daemon.stop().await;
}
