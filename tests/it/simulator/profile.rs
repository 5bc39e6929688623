//! The inventory when it behaves.

use holdfast::simulator::{CreateMode, Effect, LookupMode, SimulatorConfig};
use serde_json::json;

use super::bench::{Bench, order};

#[tokio::test]
async fn a_hold_is_placed_confirmed_and_released() {
    let bench = Bench::with_ten().await;
    let (status, hold) = bench.reserve("o:reserve:1", "2.5").await;
    assert_eq!((status, &hold["state"], &hold["lines"][0]["reserved"]), (201, &json!("HELD"), &json!("2.5")));
    let reference = hold["reference"].as_str().unwrap();
    assert_eq!(bench.left(), "7.5");
    assert_eq!(bench.change(reference, "confirm").await.1["state"], "CONFIRMED");
    assert_eq!(bench.change(reference, "release").await.1["state"], "RELEASED");
    assert_eq!(bench.change(reference, "release").await.0, 200);
    assert_eq!(bench.left(), "10");
    use Effect::{HoldConfirmed, HoldPlaced, HoldReleased, None};
    assert_eq!(bench.effects(), [HoldPlaced, HoldConfirmed, HoldReleased, None]);
}

#[tokio::test]
async fn a_repeated_key_answers_the_hold_as_it_is_now() {
    let bench = Bench::with_ten().await;
    let reference = bench.held("k", "2").await;
    bench.change(&reference, "release").await;
    let (status, hold) = bench.reserve("k", "2").await;
    assert_eq!((status, &hold["reference"], &hold["state"]), (200, &json!(reference), &json!("RELEASED")));
}

#[tokio::test]
async fn a_repeated_key_answers_the_same_refusal_even_when_stock_has_come() {
    let bench = Bench::with_ten().await;
    let (status, refusal) = bench.reserve("k", "11").await;
    assert_eq!((status, &refusal["code"], &refusal["lines"][0]["available"]), (409, &json!("OUT_OF_STOCK"), &json!("10")));
    bench.simulator.set_stock("acme", "router", 100);
    assert_eq!(bench.reserve("k", "11").await.1["code"], "OUT_OF_STOCK");
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let bench = Bench::with_ten().await;
    bench.held("k", "2").await;
    let (status, refusal) = bench.reserve("k", "3").await;
    assert_eq!((status, &refusal["code"]), (409, &json!("KEY_REUSED")));
    assert_eq!(bench.left(), "8");
}

#[tokio::test]
async fn a_duplicating_inventory_places_a_second_hold_for_the_same_key() {
    let bench = Bench::new(SimulatorConfig { create: CreateMode::Duplicating, ..Default::default() }).await;
    bench.simulator.set_stock("acme", "router", 10);
    let first = bench.held("k", "2").await;
    let second = bench.held("k", "2").await;
    assert_ne!(first, second);
    assert_eq!(bench.left(), "6");
    assert_eq!(bench.get("/reservations").await.1["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_hold_is_found_by_its_key_and_by_its_reference() {
    let bench = Bench::with_ten().await;
    let reference = bench.held("order/1:reserve:1", "2").await;
    let (status, hold) = bench.get("/reservations/by-key/order%2F1%3Areserve%3A1").await;
    assert_eq!((status, &hold["reference"]), (200, &json!(reference)));
    assert_eq!(bench.get(&format!("/reservations/{reference}")).await.0, 200);
    let (status, body) = bench.get("/reservations/by-key/other").await;
    assert_eq!((status, &body["code"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn an_inventory_without_lookup_says_that_it_cannot_rather_than_that_there_is_nothing() {
    let bench = Bench::new(SimulatorConfig { lookup: LookupMode::None, list: false, ..Default::default() }).await;
    for path in ["/reservations/by-key/k", "/reservations/HOLD-1", "/reservations"] {
        let (status, body) = bench.get(path).await;
        assert_eq!((status, &body["code"]), (501, &json!("NOT_SUPPORTED")), "{path}");
    }
}

#[tokio::test]
async fn a_young_hold_is_invisible_to_reads_until_the_lag_is_over() {
    let bench = Bench::new(SimulatorConfig { lookup_lag_ms: 60_000, ..Default::default() }).await;
    bench.simulator.set_stock("acme", "router", 10);
    let reference = bench.held("k", "2").await;
    let by_reference = format!("/reservations/{reference}");
    for path in ["/reservations/by-key/k", &by_reference] {
        assert_eq!(bench.get(path).await.0, 404);
    }
    assert_eq!(bench.get("/reservations").await.1["items"], json!([]));
    bench.simulator.advance_clock_ms(60_000);
    for path in ["/reservations/by-key/k", &by_reference] {
        assert_eq!(bench.get(path).await.0, 200);
    }
}

#[tokio::test]
async fn a_partial_hold_says_how_much_of_each_line_it_holds() {
    let bench = Bench::with_ten().await;
    let mut body = order("k", "12");
    body["allowPartial"] = json!(true);
    let (status, hold) = bench.post("/reservations", &body).await;
    assert_eq!((status, &hold["lines"][0]["reserved"]), (201, &json!("10")));
    body["requestKey"] = json!("k2");
    assert_eq!(bench.post("/reservations", &body).await.1["code"], "OUT_OF_STOCK");
}

#[tokio::test]
async fn an_expired_hold_gives_its_stock_back_and_can_be_changed_no_more() {
    let bench = Bench::with_ten().await;
    let reference = bench.held("k", "2").await;
    bench.simulator.advance_clock_ms(3_600_000);
    assert_eq!(bench.left(), "10");
    assert_eq!(bench.last_entry().effect, Effect::HoldExpired);
    for change in ["release", "confirm"] {
        let (status, body) = bench.change(&reference, change).await;
        assert_eq!((status, &body["code"]), (410, &json!("EXPIRED")));
    }
    assert_eq!(bench.get("/reservations/by-key/k").await.1["state"], "EXPIRED");
}

#[tokio::test]
async fn an_extended_hold_outlives_its_first_end_but_not_the_longest_hold() {
    let bench = Bench::new(SimulatorConfig { max_hold_seconds: Some(7200), ..Default::default() }).await;
    bench.simulator.set_stock("acme", "router", 10);
    let (_, hold) = bench.reserve("k", "2").await;
    let path = format!("/reservations/{}/extend", hold["reference"].as_str().unwrap());
    let created: chrono::DateTime<chrono::Utc> = hold["createdAt"].as_str().unwrap().parse().unwrap();
    let until = |seconds| json!({"requestKey": "x", "expiresAt": created + chrono::TimeDelta::seconds(seconds)});
    assert_eq!(bench.post(&path, &until(9000)).await.1["code"], "HOLD_TOO_LONG");
    assert_eq!(bench.post(&path, &until(7000)).await.0, 200);
    assert_eq!(bench.post(&path, &until(5000)).await.1["expiresAt"], until(7000)["expiresAt"]);
    bench.simulator.advance_clock_ms(3_600_000);
    assert_eq!(bench.left(), "8");
    bench.simulator.advance_clock_ms(3_600_000);
    assert_eq!(bench.left(), "10");
}

#[tokio::test]
async fn a_confirmed_hold_cannot_be_extended_nor_released_where_that_is_not_allowed() {
    let bench = Bench::new(SimulatorConfig { confirmed_releasable: false, ..Default::default() }).await;
    bench.simulator.set_stock("acme", "router", 10);
    let reference = bench.held("k", "2").await;
    bench.change(&reference, "confirm").await;
    let (status, body) = bench.change(&reference, "release").await;
    assert_eq!((status, &body["code"]), (409, &json!("ALREADY_CONFIRMED")));
    let until = json!({"requestKey": "k", "expiresAt": "2100-01-01T00:00:00Z"});
    let (status, body) = bench.post(&format!("/reservations/{reference}/extend"), &until).await;
    assert_eq!((status, &body["code"]), (409, &json!("ALREADY_CONFIRMED")));
}

#[tokio::test]
async fn tenants_neither_see_nor_spend_each_others_stock_and_holds() {
    let mut bench = Bench::with_ten().await;
    let reference = bench.held("k", "2").await;
    bench.tenant = "globex".into();
    assert_eq!(bench.get("/reservations/by-key/k").await.0, 404);
    assert_eq!(bench.change(&reference, "release").await.0, 404);
    assert_eq!(bench.get("/reservations").await.1["items"], json!([]));
    let (status, body) = bench.reserve("k", "2").await;
    assert_eq!((status, &body["code"]), (422, &json!("UNKNOWN_PRODUCT")));
}

#[tokio::test]
async fn nonsense_is_refused_and_holds_nothing() {
    let bench = Bench::with_ten().await;
    for quantity in ["0", "-1", "0.0000001", "1e3", "many"] {
        let (status, body) = bench.reserve("k", quantity).await;
        assert_eq!((status, &body["code"]), (422, &json!("INVALID_REQUEST")), "{quantity}");
    }
    assert_eq!(bench.left(), "10");
    bench.held("k", "1").await;
}

#[tokio::test]
async fn a_check_tells_what_is_left_after_earlier_lines_of_the_same_product() {
    let bench = Bench::with_ten().await;
    let line = |id, sku, quantity| json!({"lineId": id, "sku": sku, "quantity": quantity});
    let lines = [line("1", "router", "6"), line("2", "router", "6"), line("3", "moon", "1")];
    let (status, body) = bench.post("/availability", &json!({ "lines": lines })).await;
    let states: Vec<_> = body["lines"].as_array().unwrap().iter().map(|line| &line["state"]).collect();
    assert_eq!((status, json!(states)), (200, json!(["AVAILABLE", "PARTIAL", "UNAVAILABLE"])));
    assert_eq!(bench.left(), "10");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_in_order_of_creation() {
    let bench = Bench::with_ten().await;
    let mut placed = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        placed.push(bench.held(key, "1").await);
    }
    bench.change(&placed.remove(1), "release").await;
    let mut read = Vec::new();
    let mut after = String::new();
    loop {
        let (_, page) = bench.get(&format!("/reservations?state=HELD&limit=3{after}")).await;
        read.extend(page["items"].as_array().unwrap().iter().map(|hold| hold["reference"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(read, placed);
}
