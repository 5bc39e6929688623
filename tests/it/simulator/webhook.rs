//! The notices that the inventory sends by itself.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use holdfast::simulator::{Fault, WebhookTarget};
use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Bench, SOON};
use crate::support::wait::until_true;

/// Every notice that arrived: its id, its tenant, its signature and its body.
type Arrived = Arc<Mutex<Vec<(String, String, String, Value)>>>;

/// A receiver that answers its first notices with an error, and a bench that tells it.
async fn told(errors: usize) -> (Bench, Arrived) {
    let arrived = Arrived::default();
    let noted = Arc::clone(&arrived);
    let handler = async move |headers: HeaderMap, body: Bytes| {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let body = serde_json::from_slice(&body).unwrap();
        let mut noted = noted.lock().unwrap();
        noted.push((header("webhook-id"), header("x-tenant-id"), header("webhook-signature"), body));
        if noted.len() > errors { StatusCode::NO_CONTENT } else { StatusCode::INTERNAL_SERVER_ERROR }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notices", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().route("/notices", post(handler))).into_future());
    let bench = Bench::with_ten().await;
    bench.simulator.aim_webhook(Some(WebhookTarget { url, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into() })).unwrap();
    (bench, arrived)
}

fn kinds(arrived: &Arrived) -> Vec<Value> {
    arrived.lock().unwrap().iter().map(|(.., body)| body["type"].clone()).collect()
}

#[tokio::test]
async fn each_effect_is_told_once_and_signed() {
    let (bench, arrived) = told(0).await;
    let reference = bench.held("k", "2").await;
    bench.change(&reference, "release").await;
    bench.change(&reference, "release").await;
    until_true("both have arrived", SOON, async || bench.simulator.webhook().delivered == 2).await;
    assert_eq!(kinds(&arrived), ["reservation.held", "reservation.released"]);
    let (id, tenant, signature, body) = arrived.lock().unwrap()[0].clone();
    assert!(id.starts_with("msg_") && signature.starts_with("v1,") && tenant == "acme");
    assert_eq!((&body["data"]["reference"], &body["data"]["requestKey"]), (&json!(reference), &json!("k")));
}

#[tokio::test]
async fn a_notice_is_sent_again_under_its_id_until_it_is_taken() {
    let (bench, arrived) = told(1).await;
    bench.held("k", "2").await;
    until_true("it has arrived", SOON, async || bench.simulator.webhook().delivered == 1).await;
    let arrived = arrived.lock().unwrap();
    assert_eq!((arrived.len(), &arrived[0].0), (2, &arrived[1].0));
}

#[tokio::test]
async fn a_duplicated_callback_is_the_same_notice_twice() {
    let (bench, arrived) = told(0).await;
    bench.once(Fault::DuplicateCallback);
    bench.held("k", "2").await;
    until_true("both have arrived", SOON, async || bench.simulator.webhook().delivered == 2).await;
    let arrived = arrived.lock().unwrap();
    assert_eq!((&arrived[0].0, &arrived[0].3), (&arrived[1].0, &arrived[1].3));
}

#[tokio::test]
async fn a_callback_before_the_answer_has_arrived_when_the_answer_does() {
    let (bench, arrived) = told(0).await;
    bench.once(Fault::CallbackBeforeAnswer);
    bench.held("k", "2").await;
    assert_eq!(kinds(&arrived), ["reservation.held"]);
}

#[tokio::test]
async fn a_forgotten_hold_is_told_to_nobody() {
    let (bench, arrived) = told(0).await;
    bench.once(Fault::Forget);
    bench.held("k", "2").await;
    bench.held("k2", "2").await;
    until_true("two have arrived", SOON, async || bench.simulator.webhook().delivered == 2).await;
    assert_eq!(kinds(&arrived), ["reservation.held", "reservation.held"]);
}

#[tokio::test]
async fn a_target_that_cannot_be_used_is_refused_with_the_reason() {
    let bench = Bench::with_ten().await;
    let target = json!({"url": "ftp://127.0.0.1/", "secret": "whsec_AAAA"});
    let (status, body) = bench.admin(Method::PUT, "/webhook", &target).await;
    assert!(status == 400 && body["error"].as_str().unwrap().starts_with("url "), "{body}");
    let target = json!({"url": "http://127.0.0.1:9/", "secret": "whsec_AAAA"});
    assert_eq!(bench.admin(Method::PUT, "/webhook", &target).await.1["url"], "http://127.0.0.1:9/");
    assert_eq!(bench.admin(Method::DELETE, "/webhook", &Value::Null).await.1["url"], Value::Null);
}
