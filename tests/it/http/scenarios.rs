//! The named scenarios, entering by HTTP: from the request to the inventory's ledger.

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::http::client::two_routers;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until_true;

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

    until_true("it was asked about in vain", BY_ITSELF, async || shop.fault(away).fired > 0).await;
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

#[tokio::test]
async fn quote_shows_available_but_submit_rechecks_and_rejects_when_stock_gone() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (quote, order) = (Uuid::new_v4(), Uuid::new_v4());
    let mut asked = two_routers();
    asked["quoteId"] = json!(quote);
    let shown = caller.post("/availability-checks", "quote", &asked).await;
    assert_eq!(shown.status, StatusCode::CREATED, "{shown:?}");
    let shown = shown.json();
    assert_eq!((&shown["status"], &shown["lines"][0]["requestedQuantity"]), (&json!("AVAILABLE"), &json!("2")));
    let of_quote = caller.get(&format!("/quotes/{quote}/availability")).await.ok();
    assert_eq!((&of_quote["status"], &of_quote["evidence"][0]["evidenceId"]), (&json!("AVAILABLE"), &shown["evidenceId"]));

    shop.inventory.set_stock(shop.tenant(), "router", 1);
    let mut submitted = json!({ "lines": asked["lines"] });
    submitted["evidenceId"] = shown["evidenceId"].clone();
    caller.command(&format!("/orders/{order}/reservations"), &submitted).await;
    let order = Order::found(&shop, order).await;
    order.ends_at(&["End_NotAvailable"]).await;
    assert_eq!(order.variable("errorCode").await, json!("AVAILABILITY_CHANGED"));
    assert_eq!((order.asked_for(Operation::Reserve), order.effects(Effect::HoldPlaced)), (0, 0), "nothing was even asked for");
    assert_eq!(caller.get(&format!("/orders/{}/reservations", order.id)).await.ok()["items"], json!([]));

    let rechecked =
        caller.post(&format!("/availability-checks/{}/recheck", shown["evidenceId"].as_str().unwrap()), "r", &json!(null)).await;
    assert_eq!(rechecked.status, StatusCode::CREATED, "{rechecked:?}");
    let rechecked = rechecked.json();
    assert_eq!((&rechecked["diff"]["worse"], &rechecked["diff"]["statusAfter"]), (&json!(true), &json!("PARTIALLY_AVAILABLE")));
    let change = &rechecked["diff"]["lines"][0]["changes"][1];
    assert_eq!(change, &json!({"what": "QUANTITY", "before": "1000", "after": "1", "cause": "STOCK_FELL"}));
    order.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn availability_cache_expiry_forces_recheck_before_acceptance() {
    let shop = Shop::open_with(|setup| {
        setup.set("sources.main.evidence_ttl_s", 2);
        setup.set("sources.main.check_timeout_ms", 1_900);
    })
    .await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (quote, order) = (Uuid::new_v4(), Uuid::new_v4());
    let mut asked = two_routers();
    asked["quoteId"] = json!(quote);
    let checks = || shop.inventory.ledger().iter().filter(|entry| entry.operation == Operation::Check).count();
    let shown = caller.post("/availability-checks", "first", &asked).await.ok();
    assert_eq!((&shown["status"], &shown["provenance"]), (&json!("AVAILABLE"), &json!("FRESH")));
    shop.inventory.set_stock(shop.tenant(), "router", 0);
    let path = format!("/availability-checks/{}", shown["evidenceId"].as_str().unwrap());
    until_true("the evidence has expired", BY_ITSELF, async || caller.get(&path).await.ok()["status"] == "STALE").await;
    assert_eq!(caller.get(&path).await.ok()["statusWhenChecked"], "AVAILABLE");
    assert_eq!(caller.get(&format!("/quotes/{quote}/availability")).await.ok()["status"], "STALE");
    let before = checks();

    // Submitted on what was shown, however old that may be: what has expired is accepted by nobody.
    let submitted = json!({ "lines": asked["lines"], "evidenceId": shown["evidenceId"], "evidenceMaxAgeSeconds": 3_600 });
    caller.command(&format!("/orders/{order}/reservations"), &submitted).await;
    let order = Order::found(&shop, order).await;
    order.ends_at(&["End_NotAvailable"]).await;
    assert!(checks() > before, "the inventory was asked again");
    assert_eq!(order.asked_for(Operation::Reserve), 0);
    let fresh = caller.post("/availability-checks", "second", &asked).await.ok();
    assert_eq!(fresh["status"], "UNAVAILABLE");
    order.judge().await;
    daemon.stop().await;
}
