//! The topic `inventory.recheck` on the real engine: what an order is told of what changed since its quote.

use holdfast::domain::{AvailabilityStatus, OrderLine, OrderLineId, Quantity, QuoteId, SourceName, Subject, TenantId};
use holdfast::engine::Value;
use holdfast::operations::CheckAvailability;
use holdfast::simulator::Operation;
use serde_json::{Value as JsonValue, json};
use uuid::Uuid;

use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::Shop;
use crate::support::wait::until_true;

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
    let told = shop.desk().await.check_availability(check).await.unwrap();
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
async fn an_order_of_something_else_does_not_go_on_with_the_part_that_was_shown() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    for product in ["phone", "tablet"] {
        shop.inventory.set_stock(shop.tenant(), product, 1);
    }
    let (asked, _) = lines(&[("phone", 2)]);
    let line = asked[0].order_line.to_string();
    let evidence = quoted(&shop, asked, AvailabilityStatus::PartiallyAvailable).await;
    let tablets = Value::Json(json!([{ "orderLineId": line, "productOfferingId": "tablet", "quantity": "100" }]));
    let order = shop.order_with(|usual| usual.with("orderLines", tablets).with("evidenceId", evidence.as_str())).await;
    order.ends_at(&["End_NotAvailable"]).await;
    let diff = diff(&order).await;
    assert_eq!((&diff["statusBefore"], &diff["statusAfter"]), (&json!("PARTIALLY_AVAILABLE"), &json!("PARTIALLY_AVAILABLE")));
    assert_eq!(diff["lines"][0]["worse"], json!(true));
    assert_eq!(diff["lines"][0]["changes"][0]["cause"], json!("PRODUCT_CHANGED"));
    assert_eq!(order.asked_for(Operation::Reserve), 0);
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
async fn an_answer_that_ran_out_on_its_way_is_asked_for_again_and_lets_no_order_go_on() {
    let shop = Shop::open_with(|setup| {
        setup.set("sources.main.evidence_ttl_s", 2);
        setup.set("sources.main.check_timeout_ms", 1_900);
    })
    .await;
    let _daemon = Daemon::start(&shop).await;
    // The answer comes in time, and cannot be written down before it has run out.
    let mut held = shop.database.pool().begin().await.unwrap();
    sqlx::query("lock table availability_evidence in exclusive mode").execute(&mut *held).await.unwrap();
    let order = shop.order().await;
    until_true("the inventory has answered", BY_ITSELF, async || checks(&shop) == 1).await;
    let run_out = "select clock_timestamp() + interval '2 seconds'";
    let at: chrono::DateTime<chrono::Utc> = sqlx::query_scalar(run_out).fetch_one(&mut *held).await.unwrap();
    until_true("the answer has run out", BY_ITSELF, async || {
        sqlx::query_scalar::<_, bool>("select clock_timestamp() > $1").bind(at).fetch_one(&mut *held).await.unwrap()
    })
    .await;
    held.rollback().await.unwrap();
    order.is_reserved().await;
    assert!(checks(&shop) > 1, "the first answer counts for nothing");
    order.judge().await;
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
