//! What a request may cost: a bound on how many are worked on, on how long one takes, and what happens when one panics.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_ENCODING;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::{Problem, ProblemKind};
use crate::metrics;

/// The bounds, shared by all requests.
#[derive(Clone)]
pub(crate) struct Limits {
    places: Arc<Semaphore>,
    longest: Duration,
}

impl Limits {
    /// So many requests at once, each for so long.
    pub(crate) fn new(most: usize, longest: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), longest }
    }
}

/// A place among the requests that are worked on. Work that goes on without its caller takes it along; it is free when all have let go.
#[derive(Debug, Clone)]
pub(crate) struct Place(#[expect(dead_code, reason = "held, not looked at")] Arc<OwnedSemaphorePermit>);

/// Turns away what there is no place for, at once: a queue would only make everybody wait.
pub(crate) async fn shed(State(limits): State<Limits>, mut request: Request, next: Next) -> Response {
    let Ok(permit) = Arc::clone(&limits.places).try_acquire_owned() else {
        metrics::http_shed();
        return Problem::new(ProblemKind::Overloaded, "As many requests as are worked on at once are being worked on.").into_response();
    };
    let place = Place(Arc::new(permit));
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    drop(place);
    response
}

/// Ends what takes too long, the reading of a slow body among it.
pub(crate) async fn in_time(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limits.longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("There was no answer within {} ms.", limits.longest.as_millis());
            Problem::new(ProblemKind::TookTooLong, detail).into_response()
        }
    }
}

/// Refuses bodies that are packed: what is read is what was sent, so that a small body stays small and a signature fits.
pub(crate) async fn unpacked(request: Request, next: Next) -> Response {
    let packed = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if request.headers().get_all(CONTENT_ENCODING).iter().any(packed) {
        return Problem::new(ProblemKind::UnsupportedMedia, "Bodies are read as they come: send none with a `Content-Encoding`.")
            .into_response();
    }
    next.run(request).await
}

/// Counts and times every request by its route.
pub(crate) async fn measured(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let method = match request.method().as_str() {
        "GET" | "HEAD" => "GET",
        "POST" => "POST",
        _ => "other",
    };
    let began = Instant::now();
    let response = next.run(request).await;
    metrics::http_request(&route, method, response.status().as_u16(), began.elapsed());
    response
}

/// What a caller hears of a handler that panicked.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    Problem::internal(&Panicked(said.unwrap_or_default())).into_response()
}

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn ask(router: Router) -> (u16, String) {
        let response = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_a_problem_that_tells_nothing() {
        let router = Router::new().route("/", get(async || -> &'static str { panic!("the password is hunter2") }));
        let (status, body) = ask(router.layer(CatchPanicLayer::custom(panicked))).await;
        assert_eq!(status, 500);
        assert!(body.contains("urn:holdfast:problem:internal") && !body.contains("hunter2"), "{body}");
    }

    #[tokio::test]
    async fn what_there_is_no_place_for_is_turned_away_and_what_takes_too_long_is_ended() {
        let slow = || Router::new().route("/", get(std::future::pending::<&'static str>));
        let (status, body) = ask(slow().layer(from_fn_with_state(Limits::new(0, Duration::from_secs(60)), shed))).await;
        assert!(status == 503 && body.contains("overloaded"), "{body}");
        let (status, body) = ask(slow().layer(from_fn_with_state(Limits::new(1, Duration::from_millis(5)), in_time))).await;
        assert!(status == 503 && body.contains("took-too-long"), "{body}");
    }
}
