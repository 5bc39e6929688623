//! What no machine can find out: an inventory that cannot be asked. A human is asked by the form, and what they say is carried out.

use holdfast::engine::Value;
use holdfast::simulator::{Effect, Fault, FaultScope, HoldState, Operation};
use serde_json::json;

use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::rows::tasks_that_wait;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// A shop whose inventory can neither be asked what it holds, nor be sent a create twice.
pub(super) async fn shop_with_a_mute_inventory() -> Shop {
    Shop::open_with(|setup| {
        setup.hasty();
        setup.mute();
    })
    .await
}

/// An order whose reserve got this fault, and about which a human is asked after a second.
async fn order_that_needs_a_human(shop: &Shop, fault: Fault) -> Order<'_> {
    let armed = shop.arm(FaultScope::Reserve, Some(1), fault);
    let order = shop.order_with(|usual| usual.with("unknownAfter", "PT1S")).await;
    order.question().await;
    assert_eq!(shop.fault(armed).fired, 1);
    assert_eq!(order.row().await.status, "UNKNOWN");
    order
}

#[tokio::test]
async fn a_human_who_found_the_hold_names_it_and_the_order_goes_on() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_that_needs_a_human(&shop, Fault::SwallowAnswer).await;
    let [(message, _)] = &order.past_incidents().await[..] else { panic!("one incident, and no more") };
    assert!(message.contains("A human must find out at the inventory and decide"), "{message}");

    let question = order.question().await;
    let evidence = order.form_variable(&question, "reconcileEvidence").await;
    for part in [
        "Did the inventory create the hold? not known",
        "Is a human needed? yes",
        "reserve: UNKNOWN",
        &order.row().await.idempotency_key,
        "no answer within 600 ms",
    ] {
        assert!(evidence.as_str().unwrap().contains(part), "`{part}` is missing in: {evidence}");
    }
    assert_eq!(order.form_variable(&question, "reservationKey").await, json!(order.row().await.idempotency_key));

    order.decide(&question, "HELD", Some(&order.holds()[0].reference)).await;
    order.is_reserved().await;
    assert_eq!(order.variable("externalReservationRef").await, json!(order.holds()[0].reference));
    assert!(order.moves().await.iter().any(|step| step.actor.starts_with("human: ")), "the timeline names who decided");
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
    assert_eq!(order.asked_for(Operation::Reserve), 1);
    until_true("nobody waits any more", BY_ITSELF, async || tasks_that_wait(shop.database.pool(), order.id).await == 0).await;
}

#[tokio::test]
async fn a_human_who_found_no_hold_lets_the_order_reserve_again_under_the_same_key() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_that_needs_a_human(&shop, Fault::ResetBefore).await;
    order.decide(&order.question().await, "NOT_HELD", None).await;
    order.is_reserved().await;
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "REQUESTED", "RESERVED"]);
    assert_eq!(order.effects(Effect::HoldPlaced), 1);
    order.judge().await;
}

#[tokio::test]
async fn a_human_who_cannot_tell_is_asked_again_and_may_give_up() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_that_needs_a_human(&shop, Fault::SwallowAnswer).await;
    let first = order.question().await;
    order.decide(&first, "ASK_AGAIN", None).await;
    until_true("the question comes back", BY_ITSELF, async || order.question().await.id != first.id).await;
    order.decide(&order.question().await, "GIVE_UP", None).await;
    order.ends_at(&["End_ReservationGivenUp"]).await;

    let row = order.row().await;
    assert_eq!((row.status.as_str(), row.release_wanted), ("UNKNOWN", true), "a hold that shows up later is not wanted");
    assert_eq!(order.holds()[0].state, HoldState::Held, "nobody could find it");
    order.judge_what_happened().await;
}

#[tokio::test]
async fn a_decision_without_the_reference_that_it_needs_is_refused_and_asked_for_again() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_that_needs_a_human(&shop, Fault::SwallowAnswer).await;
    let first = order.question().await;
    order.decide(&first, "HELD", None).await;
    until_true("the question comes back", BY_ITSELF, async || order.question().await.id != first.id).await;
    assert_eq!(order.row().await.status, "UNKNOWN");
    order.decide(&order.question().await, "HELD", Some(&order.holds()[0].reference)).await;
    order.is_reserved().await;
    order.judge().await;
}

#[tokio::test]
async fn a_release_that_nobody_can_find_out_about_is_decided_by_a_human() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order_with(|usual| usual.with("unknownAfter", "PT1S").with("holdFor", Value::from("PT1H"))).await;
    order.is_reserved().await;
    let swallow = shop.arm(FaultScope::Release, Some(1), Fault::SwallowAnswer);
    order.cancel().await;
    let question = order.question().await;
    assert_eq!((shop.fault(swallow).fired, order.row().await.status.as_str()), (1, "RELEASE_UNKNOWN"));
    order.decide(&question, "NOT_HELD", None).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    order.judge().await;
}
