//! `holdfast fallout`: a human decides at the command line; what they say is guarded, carried out, told to the process, and on record.

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};
use serde_json::{Value as JsonValue, json};

use super::fallout::shop_with_a_mute_inventory;
use crate::support::command::{Ran, holdfast};
use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::rows::tasks_that_wait;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::{until, until_true};

async fn fallout(shop: &Shop, arguments: &[&str]) -> Ran {
    holdfast(&shop.config_file(&[]), &[&["fallout"], arguments].concat()).await
}

/// Waits until the order's case is listed.
async fn case_of(order: &Order<'_>) -> JsonValue {
    until(&format!("order {} waits for a human", order.id), BY_ITSELF, async || {
        let listed = fallout(order.shop, &["list", "--json"]).await.json();
        listed.as_array().unwrap().iter().find(|case| case["orderId"] == json!(order.id)).cloned()
    })
    .await
}

async fn decide(order: &Order<'_>, case: &JsonValue, more: &[&str]) -> Ran {
    fallout(order.shop, &[&["decide", case["caseId"].as_str().unwrap(), "--by", "anna"], more].concat()).await
}

/// What was said about an order, and whether it counted.
async fn decisions(order: &Order<'_>) -> Vec<(String, String, Option<String>)> {
    let of_order = "select d.decision, d.decided_by || ' by ' || d.via, d.refused_because from fallout_decision d join reservation r using (reservation_id)
        where r.order_id = $1 order by d.decided_at";
    sqlx::query_as(of_order).bind(order.id).fetch_all(order.shop.database.pool()).await.unwrap()
}

/// An order whose reserve got this fault, waiting in an incident.
async fn order_in_doubt(shop: &Shop, fault: Fault) -> Order<'_> {
    let armed = shop.arm(FaultScope::Reserve, Some(1), fault);
    let order = shop.order().await;
    order.incident().await;
    assert_eq!(shop.fault(armed).fired, 1);
    order
}

#[tokio::test]
async fn a_hold_that_a_human_found_is_named_at_the_command_line_and_the_waiting_task_goes_on() {
    let shop = shop_with_a_mute_inventory().await;
    let daemon = Daemon::start(&shop).await;
    let order = order_in_doubt(&shop, Fault::SwallowAnswer).await;
    let case = case_of(&order).await;
    assert_eq!((&case["question"], &case["state"], &case["status"]), (&json!("RESERVE"), &json!("waits"), &json!("UNKNOWN")));
    // No daemon is needed for a human's word to be carried out.
    daemon.stop().await;

    let shown = fallout(&shop, &["show", case["caseId"].as_str().unwrap()]).await.fine();
    let key = order.row().await.idempotency_key;
    for part in [
        key.as_str(),
        "reserve: UNKNOWN",
        "no answer within 600 ms",
        "REQUESTED -> UNKNOWN",
        "a human is asked",
        "held --reference REFERENCE",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in: {shown}");
    }
    let refused = decide(&order, &case, &["held"]).await.refused();
    assert!(refused.contains("HELD needs the inventory's reference") && refused.contains("Nothing was done"), "{refused}");
    assert_eq!(order.row().await.status, "UNKNOWN");

    let said = decide(&order, &case, &["held", "--reference", &order.holds()[0].reference, "--comment", "seen on shelf 4"]).await.fine();
    assert!(said.contains("decided: the reservation is RESERVED") && said.contains("1 waiting task(s) of the process were told"), "{said}");
    order.is_reserved().await;
    assert_eq!(order.asked_for(Operation::Reserve), 1);
    assert_eq!(tasks_that_wait(shop.database.pool(), order.id).await, 0);
    assert!(order.past_incidents().await[0].1, "the incident is resolved");
    assert_eq!(fallout(&shop, &["list", "--json"]).await.json(), json!([]));
    let answered = fallout(&shop, &["list", "--all", "--json"]).await.json();
    assert_eq!(
        (&answered[0]["state"], &answered[0]["outcome"], &answered[0]["closedBy"]),
        (&json!("answered"), &json!("RESERVED"), &json!("human: anna"))
    );

    let id = order.row().await.reservation_id.to_string();
    let story = holdfast(&shop.config_file(&[]), &["reservation", "show", &id]).await.fine();
    for part in [
        "inventory.reserve waits in an incident",
        "inventory.reserve waits no longer: it was told",
        "decision",
        "anna (cli)",
        "seen on shelf 4",
        "refused: HELD needs",
        "nobody is asked any more",
    ] {
        assert!(story.contains(part), "`{part}` is missing in: {story}");
    }
    order.judge().await;
}

#[tokio::test]
async fn a_decision_at_the_command_line_withdraws_the_question_in_the_process() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let armed = shop.arm(FaultScope::Reserve, Some(1), Fault::ResetBefore);
    let order = shop.order_with(|usual| usual.with("unknownAfter", "PT1S")).await;
    order.question().await;
    let case = case_of(&order).await;
    assert!(case["askedIn"].is_string(), "{case}");
    let said = decide(&order, &case, &["not-held"]).await.fine();
    assert!(said.contains("decided: the reservation is REQUESTED"), "{said}");
    order.is_reserved().await;
    assert_eq!((shop.fault(armed).fired, order.effects(Effect::HoldPlaced)), (1, 1));
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "REQUESTED", "RESERVED"]);
    order.judge().await;
}

#[tokio::test]
async fn giving_up_at_the_command_line_answers_the_question_and_keeps_an_eye_on_the_hold() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let armed = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = shop.order_with(|usual| usual.with("unknownAfter", "PT1S")).await;
    order.question().await;
    let case = case_of(&order).await;
    let said = decide(&order, &case, &["give-up", "--comment", "the customer has gone"]).await.fine();
    assert!(said.contains("given up: the reservation stays UNKNOWN") && said.contains("is answered"), "{said}");
    order.ends_at(&["End_ReservationGivenUp"]).await;
    assert_eq!(shop.fault(armed).fired, 1);
    let row = order.row().await;
    assert_eq!((row.status.as_str(), row.release_wanted), ("UNKNOWN", true));
    assert_eq!(fallout(&shop, &["list", "--json"]).await.json(), json!([]), "nobody waits for a human any more");
    let all = fallout(&shop, &["list", "--all", "--json"]).await.json();
    assert_eq!(all[0]["state"], json!("given up"), "the stock may still be held, which is not forgotten");

    // The hold is found after all: it goes.
    let found =
        fallout(&shop, &["decide", all[0]["caseId"].as_str().unwrap(), "held", "--reference", &order.holds()[0].reference, "--by", "bo"])
            .await;
    assert!(found.success, "{found:?}");
    order.row_becomes("RELEASED").await;
    assert_eq!(order.effects(Effect::HoldReleased), 1);
    order.judge().await;
}

#[tokio::test]
async fn a_decision_that_the_state_no_longer_allows_is_refused_with_the_reason_and_changes_nothing() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let neighbour = shop.order().await;
    neighbour.is_reserved().await;
    let order = order_in_doubt(&shop, Fault::ResetBefore).await;
    let case = case_of(&order).await;
    let version = case["version"].as_i64().unwrap();

    let refused = decide(&order, &case, &["held", "--reference", &neighbour.holds()[0].reference]).await.refused();
    let owner = neighbour.row().await.reservation_id;
    assert!(refused.contains(&format!("belongs to reservation {owner}")), "{refused}");
    let refused = decide(&order, &case, &["not-held", "--version", &(version + 1_000).to_string()]).await.refused();
    assert!(refused.contains("the reservation has changed since it was looked at"), "{refused}");
    assert_eq!(order.row().await.status, "UNKNOWN");

    decide(&order, &case, &["not-held"]).await.fine();
    order.is_reserved().await;
    let before = order.moves().await.len();
    let refused = decide(&order, &case, &["not-held"]).await.refused();
    assert!(refused.contains("nothing about it is open: the reservation is RESERVED") && refused.contains("Nothing was done"), "{refused}");
    assert_eq!((order.moves().await.len(), order.effects(Effect::HoldPlaced)), (before, 1));
    let said: Vec<_> = decisions(&order).await.into_iter().map(|(decision, by, refused)| (decision, by, refused.is_some())).collect();
    let (held, not_held) = ("HELD".to_owned(), "NOT_HELD".to_owned());
    let by = || "anna by cli".to_owned();
    assert_eq!(said, [(held, by(), true), (not_held.clone(), by(), true), (not_held.clone(), by(), false), (not_held, by(), true)]);
    order.judge().await;
}

#[tokio::test]
async fn asking_again_at_the_command_line_asks_and_says_what_came_of_it() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_in_doubt(&shop, Fault::SwallowAnswer).await;
    let case = case_of(&order).await;
    let said = decide(&order, &case, &["ask-again", "--json"]).await;
    assert!(said.success, "{said:?}");
    assert_eq!((&said.json()["outcome"], &said.json()["status"]), (&json!("open"), &json!("UNKNOWN")));
    assert_eq!(order.calls().await.len(), 1 + order.calls_of("check").await, "there is nothing that this inventory could be asked");
    assert_eq!(case_of(&order).await["caseId"], case["caseId"], "it is the same case");
}

#[tokio::test]
async fn a_form_that_is_posted_twice_counts_once() {
    let shop = shop_with_a_mute_inventory().await;
    let _daemon = Daemon::start(&shop).await;
    let armed = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = shop.order_with(|usual| usual.with("unknownAfter", "PT1S")).await;
    let question = order.question().await;
    let reference = order.holds()[0].reference.clone();
    order.decide(&question, "HELD", Some(&reference)).await;
    let form = holdfast::engine::Variables::new().with("decision", "NOT_HELD").with("decidedBy", "demo");
    let again = shop.engine.client.complete_user_task(&question.id, &form).await;
    assert!(again.is_err(), "the engine has no such task any more");
    order.is_reserved().await;
    assert_eq!(shop.fault(armed).fired, 1);
    let said = decisions(&order).await;
    assert_eq!(said.iter().map(|(decision, ..)| decision.as_str()).collect::<Vec<_>>(), ["HELD"]);
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "RESERVED"]);
    order.judge().await;
}

#[tokio::test]
async fn a_question_whose_answer_is_found_meanwhile_is_withdrawn() {
    let shop = Shop::open_with(Setup::hasty_and_duplicating).await;
    let _daemon = Daemon::start(&shop).await;
    let (swallow, away) = shop.arm_a_lost_hold();
    let order = shop.order_with(|usual| usual.with("unknownAfter", "PT1S")).await;
    order.question().await;
    shop.disarm(away).await;
    order.is_reserved().await;
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldPlaced)), (1, 1));
    assert!(decisions(&order).await.is_empty(), "no human said anything");
    until_true("the case is answered", BY_ITSELF, async || fallout(&shop, &["list", "--json"]).await.json() == json!([])).await;
    order.judge().await;
}

#[tokio::test]
async fn what_makes_no_sense_at_the_command_line_is_refused_by_name() {
    let shop = shop_with_a_mute_inventory().await;
    let refused = fallout(&shop, &["show", "17"]).await.refused();
    assert!(refused.contains("the id must be a UUID") && refused.contains("`17`"), "{refused}");
    let nobody = uuid::Uuid::new_v4().to_string();
    let refused = fallout(&shop, &["decide", &nobody, "not-held", "--by", "anna"]).await.refused();
    assert!(refused.contains(&format!("there is no case {nobody}")) && refused.contains("fallout list --all"), "{refused}");
    let refused = fallout(&shop, &["decide", &nobody, "not-held", "--reference", "H-1", "--by", "anna"]).await.refused();
    assert!(refused.contains("--reference only makes sense with `held`"), "{refused}");
    let refused = fallout(&shop, &["decide", &nobody, "perhaps", "--by", "anna"]).await.refused();
    assert!(refused.contains("held") && refused.contains("give-up"), "{refused}");
    assert_eq!(fallout(&shop, &["list", "--json"]).await.json(), json!([]));
}
