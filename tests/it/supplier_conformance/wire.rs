//! What goes over the wire, and what must not: one attempt, exact numbers, encoded values, credentials that nobody writes down.

use std::time::Duration;

use holdfast::domain::{ExternalReference, OrderLineId, Quantity};
use holdfast::supplier::{HoldAsk, Suppliers};
use serde_json::{Value, json};

use super::bench::{Bench, not_sent, only, suppliers, unknown};
use super::raw::{Raw, Then, answer};

fn before(raw: &Raw, more: &str) -> Suppliers {
    suppliers(toml::from_str(&format!("base_url = \"{}/in/v1/\"\nbreaker = {{ failures = 0 }}\n{more}", raw.url)).unwrap())
}

async fn ask() -> HoldAsk {
    HoldAsk { timeout: Duration::from_secs(3), ..Bench::http().await.order("1", "") }
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_reserve_carries_key_order_and_lines_with_every_digit() {
    let raw = Raw::always(Then::Stay(answer(500, ""))).await;
    let mut ask = HoldAsk { accept_partial: true, location: Some("Köln".to_owned()), ..ask().await };
    ask.lines[0].quantity = Quantity::parse("999999999999.999999").unwrap();
    ask.lines.push(ask.lines[0].clone());
    ask.lines[1].order_line = OrderLineId(uuid::Uuid::new_v4());
    ask.lines[1].location = Some("B\"er".to_owned());
    let suppliers = before(&raw, "");
    unknown(&only(&suppliers).supplier.reserve(&ask).await);
    let requests = raw.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let head = request.to_ascii_lowercase();
    assert!(head.starts_with("post /in/v1/reservations http/1.1\r\n"), "{request}");
    assert!(head.contains(&format!("x-tenant-id: {}\r\n", ask.tenant)) && head.contains("content-type: application/json\r\n"), "{request}");
    assert!(head.contains("content-length: ") && !head.contains("transfer-encoding"), "{request}");
    let line = |n: usize, location: &str| json!({"lineId": ask.lines[n].order_line.to_string(), "sku": "router", "quantity": "999999999999.999999", "locationId": location});
    let wanted = json!({
        "requestKey": ask.key.as_str(), "orderId": ask.order.to_string(), "holdSeconds": 3600, "allowPartial": true,
        "lines": [line(0, "Köln"), line(1, "B\"er")],
    });
    assert_eq!(body(request), wanted);
}

#[tokio::test]
async fn what_is_not_known_is_left_out_and_never_null() {
    let raw = Raw::always(Then::Stay(answer(500, ""))).await;
    unknown(&only(&before(&raw, "")).supplier.reserve(&ask().await).await);
    assert!(body(&raw.requests()[0])["lines"][0].get("locationId").is_none());
}

#[tokio::test]
async fn a_reference_stays_one_piece_of_the_path() {
    let raw = Raw::always(Then::Stay(answer(500, ""))).await;
    let suppliers = before(&raw, "");
    let with = |text: &str, ask: &HoldAsk| HoldAsk { reference: ExternalReference::parse(text).ok(), ..ask.clone() };
    let ask = ask().await;
    unknown(&only(&suppliers).supplier.lookup(&with("a/../b?c#d %e ü", &ask)).await);
    assert!(
        raw.requests()[0].starts_with("GET /in/v1/reservations/a%2F..%2Fb%3Fc%23d%20%25e%20%C3%BC HTTP/1.1\r\n"),
        "{}",
        raw.requests()[0]
    );
    for dots in [".", ".."] {
        not_sent(&only(&suppliers).supplier.release(&with(dots, &ask)).await);
    }
    unknown(&only(&suppliers).supplier.lookup(&ask).await);
    let key = ask.key.as_str().replace(':', "%3A");
    assert!(raw.requests()[1].starts_with(&format!("GET /in/v1/reservations/by-key/{key} HTTP/1.1\r\n")), "{}", raw.requests()[1]);
    assert_eq!(raw.requests().len(), 2);
}

#[tokio::test]
async fn credentials_are_sent_and_never_written_down() {
    for (auth, header, secrets) in [
        (
            "kind = \"basic\", username = \"user\", password = \"s3cr3t\"",
            "authorization: Basic dXNlcjpzM2NyM3Q=",
            ["s3cr3t", "dXNlcjpzM2NyM3Q="],
        ),
        ("kind = \"bearer\", token = \"t0k3n\"", "authorization: Bearer t0k3n", ["t0k3n", "t0k3n"]),
        ("kind = \"header\", header = \"X-Api-Key\", value = \"k3y v4lue\"", "x-api-key: k3y v4lue", ["k3y v4lue", "k3y v4lue"]),
    ] {
        let echo = secrets.join(" and ");
        let raw = Raw::script(move |n| {
            Then::Stay(match n {
                0 => answer(401, &format!("who is {echo}?")),
                1 => answer(409, &json!({"code": "OUT_OF_STOCK", "message": echo}).to_string()),
                _ => answer(409, &json!({"code": echo}).to_string()),
            })
        })
        .await;
        let suppliers = before(&raw, &format!("auth = {{ {auth} }}"));
        let ask = ask().await;
        for _ in 0..3 {
            let reply = only(&suppliers).supplier.reserve(&ask).await;
            let written = format!("{reply:?}");
            assert!(secrets.iter().all(|secret| !written.contains(secret)) && written.contains("[redacted]"), "{written}");
        }
        assert!(raw.requests().iter().all(|request| request.contains(header)), "{:?}", raw.requests());
    }
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_request_is_no_reason_to_send_it_again() {
    // The first answer keeps the connection open; the second request goes out on it and gets nothing but a close.
    let raw = Raw::script(|n| if n == 0 { Then::Stay(answer(500, "{}")) } else { Then::Close(Vec::new()) }).await;
    let suppliers = before(&raw, "");
    let ask = ask().await;
    unknown(&only(&suppliers).supplier.reserve(&ask).await);
    unknown(&only(&suppliers).supplier.reserve(&ask).await);
    assert_eq!((raw.requests().len(), raw.connections()), (2, 1));
    unknown(&only(&suppliers).supplier.lookup(&ask).await);
    assert_eq!((raw.requests().len(), raw.connections()), (3, 2));
}

#[tokio::test]
async fn an_idle_connection_is_dropped_before_the_server_would() {
    let raw = Raw::always(Then::Stay(answer(500, "{}"))).await;
    let suppliers = before(&raw, "idle_connection_ms = 1");
    let ask = ask().await;
    unknown(&only(&suppliers).supplier.reserve(&ask).await);
    tokio::time::sleep(Duration::from_millis(30)).await;
    unknown(&only(&suppliers).supplier.reserve(&ask).await);
    assert_eq!(raw.connections(), 2);
}

#[tokio::test]
async fn what_cannot_be_connected_to_was_sent_nothing() {
    let ask = ask().await;
    for url in ["http://127.0.0.1:1", "http://no-such-host.invalid", "https://127.0.0.1:1"] {
        let suppliers = suppliers(toml::from_str(&format!("base_url = \"{url}\"")).unwrap());
        not_sent(&only(&suppliers).supplier.reserve(&ask).await);
        not_sent(&only(&suppliers).supplier.lookup(&ask).await);
    }
    // A server that speaks no TLS: the handshake fails, and the request stays here.
    let raw = Raw::always(Then::Close(Vec::new())).await;
    let url = raw.url.replace("http://", "https://");
    let suppliers = suppliers(toml::from_str(&format!("base_url = \"{url}\"")).unwrap());
    not_sent(&only(&suppliers).supplier.reserve(&HoldAsk { timeout: Duration::from_millis(500), ..ask }).await);
}
