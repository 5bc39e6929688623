//! The worked example of docs/inventories.md, as it stands there, against a server that answers as the page says.

use std::time::Duration;

use holdfast::domain::{Answer, AvailabilityStatus, Capabilities, ExternalReference, HoldState, Look};
use holdfast::supplier::{HoldAsk, Suppliers};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::bench::{Bench, found, not_sent, only, reserved, suppliers, unknown};
use super::raw::{Raw, Then, answer};

const PAGE: &str = include_str!("../../../docs/inventories.md");

/// The depot before a server, by the profile on the page.
fn depot(raw: &Raw, name: &str) -> Suppliers {
    let profile = PAGE.split("```toml\n").find(|block| block.starts_with("# depot.toml")).unwrap().split("```").next().unwrap();
    let path = std::env::temp_dir().join(format!("holdfast-{name}-{}.toml", std::process::id()));
    std::fs::write(&path, profile).unwrap();
    let suppliers = suppliers(toml::from_str(&format!("base_url = \"{}\"\nprofile = \"{}\"", raw.url, path.display())).unwrap());
    std::fs::remove_file(path).unwrap();
    suppliers
}

async fn ask() -> HoldAsk {
    HoldAsk { timeout: Duration::from_secs(5), ..Bench::http().await.order("2", "") }
}

fn booking(ask: &HoldAsk, status: Option<&str>) -> Value {
    let client = ask.key.as_uuid(ask.tenant, &ask.source).to_string();
    let mut booking =
        json!({"bookingNo": 4711, "clientRef": client, "validUntil": 1767268800, "positions": [{"article": "router", "booked": 2}]});
    if let Some(status) = status {
        booking["status"] = json!(status);
    }
    booking
}

fn refused(code: &str) -> String {
    json!({"error": {"id": code, "text": "only 1 left"}}).to_string()
}

#[tokio::test]
async fn the_depot_books_and_says_no_in_its_own_words() {
    let ask = ask().await;
    let answers = [(201, booking(&ask, None).to_string()), (409, refused("E-STOCK")), (503, refused("E-BUSY")), (409, refused("E-NEW"))];
    let raw = Raw::script(move |n| Then::Stay(answer(answers[n].0, &answers[n].1))).await;
    let depot = depot(&raw, "books");
    let supplier = &only(&depot).supplier;
    let hold = found(supplier.reserve(&ask).await);
    assert_eq!((hold.state, hold.expires_at.unwrap().timestamp()), (HoldState::Held, 1767268800));
    assert_eq!((hold.reference.as_ref().map(ExternalReference::as_str), reserved(&ask, &hold)), (Some("4711"), vec![Decimal::TWO]));
    let Answer::Refused(refusal) = supplier.reserve(&ask).await.answer else { panic!("not refused") };
    assert_eq!((refusal.code.as_str(), refusal.message.as_deref()), ("E-STOCK", Some("only 1 left")));
    not_sent(&supplier.reserve(&ask).await);
    unknown(&supplier.reserve(&ask).await);
    let request = &raw.requests()[0];
    assert!(request.starts_with(&format!("PUT /bookings/{} HTTP/1.1\r\n", ask.key.as_uuid(ask.tenant, &ask.source))), "{request}");
    let body = format!("{{\"order\":\"{}\",\"positions\":[{{\"article\":\"router\",\"pieces\":2}}],\"seconds\":3600}}", ask.order);
    assert!(request.ends_with(&body), "{request}");
}

#[tokio::test]
async fn the_depot_is_looked_up_by_a_filter_that_nobody_trusts() {
    let ask = ask().await;
    let other = json!({"bookingNo": 1, "clientRef": "somebody else's", "status": "open"});
    let list = |bookings: Value, next: Value| json!({"bookings": bookings, "next": next}).to_string();
    let answers = [
        list(json!([other, booking(&ask, Some("open"))]), json!(null)),
        list(json!([booking(&ask, Some("lapsed"))]), json!(null)),
        list(json!([other]), json!(null)),
        list(json!([other]), json!("/bookings?page=2")),
        list(json!([booking(&ask, Some("checking"))]), json!(null)),
    ];
    let raw = Raw::script(move |n| Then::Stay(answer(200, &answers[n]))).await;
    let depot = depot(&raw, "filter");
    let supplier = &only(&depot).supplier;
    assert_eq!(found(supplier.lookup(&ask).await).state, HoldState::Held);
    assert_eq!(found(supplier.lookup(&ask).await).state, HoldState::Expired);
    assert_eq!(supplier.lookup(&ask).await.answer, Answer::Done(Look::Absent));
    assert!(unknown(&supplier.lookup(&ask).await).contains("the list goes on"));
    assert!(unknown(&supplier.lookup(&ask).await).contains("the state \"checking\" is not mapped"));
}

#[tokio::test]
async fn the_depot_deletes_without_a_word_and_has_no_more_to_offer() {
    let ask = HoldAsk { reference: ExternalReference::parse("4711").ok(), ..ask().await };
    let gone = refused("E-GONE");
    let raw = Raw::script(move |n| Then::Stay(if n == 0 { b"HTTP/1.1 204 X\r\n\r\n".to_vec() } else { answer(404, &gone) })).await;
    let depot = depot(&raw, "deletes");
    let supplier = &only(&depot).supplier;
    assert_eq!(found(supplier.release(&ask).await).state, HoldState::Released);
    assert_eq!(supplier.release(&ask).await.answer, Answer::Done(Look::Absent));
    not_sent(&supplier.confirm(&ask).await);
    not_sent(&supplier.extend(&ask).await);
    assert_eq!(raw.requests().len(), 2);
    let can = Capabilities {
        idempotent_create: true,
        lookup: true,
        lookup_by_key: true,
        release: true,
        idempotent_release: true,
        confirm: false,
        extend: false,
    };
    assert_eq!(supplier.capabilities(), can);
}

#[tokio::test]
async fn the_depot_counts_what_is_free() {
    let ask = ask().await;
    let raw = Raw::always(Then::Stay(answer(200, r#"[{"article":"router","free":1.5}]"#))).await;
    let depot = depot(&raw, "counts");
    let Answer::Done(told) = only(&depot).supplier.check(&Bench::http().await.check(&ask)).await.answer else { panic!("no answer") };
    let line = &told.lines[0];
    assert_eq!((line.available, line.status), (Some(Decimal::new(15, 1)), AvailabilityStatus::PartiallyAvailable));
    assert!(raw.requests()[0].ends_with("\r\n\r\n[\"router\"]"));
}
