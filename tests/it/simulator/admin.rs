//! What whoever runs the test can do: shut the inventory down, change holds behind its clients' backs, read the ledger.

use std::time::Duration;

use holdfast::simulator::{Effect, LedgerEntry, Origin, SimulatorConfig, start};
use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Bench, SOON, order, reply};
use crate::support::wait::until_true;

#[tokio::test]
async fn an_inventory_that_is_down_refuses_connections_and_comes_back_on_the_same_port() {
    let bench = Bench::with_ten().await;
    bench.held("before", "1").await;
    assert_eq!(bench.admin(Method::POST, "/down", &json!({"ms": null})).await.1, json!({"up": false}));
    for _ in 0..3 {
        assert!(bench.try_reserve("meanwhile", "1").await.unwrap_err().is_connect());
    }
    assert_eq!(bench.admin(Method::POST, "/up", &json!({})).await.1, json!({"up": true}));
    bench.held("after", "1").await;
    assert_eq!(bench.simulator.ledger().len(), 2);
    assert_eq!(bench.left(), "8");
}

#[tokio::test]
async fn an_inventory_that_goes_down_for_a_while_comes_back_by_itself() {
    let bench = Bench::with_ten().await;
    bench.admin(Method::POST, "/down", &json!({"ms": 1500})).await;
    assert!(bench.try_reserve("k", "1").await.unwrap_err().is_connect());
    let is_up = async || bench.admin(Method::GET, "/gate", &Value::Null).await.1 == json!({"up": true});
    until_true("it has come back", SOON, is_up).await;
    bench.held("k", "1").await;
}

#[tokio::test]
async fn going_down_and_up_many_times_never_loses_the_port() {
    let bench = Bench::with_ten().await;
    for round in 0..50 {
        bench.simulator.down(None).await;
        assert!(bench.try_reserve("k", "1").await.unwrap_err().is_connect(), "round {round}");
        bench.simulator.up().await;
        bench.reserve("k", "1").await;
    }
    assert_eq!(bench.left(), "9");
}

#[tokio::test]
async fn going_down_resets_a_request_that_is_waiting_for_its_answer() {
    let bench = Bench::with_ten().await;
    bench.once(holdfast::simulator::Fault::SwallowAnswer);
    let waiting = reply(bench.request(Method::POST, "/reservations").json(&order("k", "1")));
    let down = async {
        until_true("the request has arrived", SOON, async || !bench.simulator.ledger().is_empty()).await;
        bench.simulator.down(None).await;
    };
    let (seen, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(5), waiting), down);
    assert!(seen.unwrap().is_err());
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_ports() {
    let bench = Bench::with_ten().await;
    let address = bench.simulator.url().trim_start_matches("http://").trim_end_matches("/v1").parse().unwrap();
    bench.simulator.stop().await;
    start(SimulatorConfig { listen: address, ..Default::default() }).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let bench = Bench::with_ten().await;
    let address = bench.simulator.url().trim_start_matches("http://").trim_end_matches("/v1").parse().unwrap();
    let error = start(SimulatorConfig { listen: address, ..Default::default() }).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}

#[tokio::test]
async fn things_happen_to_a_hold_behind_its_owners_back() {
    let effects = [
        ("expire", Effect::HoldExpired, "EXPIRED", "10"),
        ("release", Effect::HoldReleased, "RELEASED", "10"),
        ("consume", Effect::HoldConfirmed, "CONFIRMED", "8"),
        ("drift", Effect::Drifted, "HELD", "9"),
    ];
    for (mishap, effect, state, left) in effects {
        let bench = Bench::with_ten().await;
        let reference = bench.held("k", "2").await;
        let (status, hold) = bench.admin(Method::POST, &format!("/holds/{reference}/{mishap}"), &json!({})).await;
        assert_eq!((status, &hold["state"]), (200, &json!(state)), "{mishap}");
        let entry = bench.last_entry();
        assert_eq!((entry.effect, entry.by, entry.key.as_deref()), (effect, Origin::Admin, Some("k")));
        assert_eq!(bench.left(), left, "{mishap}");
        assert_eq!(bench.get("/reservations/by-key/k").await.1["state"], state);
    }
}

#[tokio::test]
async fn a_forgotten_key_places_a_new_hold() {
    let bench = Bench::with_ten().await;
    let reference = bench.held("k", "2").await;
    bench.admin(Method::POST, &format!("/holds/{reference}/forget"), &json!({})).await;
    assert_eq!(bench.get(&format!("/reservations/{reference}")).await.0, 404);
    assert_ne!(bench.held("k", "2").await, reference);
    assert_eq!(bench.left(), "8");
}

#[tokio::test]
async fn a_consumed_hold_cannot_be_released_even_where_confirmed_ones_can() {
    let bench = Bench::with_ten().await;
    let reference = bench.held("k", "2").await;
    bench.admin(Method::POST, &format!("/holds/{reference}/consume"), &json!({})).await;
    assert_eq!(bench.change(&reference, "release").await.1["code"], "ALREADY_CONFIRMED");
}

#[tokio::test]
async fn a_drift_can_set_quantity_and_end_and_the_new_end_counts() {
    let bench = Bench::with_ten().await;
    let (_, hold) = bench.reserve("k", "2").await;
    let created: chrono::DateTime<chrono::Utc> = hold["createdAt"].as_str().unwrap().parse().unwrap();
    let path = format!("/holds/{}/drift", hold["reference"].as_str().unwrap());
    let drift = json!({"lineId": "1", "reserved": "3.25", "expiresAt": created + chrono::TimeDelta::seconds(60)});
    assert_eq!(bench.admin(Method::POST, &path, &drift).await.1["lines"][0]["reserved"], "3.25");
    assert_eq!(bench.left(), "6.75");
    bench.simulator.advance_clock_ms(60_000);
    assert_eq!(bench.left(), "10");
    assert_eq!(bench.admin(Method::POST, &path, &json!({"lineId": "9"})).await.1["code"], "INVALID_REQUEST");
}

#[tokio::test]
async fn the_ledger_is_read_by_tenant_order_key_and_position() {
    let mut bench = Bench::with_ten().await;
    bench.held("a", "1").await;
    let reference = bench.held("b", "1").await;
    bench.change(&reference, "release").await;
    bench.tenant = "globex".into();
    bench.reserve("a", "1").await;
    let read = async |query: &str| -> Vec<u64> {
        let (_, body) = bench.admin(Method::GET, &format!("/ledger?{query}"), &Value::Null).await;
        body["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(read("").await, [1, 2, 3, 4]);
    assert_eq!(read("tenant=acme&key=a").await, [1]);
    assert_eq!(read("orderId=order-1&after=2").await, [3, 4]);
    assert_eq!(read("tenant=acme&operation=release&effect=HoldReleased").await, [3]);
    assert_eq!(read("after=99").await, [0; 0]);
}

#[tokio::test]
async fn active_holds_are_read_by_tenant_and_order() {
    let bench = Bench::with_ten().await;
    bench.held("a", "1").await;
    let released = bench.held("b", "1").await;
    bench.change(&released, "release").await;
    let (_, body) = bench.admin(Method::GET, "/holds?tenant=acme&orderId=order-1&active=true", &Value::Null).await;
    let holds = body["holds"].as_array().unwrap();
    assert_eq!((holds.len(), &holds[0]["requestKey"], &holds[0]["tenant"]), (1, &json!("a"), &json!("acme")));
}

#[tokio::test]
async fn stock_of_a_location_serves_its_lines_and_the_rest_is_served_from_anywhere() {
    let bench = Bench::with_ten().await;
    let stock = json!({"tenant": "acme", "sku": "router", "locationId": "north", "onHand": "1"});
    assert_eq!(bench.admin(Method::PUT, "/stock", &stock).await.0, 200);
    let mut body = order("north", "2");
    body["lines"][0]["locationId"] = json!("north");
    assert_eq!(bench.post("/reservations", &body).await.1["lines"][0]["available"], "1");
    body["requestKey"] = json!("south");
    body["lines"][0]["locationId"] = json!("south");
    assert_eq!(bench.post("/reservations", &body).await.0, 201);
    let (_, levels) = bench.admin(Method::GET, "/stock?tenant=acme&sku=router", &Value::Null).await;
    assert_eq!(json!([levels["stock"][0]["available"], levels["stock"][1]["available"]]), json!(["8", "1"]));
}

#[tokio::test]
async fn a_restarted_ledger_file_goes_on_where_it_ended() {
    let folder = tempfile();
    let config =
        || SimulatorConfig { ledger: Some(folder.clone()), ledger_fsync: true, default_stock: Some(9.into()), ..Default::default() };
    for key in ["a", "b"] {
        let bench = Bench::new(config()).await;
        bench.held(key, "1").await;
        bench.simulator.stop().await;
    }
    let text = std::fs::read_to_string(&folder).unwrap();
    std::fs::remove_file(&folder).unwrap();
    let entries: Vec<LedgerEntry> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let read: Vec<_> = entries.iter().map(|entry| (entry.seq, entry.key.as_deref().unwrap(), entry.effect)).collect();
    assert_eq!(read, [(1, "a", Effect::HoldPlaced), (2, "b", Effect::HoldPlaced)]);
    assert_ne!(entries[0].reference, entries[1].reference);
}

#[tokio::test]
async fn an_expiry_is_in_the_ledger_although_nobody_asked() {
    let bench = Bench::with_ten().await;
    let mut body = order("k", "2");
    body["holdSeconds"] = json!(1);
    bench.post("/reservations", &body).await;
    until_true("the hold has expired", SOON, async || bench.effects().len() == 2).await;
    assert_eq!((bench.last_entry().effect, bench.last_entry().by), (Effect::HoldExpired, Origin::Clock));
}

fn tempfile() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("holdfast-ledger-{}.jsonl", uuid::Uuid::new_v4()))
}
