//! Every fault, over real HTTP, with its proof in the ledger.

use std::time::{Duration, Instant};

use holdfast::simulator::{Answered, Effect, Fault, SimulatorConfig, WrongShape};
use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Bench, PATIENCE, SOON, order, reply};
use crate::support::wait::until_true;

/// Strikes one reservation of 2, and answers what the client saw and what the ledger says last.
async fn struck(fault: Fault) -> (Bench, reqwest::Result<(u16, Value)>) {
    let bench = Bench::with_ten().await;
    let name = fault.name();
    bench.once(fault);
    let is_silent = matches!(name, "swallow_answer" | "act_late");
    let seen = if is_silent {
        bench.try_reserve("k", "2").await
    } else {
        reply(bench.request(Method::POST, "/reservations").json(&order("k", "2"))).await
    };
    assert_eq!(bench.simulator.faults()[0].fired, 1);
    if let Some(entry) = bench.simulator.ledger().first() {
        assert_eq!(entry.fault.as_deref(), Some(name));
    }
    (bench, seen)
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn a_swallowed_answer_leaves_a_hold_and_a_client_that_waits() {
    let (bench, seen) = struck(Fault::SwallowAnswer).await;
    assert!(seen.unwrap_err().is_timeout());
    let entry = bench.last_entry();
    assert_eq!((entry.effect, entry.answered), (Effect::HoldPlaced, Answered::No));
    assert_eq!(bench.reserve("k", "2").await.0, 200);
    assert_eq!(bench.left(), "8");
}

#[tokio::test]
async fn a_swallowed_answer_is_cut_off_at_last() {
    let bench = Bench::new(SimulatorConfig { swallow_limit_ms: 50, ..Default::default() }).await;
    bench.simulator.set_stock("acme", "router", 10);
    bench.once(Fault::SwallowAnswer);
    let seen = reply(bench.request(Method::POST, "/reservations").json(&order("k", "2"))).await;
    assert!(is_reset(&seen.unwrap_err()));
}

#[tokio::test]
async fn a_reset_before_acting_holds_nothing() {
    let (bench, seen) = struck(Fault::ResetBefore).await;
    assert!(is_reset(&seen.unwrap_err()));
    assert_eq!(bench.effects(), [Effect::None]);
    assert_eq!(bench.left(), "10");
}

#[tokio::test]
async fn a_reset_after_acting_leaves_a_hold() {
    let (bench, seen) = struck(Fault::ResetAfter).await;
    assert!(is_reset(&seen.unwrap_err()));
    assert_eq!(bench.effects(), [Effect::HoldPlaced]);
}

#[tokio::test]
async fn an_act_that_comes_late_comes_although_the_client_has_gone() {
    let (bench, seen) = struck(Fault::ActLate { delay_ms: 3000 }).await;
    assert!(seen.unwrap_err().is_timeout());
    assert_eq!(bench.get("/reservations/by-key/k").await.0, 404);
    assert_eq!(bench.simulator.faults()[0].done, 0);
    until_true("the act has come", SOON, async || bench.simulator.faults()[0].done == 1).await;
    let entry = bench.last_entry();
    assert_eq!((entry.effect, entry.answered), (Effect::HoldPlaced, Answered::No));
    assert!(entry.at - entry.received_at >= chrono::TimeDelta::milliseconds(2999));
}

#[tokio::test]
async fn a_slow_answer_has_acted_at_once() {
    let started = Instant::now();
    let (bench, seen) = struck(Fault::Slow { delay_ms: 500 }).await;
    assert_eq!(seen.unwrap().0, 201);
    assert!(started.elapsed() >= Duration::from_millis(500));
    let entry = bench.last_entry();
    assert_eq!((entry.effect, entry.answered), (Effect::HoldPlaced, Answered::Late));
    assert!(entry.at - entry.received_at < chrono::TimeDelta::milliseconds(500));
}

#[tokio::test]
async fn a_trickled_answer_arrives_whole_for_who_waits_and_not_for_who_does_not() {
    let bench = Bench::with_ten().await;
    bench.once(Fault::Trickle { delay_ms: 1 });
    assert_eq!(bench.reserve("patient", "2").await.1["state"], "HELD");
    bench.once(Fault::Trickle { delay_ms: 20 });
    assert!(bench.try_reserve("hasty", "2").await.unwrap_err().is_timeout());
    assert_eq!(bench.left(), "6");
}

#[tokio::test]
async fn a_cut_body_delivers_its_head_and_half_of_itself() {
    let bench = Bench::with_ten().await;
    bench.once(Fault::CutBody);
    let mut response = bench.request(Method::POST, "/reservations").json(&order("k", "2")).send().await.unwrap();
    assert_eq!(response.status(), 201);
    let promised = response.content_length().unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert_eq!(first.len() as u64, promised / 2);
    assert!(response.chunk().await.is_err());
    assert_eq!(bench.effects(), [Effect::HoldPlaced]);
}

#[tokio::test]
async fn an_error_after_acting_hides_a_hold() {
    let (bench, seen) = struck(Fault::ErrorAfter { status: 500 }).await;
    assert_eq!(seen.unwrap().0, 500);
    let entry = bench.last_entry();
    assert_eq!((entry.effect, entry.answered), (Effect::HoldPlaced, Answered::No));
}

#[tokio::test]
async fn an_error_before_acting_holds_nothing() {
    let (bench, seen) = struck(Fault::ErrorBefore { status: 429, retry_after: Some(7) }).await;
    assert_eq!(seen.unwrap().0, 429);
    assert_eq!(bench.effects(), [Effect::None]);
}

#[tokio::test]
async fn an_unavailable_inventory_says_when_to_come_back() {
    let bench = Bench::with_ten().await;
    bench.once(Fault::Unavailable { retry_after: 3 });
    let response = bench.request(Method::POST, "/reservations").json(&order("k", "2")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "3"));
    assert_eq!(bench.effects(), [Effect::None]);
}

#[tokio::test]
async fn a_garbage_body_says_success_and_nothing_else() {
    let (bench, seen) = struck(Fault::GarbageBody).await;
    let (status, body) = seen.unwrap();
    assert!(status == 201 && body.is_string(), "{body}");
    assert_eq!(bench.effects(), [Effect::HoldPlaced]);
}

#[tokio::test]
async fn a_proxy_page_tells_nothing_of_what_the_inventory_did() {
    for (acted, effect) in [(true, Effect::HoldPlaced), (false, Effect::None)] {
        let (bench, seen) = struck(Fault::Html502 { acted }).await;
        let (status, body) = seen.unwrap();
        assert!(status == 502 && body.as_str().unwrap().starts_with("<html>"));
        assert_eq!(bench.effects(), [effect]);
    }
}

#[tokio::test]
async fn a_wrong_shape_is_readable_json_that_is_not_as_agreed() {
    type Check = fn(&Value) -> bool;
    let wrong: [(WrongShape, Check); 9] = [
        (WrongShape::UnknownState, |hold| hold["state"] == "AWAITING_MOON"),
        (WrongShape::MissingState, |hold| hold.get("state").is_none()),
        (WrongShape::MissingReference, |hold| hold.get("reference").is_none()),
        (WrongShape::NullExpiry, |hold| hold["expiresAt"].is_null()),
        (WrongShape::NumberQuantity, |hold| hold["lines"][0]["reserved"].is_number()),
        (WrongShape::OtherKey, |hold| hold["requestKey"] != "k" && hold["orderId"] != "order-1"),
        (WrongShape::UnknownField, |hold| hold.get("moonPhase").is_some()),
        // Five hundred levels are more than this reader takes.
        (WrongShape::Deep, Value::is_string),
        (WrongShape::Huge, |hold| hold["padding"].as_str().unwrap().len() > 4_000_000),
    ];
    for (shape, is_wrong) in wrong {
        let bench = Bench::with_ten().await;
        bench.once(Fault::WrongShape { shape });
        let (status, body) = bench.reserve("k", "2").await;
        assert!(status == 201 && is_wrong(&body), "{shape:?}");
        assert_eq!(bench.effects(), [Effect::HoldPlaced], "{shape:?}");
    }
}

#[tokio::test]
async fn a_refusal_on_request_stays_the_answer_to_its_key() {
    let (bench, seen) = struck(Fault::Refuse { code: "CREDIT_BLOCK".into(), status: 422 }).await;
    assert_eq!(seen.unwrap().1["code"], "CREDIT_BLOCK");
    assert_eq!(bench.reserve("k", "2").await.1["code"], "CREDIT_BLOCK");
    let entry = bench.last_entry();
    assert_eq!((entry.effect, entry.code.as_deref()), (Effect::Refused, Some("CREDIT_BLOCK")));
    assert_eq!(bench.left(), "10");
}

#[tokio::test]
async fn a_forgotten_hold_was_answered_and_is_gone() {
    let (bench, seen) = struck(Fault::Forget).await;
    let (status, hold) = seen.unwrap();
    assert_eq!(status, 201);
    assert_eq!(bench.get(&format!("/reservations/{}", hold["reference"].as_str().unwrap())).await.0, 404);
    assert_eq!(bench.get("/reservations/by-key/k").await.0, 404);
    assert_eq!(bench.left(), "10");
    assert_eq!(bench.effects()[..2], [Effect::HoldPlaced, Effect::Forgotten]);
}

#[tokio::test]
async fn a_duplicated_effect_holds_twice_although_the_inventory_is_idempotent() {
    let (bench, seen) = struck(Fault::DuplicateEffect).await;
    let (_, hold) = seen.unwrap();
    assert_eq!(bench.effects(), [Effect::HoldPlaced, Effect::HoldPlaced]);
    assert_eq!(bench.left(), "6");
    assert_eq!(bench.get("/reservations/by-key/k").await.1["reference"], hold["reference"]);
}

#[tokio::test]
async fn a_drifted_hold_holds_less_than_it_said() {
    let (bench, seen) = struck(Fault::DriftQuantity).await;
    assert_eq!(seen.unwrap().1["lines"][0]["reserved"], "2");
    assert_eq!(bench.get("/reservations/by-key/k").await.1["lines"][0]["reserved"], "1");
    assert_eq!(bench.left(), "9");
}

#[tokio::test]
async fn a_fault_on_a_release_is_found_by_the_order_of_the_hold() {
    let bench = Bench::with_ten().await;
    let reference = bench.held("k", "2").await;
    let fault = json!({"operation": "release", "match": {"orderId": "order-1", "sku": "router", "key": "k"},
        "times": 1, "fault": {"kind": "swallow_answer"}});
    assert_eq!(bench.admin(Method::POST, "/faults", &fault).await, (201, json!({"id": 1})));
    let release = bench.request(Method::POST, &format!("/reservations/{reference}/release")).timeout(PATIENCE);
    assert!(reply(release.json(&json!({"requestKey": "k:release"}))).await.unwrap_err().is_timeout());
    assert_eq!(bench.last_entry().effect, Effect::HoldReleased);
    assert_eq!(bench.left(), "10");
}

#[tokio::test]
async fn a_fault_lets_the_first_pass_strikes_as_often_as_asked_and_spares_others() {
    let bench = Bench::with_ten().await;
    let fault = json!({"operation": "reserve", "match": {"orderId": "order-1"}, "skip": 1, "times": 2,
        "fault": {"kind": "unavailable"}});
    bench.admin(Method::POST, "/faults", &fault).await;
    let mut other = order("other", "1");
    other["orderId"] = json!("order-2");
    assert_eq!(bench.post("/reservations", &other).await.0, 201);
    let mut statuses = Vec::new();
    for key in ["a", "b", "c", "d"] {
        statuses.push(bench.reserve(key, "1").await.0);
    }
    assert_eq!(statuses, [201, 503, 503, 201]);
    let (_, faults) = bench.admin(Method::GET, "/faults", &Value::Null).await;
    let counts = ["seen", "fired", "done"].map(|count| faults["faults"][0][count].as_u64().unwrap());
    assert_eq!(counts, [3, 2, 2]);
    assert_eq!(bench.admin(Method::DELETE, "/faults/1", &Value::Null).await.1, json!({"removed": 1}));
    assert_eq!(bench.admin(Method::DELETE, "/faults/1", &Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_requests() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let bench = Bench::new(SimulatorConfig { seed: Some(7), default_stock: Some(1000.into()), ..Default::default() }).await;
        bench.admin(Method::POST, "/faults", &json!({"chance": 0.5, "fault": {"kind": "unavailable"}})).await;
        let mut statuses = Vec::new();
        for key in 0..20 {
            statuses.push(bench.reserve(&key.to_string(), "1").await.0);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&201) && runs[0].contains(&503));
}

#[tokio::test]
async fn a_fault_that_does_not_exist_is_refused_by_name() {
    let bench = Bench::with_ten().await;
    let (status, body) = bench.admin(Method::POST, "/faults", &json!({"fault": {"kind": "explode"}})).await;
    assert!(status == 400 && body["error"].as_str().unwrap().contains("explode"), "{body}");
}
