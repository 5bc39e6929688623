//! Answers that are not the engine's, and answers that do not come.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use holdfast::engine::{Completion, EngineClient, EngineError, TaskId, TransientCause, WorkerId};
use holdfast::retry::Retryable as _;

use super::on_both_engines;
use crate::support::engine::{Engine, LONG_LOCK, TestEngine, fetch_request};
use crate::support::fake::{Blunt, nobody, serve};

async fn complete(client: &EngineClient) -> EngineError {
    let (task, worker) = (TaskId::from("t"), WorkerId::from("w"));
    client.complete(&task, &worker, &Completion::default()).await.unwrap_err()
}

/// A server that answers everything alike.
async fn always(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> EngineClient {
    TestEngine::at(serve(Router::new().fallback(move || async move { answer })).await).client
}

fn cause(error: &EngineError) -> &TransientCause {
    match error {
        EngineError::Transient { cause, .. } => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refused_connection_means_that_nothing_was_sent() {
    let error = complete(&TestEngine::at(nobody()).client).await;
    assert_eq!(cause(&error), &TransientCause::NotSent);
    assert!(error.is_transient() && !error.may_have_acted());
}

#[tokio::test]
async fn an_html_502_of_a_proxy_is_transient_and_may_hide_that_the_engine_acted() {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    let client = always((StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], page)).await;
    let error = complete(&client).await;
    assert_eq!(cause(&error), &TransientCause::Unavailable(502));
    assert!(error.may_have_acted());
}

#[tokio::test]
async fn an_html_404_of_a_proxy_never_means_that_the_task_is_gone() {
    let client = always((StatusCode::NOT_FOUND, "<html>no such page</html>")).await;
    assert!(matches!(complete(&client).await, EngineError::Unreadable { status: 404, .. }));
    let looked_up = client.get_task(&TaskId::from("t")).await.unwrap_err();
    assert!(matches!(looked_up, EngineError::Unreadable { status: 404, .. }), "{looked_up:?}");
}

#[tokio::test]
async fn a_success_that_is_not_json_is_unreadable_and_shows_its_beginning() {
    let client = always("<html>please\nlog in</html>").await;
    match client.version().await.unwrap_err() {
        EngineError::Unreadable { status: 200, excerpt, .. } => assert_eq!(excerpt, "<html>please log in</html>"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let client = always((StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/login")])).await;
    assert!(matches!(client.version().await.unwrap_err(), EngineError::Unreadable { status: 302, .. }));
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_is_lost() {
    let cut = Blunt::answering(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"version\": \"7.").await;
    let error = TestEngine::at(cut.url).client.version().await.unwrap_err();
    assert_eq!(cause(&error), &TransientCause::AnswerLost);
    assert!(error.may_have_acted());
}

#[tokio::test]
async fn a_refusal_cut_in_the_middle_decides_nothing() {
    let cut = Blunt::answering(b"HTTP/1.1 404 Not Found\r\ncontent-length: 500\r\n\r\n{\"type\":\"RestException\",").await;
    assert_eq!(cause(&complete(&TestEngine::at(cut.url).client).await), &TransientCause::AnswerLost);
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_lost_and_not_tried_again() {
    let rude = Blunt::answering(b"").await;
    let error = complete(&TestEngine::at(rude.url).client).await;
    assert_eq!(cause(&error), &TransientCause::AnswerLost);
    assert_eq!(rude.requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_endless_error_page_is_not_read_to_its_end() {
    let client = always((StatusCode::INTERNAL_SERVER_ERROR, "<html> ".repeat(500_000))).await;
    let error = complete(&client).await;
    assert_eq!(cause(&error), &TransientCause::Unavailable(500));
}

#[tokio::test]
async fn an_answer_beyond_the_bound_is_refused() {
    let server = serve(Router::new().fallback(|| async { "x".repeat(100_000) })).await;
    let client = TestEngine::at(server).client_with(|settings| settings.most_response_bytes = 1_000);
    match client.version().await.unwrap_err() {
        EngineError::Unreadable { excerpt, .. } => assert!(excerpt.starts_with("more than 1000 bytes"), "{excerpt}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_silent_engine_ends_a_call_at_its_deadline_and_a_long_poll_at_its_own() {
    let silent = serve(Router::new().fallback(std::future::pending::<()>)).await;
    let engine = TestEngine::at(silent);
    let client = engine.client_with(|settings| {
        settings.call_timeout = Duration::from_millis(100);
        settings.long_poll_margin = Duration::from_millis(100);
    });
    let begun = Instant::now();
    assert_eq!(cause(&complete(&client).await), &TransientCause::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(2));

    let begun = Instant::now();
    let long_poll = Duration::from_millis(400);
    let request = fetch_request(&engine.worker("a"), 1, Some(long_poll), engine.topic("any", LONG_LOCK));
    let error = client.fetch_and_lock(&request).await.unwrap_err();
    assert_eq!(cause(&error), &TransientCause::TimedOut);
    assert!(begun.elapsed() >= long_poll && begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_id_with_odd_characters_stays_one_part_of_the_path() {
    let server = serve(
        Router::new().fallback(|request: axum::extract::Request| async move { (StatusCode::IM_A_TEAPOT, request.uri().path().to_owned()) }),
    )
    .await;
    let error = TestEngine::at(server).client.unlock(&TaskId::from("../version?x=1#y z")).await.unwrap_err();
    match error {
        EngineError::Unreadable { excerpt, .. } => assert_eq!(excerpt, "/external-task/..%2Fversion%3Fx=1%23y%20z/unlock"),
        other => panic!("{other:?}"),
    }
}

async fn a_wrong_address_at_the_engine_itself_never_means_that_the_task_is_gone(engine: TestEngine) {
    for path in ["/", "/engine-rest/wrong", "/engine-rest/engine/wrong"] {
        let client = engine.client_with(|settings| settings.base_url.set_path(path));
        let error = complete(&client).await;
        let blamed = matches!(error, EngineError::Unreadable { .. } | EngineError::Permanent { .. } | EngineError::Refused { .. });
        assert!(blamed, "{path}: {error:?}");
    }
}

on_both_engines! {
    a_wrong_address_at_the_engine_itself_never_means_that_the_task_is_gone,
}

#[test]
fn both_engines_have_an_address() {
    assert_ne!(Engine::Camunda.base_url(), Engine::Operaton.base_url());
}
