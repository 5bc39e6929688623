//! The inventory as its clients see it: `/v1`.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;

use super::caller::{Caller, unreadable};
use crate::simulator::clock::Instant;
use crate::simulator::command::{ChangeRequest, Command, ListRequest};
use crate::simulator::hold::HoldState;
use crate::simulator::shared::Shared;

/// Every path of the plainest profile.
pub(crate) fn client_router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/availability", post(check))
        .route("/v1/reservations", post(reserve).get(list))
        .route("/v1/reservations/by-key/{key}", get(lookup_by_key))
        .route("/v1/reservations/{reference}", get(lookup_by_reference))
        .route("/v1/reservations/{reference}/release", post(release))
        .route("/v1/reservations/{reference}/confirm", post(confirm))
        .route("/v1/reservations/{reference}/extend", post(extend))
        .fallback(async || (StatusCode::NOT_FOUND, "{\"code\":\"NO_SUCH_PATH\",\"message\":\"see docs/simulator.md\"}"))
        .with_state(shared)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangeBody {
    request_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtendBody {
    request_key: Option<String>,
    expires_at: Instant,
}

#[derive(Deserialize)]
struct ListQuery {
    state: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

async fn check(caller: Caller, body: Bytes) -> Response<Body> {
    caller.want_body(&body, Command::Check).await
}

async fn reserve(caller: Caller, body: Bytes) -> Response<Body> {
    caller.want_body(&body, Command::Reserve).await
}

async fn lookup_by_key(caller: Caller, Path(key): Path<String>) -> Response<Body> {
    caller.want(Command::LookupByKey(key)).await
}

async fn lookup_by_reference(caller: Caller, Path(reference): Path<String>) -> Response<Body> {
    caller.want(Command::LookupByReference(reference)).await
}

async fn release(caller: Caller, Path(reference): Path<String>, body: Bytes) -> Response<Body> {
    caller.want_body(&body, |body| Command::Release(change(reference, body))).await
}

async fn confirm(caller: Caller, Path(reference): Path<String>, body: Bytes) -> Response<Body> {
    caller.want_body(&body, |body| Command::Confirm(change(reference, body))).await
}

async fn extend(caller: Caller, Path(reference): Path<String>, body: Bytes) -> Response<Body> {
    let command = |body: ExtendBody| Command::Extend(ChangeRequest { reference, request_key: body.request_key }, body.expires_at);
    caller.want_body(&body, command).await
}

async fn list(caller: Caller, query: Result<Query<ListQuery>, QueryRejection>) -> Response<Body> {
    let query = match query {
        Ok(Query(query)) => query,
        Err(error) => return unreadable(&error.to_string()),
    };
    let names = query.state.as_deref().unwrap_or("HELD,CONFIRMED").split(',');
    match names.map(state_named).collect::<Result<Vec<_>, _>>() {
        Ok(states) => caller.want(Command::List(ListRequest { states, after: query.after, limit: query.limit.unwrap_or(100) })).await,
        Err(name) => unreadable(&format!("there is no state {name:?}")),
    }
}

fn change(reference: String, body: ChangeBody) -> ChangeRequest {
    ChangeRequest { reference, request_key: body.request_key }
}

fn state_named(name: &str) -> Result<HoldState, String> {
    match name {
        "HELD" => Ok(HoldState::Held),
        "CONFIRMED" => Ok(HoldState::Confirmed),
        "RELEASED" => Ok(HoldState::Released),
        "EXPIRED" => Ok(HoldState::Expired),
        other => Err(other.to_owned()),
    }
}
