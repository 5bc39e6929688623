//! Bad input: an incident that names the variable and what it must be; nothing is sent, and nobody else is kept waiting.

use std::time::{Duration, Instant};

use holdfast::engine::{Value, Variables};
use holdfast::simulator::Operation;
use serde_json::json;
use uuid::Uuid;

use crate::support::daemon::Daemon;
use crate::support::order::{Order, lines};
use crate::support::shop::Shop;
use crate::support::wait::heard;

/// One wrong variable: how it differs, which one is named, and what is said that it must be.
struct Case {
    name: &'static str,
    value: Value,
    named: &'static str,
    must: &'static str,
    /// The task that reads it.
    at: &'static str,
}

fn cases() -> Vec<Case> {
    const CHECK: &str = "Task_CheckAvailability";
    const RESERVE: &str = "Task_ReserveStock";
    let case = |name, value: Value, named, must, at| Case { name, value, named, must, at };
    let line = |field: &str, value: serde_json::Value| {
        let mut line = json!({ "orderLineId": Uuid::new_v4(), "productOfferingId": "router", "quantity": 1 });
        line[field] = value;
        Value::Json(json!([line]))
    };
    let twice = json!({ "orderLineId": Uuid::new_v4(), "productOfferingId": "router", "quantity": 1 });
    vec![
        case("orderLines", Value::Null, "`orderLines`", "must be a JSON array of lines such as", CHECK),
        case("orderLines", Value::Json(json!([])), "`orderLines`", "must have 1 to 200 lines", CHECK),
        case("orderLines", Value::String("two routers".to_owned()), "`orderLines`", "must be Json or a String with JSON", CHECK),
        case("orderLines", lines(0), "`orderLines[0].quantity`", "must be greater than 0", CHECK),
        case("orderLines", lines(-1), "`orderLines[0].quantity`", "must be greater than 0", CHECK),
        case("orderLines", lines("0.0000001"), "`orderLines[0].quantity`", "must have at most 6 decimals", CHECK),
        case("orderLines", lines("1000000000000"), "`orderLines[0].quantity`", "must be less than 1000000000000", CHECK),
        case("orderLines", line("orderLineId", json!("one")), "`orderLines[0].orderLineId`", "must be a UUID", CHECK),
        case("orderLines", line("productOfferingId", json!(" ")), "`orderLines[0].productOfferingId`", "must be 1 to 200 printable", CHECK),
        case("orderLines", Value::Json(json!([twice, twice])), "`orderLines[1].orderLineId`", "must differ from every other line's", CHECK),
        case("orderId", Value::String("4711".to_owned()), "`orderId`", "must be a UUID", CHECK),
        case("inventorySource", Value::String("nowhere".to_owned()), "`inventorySource`", "must name a configured inventory", CHECK),
        case("tenantId", Value::String(Uuid::new_v4().to_string()), "`tenantId`", "must be the engine's tenant of this task", CHECK),
        case("customerId", Value::String("C\u{7}1".to_owned()), "`customerId`", "no control characters", CHECK),
        case("locationId", Value::String("B\nER".to_owned()), "`locationId`", "no control characters", CHECK),
        case("channel", Value::String("web\u{1}".to_owned()), "`channel`", "no control characters", CHECK),
        case("orderLines", line("locationId", json!("B\u{7}ER")), "`orderLines[0].locationId`", "no control characters", CHECK),
        case("attemptGroup", Value::Integer(0), "`attemptGroup`", "must be a whole number from 1 on", RESERVE),
        case("attemptGroup", Value::String("first".to_owned()), "`attemptGroup`", "must be an Integer", RESERVE),
        case("holdFor", Value::String("a day".to_owned()), "`holdFor`", "must be an ISO-8601 duration such as PT24H", RESERVE),
        case("holdFor", Value::String("PT0S".to_owned()), "`holdFor`", "must be an ISO-8601 duration such as PT24H", RESERVE),
    ]
}

async fn start<'a>(shop: &'a Shop, case: &Case) -> Order<'a> {
    shop.order_with(|usual: Variables| usual.with(case.name, case.value.clone())).await
}

#[tokio::test]
async fn every_bad_variable_becomes_an_incident_that_names_it_and_nothing_is_sent() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let good = shop.order().await;
    let mut orders = Vec::new();
    for case in cases() {
        orders.push((start(&shop, &case).await, case));
    }
    for (order, case) in &orders {
        let (incident, _) = order.incident().await;
        let message = incident.incident_message.unwrap();
        let what = format!("{} = {:?}: {message}", case.name, case.value);
        assert!(message.starts_with("BAD INPUT: ") && message.contains(case.named) && message.contains(case.must), "{what}");
        assert!(message.ends_with("Nothing was sent. Correct it, then retry."), "{what}");
        assert_eq!(incident.activity_id.as_deref(), Some(case.at), "{what}");
        assert!(order.rows().await.is_empty(), "{what}");
        assert_eq!(order.failures().await, 1, "it is not tried again by itself: {what}");
    }
    good.is_reserved().await;
    let reserved = shop.inventory.ledger().iter().filter(|entry| entry.operation == Operation::Reserve).count();
    assert_eq!(reserved, 1, "only the good order's");
    let checked = shop.inventory.ledger().iter().filter(|entry| entry.operation == Operation::Check).count();
    let read_at_reserve = orders.iter().filter(|(_, case)| case.at == "Task_ReserveStock").count();
    // Equal questions at the same moment share an answer.
    assert!((1..=1 + read_at_reserve).contains(&checked), "only of those whose lines can be read, not {checked}");
    good.judge().await;
}

#[tokio::test]
async fn a_good_order_beside_bad_ones_is_not_slowed() {
    let shop = Shop::open_with(|setup| setup.set("engine.permits_starts", 1)).await;
    let _daemon = Daemon::start(&shop).await;
    let duration_of_an_order = async || {
        let begun = Instant::now();
        shop.order().await.is_reserved().await;
        begun.elapsed()
    };
    let alone = duration_of_an_order().await;
    let mut bad = Vec::new();
    for case in cases() {
        bad.push(start(&shop, &case).await);
    }
    for order in &bad {
        order.incident().await;
    }
    let beside = duration_of_an_order().await;
    assert!(beside < alone * 3 + Duration::from_secs(2), "alone {alone:?}, beside {} bad ones {beside:?}", bad.len());
    for order in &bad {
        assert_eq!(order.failures().await, 1, "a bad one takes its turn once");
    }
}

#[tokio::test]
async fn a_corrected_variable_and_a_retry_are_enough() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order_with(|usual| usual.with("orderLines", lines(0))).await;
    let (_, task) = order.incident().await;
    order.set_variable("orderLines", lines(1)).await;
    heard(async || shop.engine.client.set_retries(&task, 1).await).await;
    order.is_reserved().await;
    order.judge().await;
}
