//! `Idempotency-Key`, as the IETF's draft has it: missing, reused, in progress, answered again.

use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::Executor as _;
use uuid::Uuid;

use crate::http::client::{Answer, two_routers};
use crate::support::order::Order;
use crate::support::shop::Shop;

#[tokio::test]
async fn a_request_without_a_key_or_with_a_wrong_one_is_refused() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let path = format!("/orders/{}/reservations", Uuid::new_v4());
    let post = || caller.request(Method::POST, &path).json(&two_routers());
    assert_eq!(Answer::to(post()).await.problem(400), "idempotency-key-missing");
    for key in ["", "a b", "a,b", "\"\"", &"x".repeat(256)] {
        assert_eq!(Answer::to(post().header("Idempotency-Key", key)).await.problem(400), "malformed", "{key}");
    }
    assert_eq!(Answer::to(post().header("Idempotency-Key", "a").header("Idempotency-Key", "b")).await.problem(400), "malformed");
    let commands: i64 = sqlx::query_scalar("select count(*) from engine_command").fetch_one(shop.database.pool()).await.unwrap();
    assert_eq!(commands, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_request_sent_again_is_answered_again_and_another_under_its_key_is_refused() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (id, body) = (Uuid::new_v4(), two_routers());
    let path = format!("/orders/{id}/reservations");
    let first = caller.post(&path, "k", &body).await;
    assert_eq!((first.status, first.headers.get("idempotency-replayed")), (StatusCode::ACCEPTED, None));

    // The same in quotes, and with its members in another order.
    let swapped = body.to_string().replace("{\"lines\":", "{ \"lines\" : ");
    let again = caller.request(Method::POST, &path).header("Idempotency-Key", "\"k\"").header("Content-Type", "application/json");
    let again = Answer::to(again.body(swapped)).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["location"], first.headers["location"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");

    assert_eq!(caller.post(&path, "k", &two_routers()).await.problem(422), "idempotency-key-reused");
    let elsewhere = format!("/orders/{}/reservations", Uuid::new_v4());
    assert_eq!(caller.post(&elsewhere, "k", &body).await.problem(422), "idempotency-key-reused", "the path is part of the request");
    Order::found(&shop, id).await.is_reserved().await;
    assert_eq!(Order::instances(&shop, id).await.len(), 1);

    // A refusal is an answer, too.
    let release = format!("/reservations/{}/release", Uuid::new_v4());
    assert_eq!(caller.post(&release, "r", &json!({})).await.problem(404), "not-found");
    let refused_again = caller.post(&release, "r", &json!({})).await;
    assert_eq!(refused_again.problem(404), "not-found");
    assert_eq!(refused_again.headers["idempotency-replayed"], "true");
    daemon.stop().await;
}

#[tokio::test]
async fn a_key_is_somebodys_own() {
    let shop = Shop::open().await;
    let (daemon, caller, stranger) = super::serve_with_a_stranger(&shop).await;
    let path = format!("/orders/{}/reservations", Uuid::new_v4());
    let first = caller.post(&path, "k", &two_routers()).await;
    let theirs = stranger.post(&path, "k", &two_routers()).await;
    assert_eq!((first.status, theirs.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED), "{theirs:?}");
    assert_ne!(first.headers["location"], theirs.headers["location"]);
    let seen = stranger.get(first.headers["location"].to_str().unwrap()).await;
    assert_eq!(seen.problem(404), "not-found");
    daemon.stop().await;
}

#[tokio::test]
async fn a_request_sent_many_times_at_once_is_carried_out_once() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (path, body) = (format!("/orders/{}/reservations", Uuid::new_v4()), two_routers());
    let sent = (0..16).map(|_| {
        let (caller, path, body) = (caller.clone(), path.clone(), body.clone());
        async move { caller.post(&path, "k", &body).await }
    });
    let answers = futures::future::join_all(sent).await;
    let (accepted, waiting): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::ACCEPTED);
    for answer in waiting {
        assert_eq!(answer.problem(409), "request-in-progress");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    let fresh = accepted.iter().filter(|answer| !answer.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(fresh, 1, "{answers:?}");
    let commands: i64 = sqlx::query_scalar("select count(*) from engine_command").fetch_one(shop.database.pool()).await.unwrap();
    assert_eq!(commands, 1);
    daemon.stop().await;
}

#[tokio::test]
async fn a_request_stays_in_progress_only_as_long_as_the_session_that_works_on_it() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (path, body) = (format!("/orders/{}/reservations", Uuid::new_v4()), two_routers());
    let first = caller.post(&path, "k", &body).await;
    let pool = shop.database.pool();
    // As a daemon leaves it that is at work right now.
    let at_work = "update idempotency_record set answer_status = null, answer_headers = null, answer_body = null, finished_at = null,
        busy_until = now() + interval '1 hour', session_id = (select session_id from worker_session where ended_at is null limit 1)";
    pool.execute(at_work).await.unwrap();
    assert_eq!(caller.post(&path, "k", &body).await.problem(409), "request-in-progress");
    // And as one leaves it that died there.
    pool.execute("update idempotency_record set session_id = gen_random_uuid()").await.unwrap();
    let anew = caller.post(&path, "k", &body).await;
    assert_eq!((anew.status, anew.headers.get("idempotency-replayed")), (StatusCode::ACCEPTED, None));
    assert_eq!(anew.headers["location"], first.headers["location"], "begun anew, it makes the same command");
    daemon.stop().await;
}

#[tokio::test]
async fn a_failure_of_ours_is_not_kept_as_the_answer() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (path, body) = (format!("/orders/{}/reservations", Uuid::new_v4()), two_routers());
    let pool = shop.database.pool();
    pool.execute("alter table engine_command rename to hidden").await.unwrap();
    let failed = caller.post(&path, "k", &body).await;
    assert_eq!(failed.problem(500), "internal");
    let instance = failed.json()["instance"].as_str().unwrap().to_owned();
    assert!(instance.starts_with("urn:uuid:") && !failed.text.contains("engine_command"), "{failed:?}");
    pool.execute("alter table hidden rename to engine_command").await.unwrap();
    let answer = caller.post(&path, "k", &body).await;
    assert_eq!((answer.status, answer.headers.get("idempotency-replayed")), (StatusCode::ACCEPTED, None));
    daemon.stop().await;
}

#[tokio::test]
async fn an_answer_is_forgotten_when_its_time_is_over() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let path = format!("/orders/{}/reservations", Uuid::new_v4());
    caller.post(&path, "k", &two_routers()).await;
    shop.database.pool().execute("update idempotency_record set expires_at = now() - interval '1 second'").await.unwrap();
    let other = caller.post(&format!("/orders/{}/reservations", Uuid::new_v4()), "k", &two_routers()).await;
    assert_eq!((other.status, other.headers.get("idempotency-replayed")), (StatusCode::ACCEPTED, None));
    daemon.stop().await;
}
