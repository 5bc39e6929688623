//! What is an event, what is nothing for us, and what is unusable for which reason.

use serde_json::json;

use super::*;
use crate::store::Partition;

const TENANT: &str = "9ddac4d2-9f70-4f4c-8310-3eecdf80c2cc";
const OTHER: &str = "1ddac4d2-9f70-4f4c-8310-3eecdf80c2cc";

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-07-02T12:00:00Z").unwrap().to_utc()
}

fn feed(topic: &str, order_by: OrderBy, tenant: &str) -> FeedConfig {
    FeedConfig { topic: topic.into(), source: "main".into(), order_by, customer_role: "customer".into(), tenant: tenant.into() }
}

fn reader() -> Reader {
    let feeds = [
        feed("by-time", OrderBy::EventTime, ""),
        feed("by-version", OrderBy::Version, ""),
        feed("by-sequence", OrderBy::Sequence, ""),
        feed("of-one", OrderBy::EventTime, TENANT),
    ];
    Reader::new(&feeds, vec![TenantId::parse(TENANT).unwrap()])
}

fn message(topic: &str, headers: &[(&str, &str)], body: &Value) -> Message {
    Message {
        partition: Partition { group: "g".into(), topic: topic.into(), number: 0 },
        offset: 0,
        key: None,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Some(body.to_string().into_bytes()),
    }
}

fn good() -> Value {
    json!({"eventId": "e-1", "eventTime": "2026-07-02T11:00:00Z", "eventType": "ProductCreateEvent", "tenantId": TENANT,
        "event": {"product": {"id": "p-1", "status": "created", "version": 3}}})
}

fn read(topic: &str, body: &Value) -> Content {
    reader().read(&message(topic, &[], body), now()).content
}

fn unusable(content: Content) -> Unusable {
    match content {
        Content::Unusable(why) => why,
        other => panic!("not unusable: {other:?}"),
    }
}

fn usable(content: Content) -> InventoryEvent {
    match content {
        Content::Event(event) => *event,
        other => panic!("no event: {other:?}"),
    }
}

#[test]
fn an_event_is_stamped_by_what_its_feed_is_ordered_by() {
    let by_time = usable(read("by-time", &good()));
    assert_eq!((by_time.product.as_str(), by_time.change.stamp.count), ("p-1", None));
    assert_eq!(by_time.change.said.source_version.as_deref(), Some("3"));
    assert_eq!(usable(read("by-version", &good())).change.stamp.count, Some(Count::Version(3)));
    let mut body = good();
    body["sequence"] = json!("5000");
    let by_sequence = usable(read("by-sequence", &body)).change;
    assert_eq!((by_sequence.stamp.count, by_sequence.said.source_version.as_deref()), (Some(Count::Sequence(5000)), Some("5000")));
}

#[test]
fn one_counter_never_stands_in_for_another() {
    let mut body = good();
    body["event"]["product"]["version"] = Value::Null;
    body["sequence"] = json!(5000);
    assert_eq!(unusable(read("by-version", &body)).code, "version");
    assert_eq!(unusable(read("by-sequence", &good())).code, "sequence");
}

#[test]
fn a_correlation_id_that_cannot_be_told_on_is_left_out_and_counted() {
    let told = |correlation: &str| {
        let mut body = good();
        body["correlationId"] = json!(correlation);
        let reading = reader().read(&message("by-time", &[], &body), now());
        (usable(reading.content).correlation, reading.odd)
    };
    assert_eq!(told("c-1"), (Some("c-1".to_owned()), vec![]));
    assert_eq!(told("c\0"), (None, vec![Oddity::UnreadableValue]));
    assert_eq!(told(&"c".repeat(256)), (None, vec![Oddity::UnreadableValue]));
}

#[test]
fn each_missing_or_wrong_part_is_named() {
    for (pointer, value, code) in [
        ("eventId", Value::Null, "event_id"),
        ("eventTime", json!("yesterday"), "event_time"),
        ("eventTime", json!("2026-07-04T11:00:00Z"), "event_time"),
        ("eventType", Value::Null, "event_type"),
        ("eventType", json!("ProductBatchEvent"), "event_type"),
        ("tenantId", Value::Null, "tenant_missing"),
        ("tenantId", json!("acme"), "tenant_unreadable"),
        ("tenantId", json!(OTHER), "tenant_not_served"),
        ("tenantId", json!("00000000-0000-0000-0000-000000000000"), "tenant_not_served"),
        ("event", json!({}), "product"),
        ("event", json!({"product": {"status": "active"}}), "product"),
    ] {
        let mut body = good();
        body[pointer] = value;
        let why = unusable(read("by-time", &body));
        assert_eq!(why.code, code, "{body}");
        let of_nobody = code.starts_with("tenant");
        assert_eq!(why.tenant == NOBODY, of_nobody, "a tenant that is not served never owns the letter: {body}");
    }
    let mut body = good();
    body["event"]["product"]["version"] = json!("2b");
    assert_eq!(unusable(read("by-version", &body)).code, "version");
    assert_eq!(unusable(read("elsewhere", &good())).code, "no_feed");
}

#[test]
fn two_tenants_in_one_event_are_one_too_many() {
    let message = |header: &str| message("by-time", &[("tenantId", header)], &good());
    assert_eq!(unusable(reader().read(&message(OTHER), now()).content).code, "tenant_conflict");
    usable(reader().read(&message(TENANT), now()).content);
    let mut body = good();
    body["tenantId"] = json!(OTHER);
    assert_eq!(unusable(read("of-one", &body)).code, "tenant_conflict", "a feed's own tenant is not overruled");
    body["tenantId"] = Value::Null;
    assert_eq!(usable(read("of-one", &body)).tenant.to_string(), TENANT);
}

#[test]
fn events_about_other_resources_are_passed_over() {
    for event_type in ["ServiceCreateEvent", "ProductOfferingStateChangeEvent", "ProductOrderCreateEvent"] {
        let mut body = good();
        body["eventType"] = json!(event_type);
        assert_eq!(read("by-time", &body), Content::PassedOver, "{event_type}");
    }
}

#[test]
fn a_type_is_known_in_the_spellings_of_brokers_and_the_standard() {
    for event_type in ["ProductStateChangeEvent", "productStateChanged", "com.example.product.created.v1", "org.tmforum.ProductCreateEvent"]
    {
        assert!(matches!(kind_of(event_type), Ok(Some(Kind::State))), "{event_type}");
    }
    assert!(matches!(kind_of("ProductDeleteEvent"), Ok(Some(Kind::Deleted))));
}

#[test]
fn a_deleted_product_stays_with_that_as_its_state() {
    let mut body = good();
    body["eventType"] = json!("ProductDeleteEvent");
    assert_eq!(usable(read("by-time", &body)).change.said.status.unwrap().as_str(), "deleted");
}
