//! An inventory that keeps no key: holds whose answer got lost are found in its list, or a human is asked.

use holdfast::simulator::{Effect, Fault, FaultScope, HoldState, Operation};
use serde_json::json;

use crate::support::daemon::Daemon;
use crate::support::http::http;
use crate::support::order::{BY_ITSELF, Order, lines};
use crate::support::shop::Shop;
use crate::support::wait::until_true;

async fn shop_without_keys() -> Shop {
    Shop::open_with(|setup| {
        setup.hasty();
        setup.unkeyed();
    })
    .await
}

/// Somebody holds the same things for the same order, past us.
async fn place_one_more(order: &Order<'_>) {
    let (hold, shop) = (order.holds().remove(0), order.shop);
    let line = json!({"lineId": hold.lines[0].line_id, "sku": hold.lines[0].sku, "quantity": "2"});
    let body = json!({"requestKey": "by hand", "orderId": hold.order_id, "holdSeconds": 3600, "allowPartial": false, "lines": [line]});
    let url = format!("{}/reservations", shop.inventory.url());
    assert!(http().post(url).header("x-tenant-id", shop.tenant()).json(&body).send().await.unwrap().status().is_success());
}

/// Nothing but the list was asked to find out.
async fn was_found_by_the_list(order: &Order<'_>) {
    let calls = order.calls().await;
    let looks: Vec<_> = calls.iter().filter(|call| call.operation == "list").collect();
    assert!(!looks.is_empty() && looks.iter().all(|look| look.answer_class.is_some()), "{calls:?}");
    assert_eq!(order.calls_of("lookup").await, 0);
}

#[tokio::test]
async fn the_one_hold_in_the_list_that_is_like_the_lost_one_is_adopted_and_the_order_goes_on() {
    let shop = shop_without_keys().await;
    let _daemon = Daemon::start(&shop).await;
    let neighbour = shop.order_with(|usual| usual.with("orderLines", lines(2))).await;
    neighbour.is_reserved().await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = shop.order().await;
    order.is_reserved().await;
    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "RESERVED"]);
    assert_eq!((order.effects(Effect::HoldPlaced), order.asked_for(Operation::Reserve)), (1, 1));
    assert_eq!(order.variable("externalReservationRef").await, json!(order.holds()[0].reference));
    was_found_by_the_list(&order).await;
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
    neighbour.judge().await;
}

#[tokio::test]
async fn a_create_that_is_in_no_list_is_sent_again_only_when_it_can_no_longer_act() {
    let shop = shop_without_keys().await;
    let _daemon = Daemon::start(&shop).await;
    let reset = shop.arm(FaultScope::Reserve, Some(1), Fault::ResetBefore);
    let order = shop.order().await;
    order.is_reserved().await;
    assert_eq!(shop.fault(reset).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "REQUESTED", "RESERVED"]);
    let calls = order.calls().await;
    let sent: Vec<_> = calls.iter().filter(|call| call.operation == "reserve").map(|call| call.started_at).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent[1] - sent[0] >= chrono::TimeDelta::milliseconds(1_500), "absence is believed only after the linger");
    let looks = calls.iter().filter(|call| call.operation == "list" && call.started_at < sent[1]).count();
    assert!(looks >= 2, "absence must be seen more than once: {calls:?}");
    order.judge().await;
}

#[tokio::test]
async fn a_create_that_acts_late_is_found_and_not_sent_beside_itself() {
    let shop = shop_without_keys().await;
    let _daemon = Daemon::start(&shop).await;
    let late = shop.arm(FaultScope::Reserve, Some(1), Fault::ActLate { delay_ms: 900 });
    let order = shop.order().await;
    order.is_reserved().await;
    assert_eq!(shop.fault(late).fired, 1);
    assert_eq!((order.effects(Effect::HoldPlaced), order.asked_for(Operation::Reserve)), (1, 1));
    order.judge().await;
}

#[tokio::test]
async fn two_holds_that_may_be_the_lost_one_are_left_to_a_human_who_says_which() {
    let shop = shop_without_keys().await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::List, None, Fault::Unavailable { retry_after: 1 });
    let order = shop.order_with(|usual| usual.with("unknownAfter", "PT2S")).await;
    order.hold_is_placed().await;
    place_one_more(&order).await;
    until_true("the list was asked for", BY_ITSELF, async || shop.fault(away).fired > 0).await;
    shop.disarm(away).await;
    let question = order.question().await;
    assert_eq!(shop.fault(swallow).fired, 1);
    let row = order.row_becomes("UNKNOWN").await;
    assert_eq!((row.status.as_str(), row.manual_since.is_some()), ("UNKNOWN", true));
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (2, 0), "neither was adopted, neither let go");
    let evidence = order.form_variable(&question, "reconcileEvidence").await;
    assert!(evidence.as_str().unwrap().contains("2 holds may be this one"), "{evidence}");

    let mut references: Vec<_> = order.holds().into_iter().map(|hold| hold.reference).collect();
    let (kept, other) = (references.remove(0), references.remove(0));
    shop.behind_our_back(&other, "release").await;
    order.decide(&question, "HELD", Some(&kept)).await;
    order.is_reserved().await;
    assert_eq!(order.variable("externalReservationRef").await, json!(kept));
    let active: Vec<_> = order.holds().into_iter().filter(|hold| hold.state.is_active()).map(|hold| hold.reference).collect();
    assert_eq!(active, [kept]);
}

#[tokio::test]
async fn a_hold_that_belongs_to_another_reservation_of_the_order_is_never_adopted() {
    let shop = shop_without_keys().await;
    let _daemon = Daemon::start(&shop).await;
    let first = shop.order().await;
    first.is_reserved().await;
    // The same order holds the same things in another step; that create never arrives.
    let reset = shop.arm(FaultScope::Reserve, Some(1), Fault::ResetBefore);
    let second = first.again(|same| same.with("reservationStep", "spare")).await;
    second.is_reserved().await;
    assert_eq!(shop.fault(reset).fired, 1);
    let references: Vec<_> = first.rows().await.into_iter().map(|row| row.external_reservation_ref).collect();
    assert!(references.len() == 2 && references[0] != references[1], "{references:?}");
    assert_eq!(first.effects(Effect::HoldPlaced), 2, "each step has a hold of its own");
    assert!(second.path().await.iter().filter(|state| *state == "UNKNOWN").count() >= 1);
}

#[tokio::test]
async fn a_release_whose_answer_is_lost_is_found_out_by_what_the_list_still_shows() {
    let shop = shop_without_keys().await;
    let _daemon = Daemon::start(&shop).await;
    let (acted, not_acted) = (shop.order().await, shop.order().await);
    for order in [&acted, &not_acted] {
        order.is_reserved().await;
    }
    let swallow = shop.arm(FaultScope::Release, Some(1), Fault::SwallowAnswer);
    acted.cancel().await;
    acted.ends_at(&["End_OrderCancelled"]).await;
    let reset = shop.arm(FaultScope::Release, Some(1), Fault::ResetBefore);
    not_acted.cancel().await;
    not_acted.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!((shop.fault(swallow).fired, shop.fault(reset).fired), (1, 1));
    assert_eq!((acted.asked_for(Operation::Release), acted.effects(Effect::HoldReleased)), (1, 1), "what is found out is not done again");
    assert_eq!(not_acted.effects(Effect::HoldReleased), 1);
    for order in [&acted, &not_acted] {
        was_found_by_the_list(order).await;
        order.judge().await;
    }
}

#[tokio::test]
async fn an_order_cancelled_while_its_reserve_is_unknown_gives_back_what_the_list_shows() {
    let shop = shop_without_keys().await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::List, None, Fault::Unavailable { retry_after: 1 });
    let order = shop.order().await;
    order.incident().await;
    order.cancel().await;
    until_true("the list was asked for", BY_ITSELF, async || shop.fault(away).fired > 0).await;
    shop.disarm(away).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (1, 1));
    assert_eq!(order.holds()[0].state, HoldState::Released);
    order.judge().await;
}
