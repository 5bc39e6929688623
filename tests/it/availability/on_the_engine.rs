//! The topic `inventory.recheck` on the real engine: what an order is told of what changed since its quote.

use holdfast::cache::Cache;
use holdfast::domain::{AvailabilityStatus, OrderLine, OrderLineId, Quantity, QuoteId, SourceName, Subject, TenantId};
use holdfast::engine::Value;
use holdfast::operations::{CheckAvailability, Operations};
use holdfast::simulator::Operation;
use serde_json::{Value as JsonValue, json};
use uuid::Uuid;

use crate::support::daemon::Daemon;
use crate::support::order::Order;
use crate::support::shop::Shop;

/// Whoever checks for quotes beside the daemon: the same operations on the same database.
async fn desk(shop: &Shop) -> Operations {
    let config = holdfast::config::Config::load(Some(&shop.config_file(&[]))).unwrap();
    let options = shop.database.store_options();
    let store = holdfast::store::Store::connect(&options).await.unwrap();
    let lease = store.open_session(&format!("desk/{}", options.session), "a test", "0").await.unwrap();
    let suppliers = holdfast::supplier::Suppliers::build(&config.sources).unwrap();
    let clock = holdfast::clock::SystemClock::shared();
    Operations::new(store, suppliers.into(), clock, lease.into(), "desk").with_cache(Cache::Off)
}

fn lines(products: &[(&str, u32)]) -> (Vec<OrderLine>, Value) {
    let lines: Vec<OrderLine> = products
        .iter()
        .map(|(product, quantity)| OrderLine {
            order_line: OrderLineId(Uuid::new_v4()),
            product_offering: (*product).to_owned(),
            quantity: Quantity::parse(&quantity.to_string()).unwrap(),
            location: None,
        })
        .collect();
    let told = lines.iter().map(|line| {
        json!({ "orderLineId": line.order_line.to_string(), "productOfferingId": line.product_offering, "quantity": line.quantity.to_string() })
    });
    let value = Value::Json(told.collect());
    (lines, value)
}

async fn quoted(shop: &Shop, lines: Vec<OrderLine>, expected: AvailabilityStatus) -> String {
    let check = CheckAvailability {
        tenant: TenantId::parse(shop.tenant()).unwrap(),
        source: SourceName::parse("main").unwrap(),
        subject: Subject::Quote(QuoteId(Uuid::new_v4()), 1),
        lines,
        customer: None,
        location: None,
        channel: None,
        request: None,
        fresh_enough: None,
    };
    let told = desk(shop).await.check_availability(check).await.unwrap();
    assert_eq!(told.status, expected);
    told.evidence.id.to_string()
}

async fn diff(order: &Order<'_>) -> JsonValue {
    let variable = order.variable("availabilityDiff").await;
    serde_json::from_str(variable.as_str().unwrap_or_else(|| panic!("the diff is no Json variable: {variable}"))).unwrap()
}

fn checks(shop: &Shop) -> usize {
    shop.inventory.ledger().iter().filter(|entry| entry.operation == Operation::Check).count()
}

#[tokio::test]
async fn quote_shows_available_but_submit_rechecks_and_rejects_when_stock_gone() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let (asked, variable) = lines(&[("router", 2), ("cable", 1)]);
    let evidence = quoted(&shop, asked, AvailabilityStatus::Available).await;
    shop.inventory.set_stock(shop.tenant(), "router", 1);
    let order = shop.order_with(|usual| usual.with("orderLines", variable).with("evidenceId", evidence.as_str())).await;
    order.ends_at(&["End_NotAvailable"]).await;
    assert_eq!(order.variable("errorCode").await, json!("AVAILABILITY_CHANGED"));
    let diff = diff(&order).await;
    assert_eq!(
        (&diff["before"], &diff["statusBefore"], &diff["statusAfter"]),
        (&json!(evidence), &json!("AVAILABLE"), &json!("PARTIALLY_AVAILABLE"))
    );
    assert_eq!(diff["lines"].as_array().unwrap().len(), 1, "the cable did not change: {diff}");
    let line = &diff["lines"][0];
    assert_eq!((&line["productOfferingId"], &line["worse"]), (&json!("router"), &json!(true)));
    assert_eq!(line["changes"][0], json!({"what": "STATUS", "before": "AVAILABLE", "after": "PARTIALLY_AVAILABLE", "cause": "STOCK_FELL"}));
    assert_eq!(line["changes"][1], json!({"what": "QUANTITY", "before": "1000", "after": "1", "cause": "STOCK_FELL"}));
    assert_ne!(order.variable("evidenceId").await, json!(evidence), "the fresh evidence takes its place");
    assert_eq!((checks(&shop), order.asked_for(Operation::Reserve)), (2, 0));
    assert!(order.rows().await.is_empty());
    order.judge().await;
}

#[tokio::test]
async fn an_order_whose_part_was_accepted_goes_on_with_no_less_than_was_shown() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    shop.inventory.set_stock(shop.tenant(), "router", 3);
    let (asked, variable) = lines(&[("router", 5)]);
    let evidence = quoted(&shop, asked, AvailabilityStatus::PartiallyAvailable).await;
    let order = async || shop.order_with(|usual| usual.with("orderLines", variable.clone()).with("evidenceId", evidence.as_str())).await;
    let accepted = order().await;
    accepted.is_reserved().await;
    assert_eq!(accepted.variable("reservationPartial").await, json!(true));
    accepted.judge().await;
    // What the first took is gone, so that the second finds less than was shown.
    let late = order().await;
    late.ends_at(&["End_NotAvailable"]).await;
    assert_eq!(diff(&late).await["lines"][0]["worse"], json!(true));
}

#[tokio::test]
async fn an_order_that_accepts_evidence_of_a_certain_age_goes_on_without_a_call() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let (asked, variable) = lines(&[("router", 2)]);
    let evidence = quoted(&shop, asked, AvailabilityStatus::Available).await;
    let order =
        shop.order_with(|usual| usual.with("orderLines", variable).with("evidenceId", evidence.as_str()).with("freshEnough", "PT5M")).await;
    order.is_reserved().await;
    assert_eq!(checks(&shop), 1);
    assert_eq!(diff(&order).await["lines"], json!([]));
    order.judge().await;
}

#[tokio::test]
async fn a_diff_of_two_hundred_lines_arrives_whole_although_a_string_could_not_hold_it() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let names: Vec<String> = (0..200).map(|n| format!("product-{n}")).collect();
    let products: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 2)).collect();
    let (asked, variable) = lines(&products);
    let evidence = quoted(&shop, asked, AvailabilityStatus::Available).await;
    for name in &names {
        shop.inventory.set_stock(shop.tenant(), name, 1);
    }
    let order = shop.order_with(|usual| usual.with("orderLines", variable).with("evidenceId", evidence.as_str())).await;
    order.ends_at(&["End_NotAvailable"]).await;
    let diff = diff(&order).await;
    assert_eq!(diff["lines"].as_array().unwrap().len(), 200);
    assert!(diff.to_string().len() > 4_000);
}

#[tokio::test]
async fn evidence_that_is_not_there_stops_no_order_and_one_that_is_no_id_is_named() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order_with(|usual| usual.with("evidenceId", Uuid::new_v4().to_string())).await;
    order.is_reserved().await;
    assert_eq!(diff(&order).await["statusBefore"], json!("NOT_CHECKED"));
    let wrong = shop.order_with(|usual| usual.with("evidenceId", "yesterday's")).await;
    let (incident, _) = wrong.incident().await;
    assert!(incident.incident_message.unwrap().contains("variable `evidenceId` must be a UUID"));
}
