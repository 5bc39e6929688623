//! Requests that are carried out once, however often they are sent (the IETF's draft on `Idempotency-Key`).
//!
//! The row is written before the work begins and bound to this boot's session, so that a request whose daemon died is begun anew and
//! never stays in progress. The work goes on when the caller hangs up, and keeps its place among the requests that are worked on. Answers
//! below 500 are kept but for 412; others are forgotten.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::TimeDelta;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::TenantId;
use crate::http::extract::is_json;
use crate::http::key;
use crate::http::limits::Place;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::state::ApiState;
use crate::operations::{Begun, KeptAnswer, RequestAttempt, RequestName};

/// How long answers are kept.
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The headers that are kept with an answer.
const KEPT: [HeaderName; 3] = [CONTENT_TYPE, LOCATION, ETAG];

/// A request under an idempotency key, read in full.
#[derive(Debug)]
pub(crate) struct Once<T> {
    /// The caller's name for it.
    key: String,
    /// SHA-256 over path and canonical body.
    fingerprint: [u8; 32],
    /// Its place among the requests that are worked on.
    place: Option<Place>,
    /// What is asked for.
    pub(crate) body: T,
}

impl<T: DeserializeOwned> FromRequest<ApiState> for Once<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let key = key::read(request.headers())?;
        let mut hash = Sha256::new();
        hash.update(request.uri().path_and_query().map_or("", |path| path.as_str()));
        hash.update("\n");
        let place = request.extensions().get::<Place>().cloned();
        let value = read_body(request, state).await?;
        hash.update(value.to_string());
        let body =
            T::deserialize(value).map_err(|error| Problem::new(ProblemKind::Validation, format!("The body cannot be used: {error}.")))?;
        Ok(Self { key, fingerprint: hash.finalize().into(), place, body })
    }
}

/// The body as JSON, whose members come in the order of their names; null where there is none.
async fn read_body(request: Request, state: &ApiState) -> Result<Value, Problem> {
    let json = is_json(request.headers());
    let bytes = Bytes::from_request(request, state).await?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    if !json {
        return Err(Problem::new(ProblemKind::UnsupportedMedia, "The body must be sent as `Content-Type: application/json`."));
    }
    Ok(axum::Json::<Value>::from_bytes(&bytes)?.0)
}

impl<T> Once<T> {
    /// Takes the request apart: what names it, and what is asked for.
    pub(crate) fn split(self) -> (Named, T) {
        (Named { key: self.key, fingerprint: self.fingerprint, place: self.place }, self.body)
    }
}

/// What names a request.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    key: String,
    fingerprint: [u8; 32],
    place: Option<Place>,
}

impl Named {
    /// The hash of the request.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Carries the work out, unless it was. The work gets an id that stays the same should it be begun anew.
    pub(crate) async fn carry_out<Work, Working>(
        self,
        state: &ApiState,
        tenant: TenantId,
        operation: &'static str,
        work: Work,
    ) -> Result<Response, Problem>
    where
        Work: FnOnce(Uuid) -> Working + Send + 'static,
        Working: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let name = RequestName { tenant, operation, key: self.key };
        let (operations, fingerprint, place) = (state.operations.clone(), self.fingerprint, self.place);
        // The caller may hang up, even before it is on record that the work has begun; what was begun is brought to its end.
        let working = tokio::spawn(async move {
            let _place = place;
            match operations.begin_request(name, fingerprint, KEPT_FOR).await? {
                Begun::Yes(attempt) => {
                    let answer = work(attempt.record).await.unwrap_or_else(Problem::into_response);
                    keep(&operations, &attempt, answer).await
                }
                Begun::Answered(answer) => Ok(replay(answer)),
                Begun::InProgress => Err(Problem::new(
                    ProblemKind::RequestInProgress,
                    "A request with this `Idempotency-Key` is being worked on; send it again in a moment to hear its answer.",
                )),
                Begun::OtherRequest => Err(Problem::new(
                    ProblemKind::KeyReused,
                    "This `Idempotency-Key` was sent with another request; a new request needs a new key.",
                )),
            }
        });
        working.await.unwrap_or_else(|error| Err(Problem::internal(&error)))
    }
}

/// Keeps an answer, unless the same request may hear another one, and hands it on.
async fn keep(operations: &crate::operations::Operations, attempt: &RequestAttempt, answer: Response) -> Result<Response, Problem> {
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(|error| Problem::internal(&error))?;
    // A precondition that failed is no end of the request: nothing was done, and it is sent again with the entity tag of now.
    let kept = if parts.status.is_server_error() || parts.status == StatusCode::PRECONDITION_FAILED {
        operations.abandon_request(attempt).await
    } else {
        let headers: Map<String, Value> = KEPT.iter().filter_map(|name| Some((name.to_string(), text_of(&parts.headers, name)?))).collect();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let answer = KeptAnswer { status: parts.status.as_u16(), headers: Value::Object(headers), body };
        operations.answer_request(attempt, &answer).await.map(drop)
    };
    if let Err(error) = kept {
        // Sent again, it is begun anew once it is not busy any more; what it makes has the same name then.
        tracing::warn!(error = %error, "the answer of a request could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<Value> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(Value::from)
}

fn replay(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    response.headers_mut().remove(CONTENT_TYPE);
    for name in KEPT {
        let value = answer.headers.get(name.as_str()).and_then(Value::as_str).and_then(|text| HeaderValue::from_str(text).ok());
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn the_order_of_members_makes_no_other_request() {
        let one: serde_json::Value = serde_json::from_str(r#"{"b": [{"d": 1, "c": 2}], "a": 1}"#).unwrap();
        assert_eq!(one.to_string(), r#"{"a":1,"b":[{"c":2,"d":1}]}"#);
        assert_ne!(json!({"a": 1}).to_string(), json!({"a": "1"}).to_string());
    }
}
