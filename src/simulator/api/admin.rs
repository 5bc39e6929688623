//! The simulator as whoever runs the test sees it: `/sim`. It stays up when the inventory is down.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::holds;
use crate::simulator::amount::Amount;
use crate::simulator::faults::FaultRequest;
use crate::simulator::shared::Shared;
use crate::simulator::webhook::WebhookTarget;

/// Every path of the admin interface.
pub(crate) fn admin_router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/sim/ledger", get(holds::ledger))
        .route("/sim/holds", get(holds::holds))
        .route("/sim/holds/{reference}/{mishap}", post(holds::befall))
        .route("/sim/stock", get(stock).put(put_stock))
        .route("/sim/clock", get(clock).post(advance_clock))
        .route("/sim/faults", get(faults).post(arm).delete(disarm_all))
        .route("/sim/faults/{id}", delete(disarm))
        .route("/sim/webhook", get(webhook).put(aim_webhook).delete(silence_webhook))
        .route("/sim/gate", get(gate))
        .route("/sim/down", post(down))
        .route("/sim/up", post(up))
        .fallback(async || problem(StatusCode::NOT_FOUND, "no such path: see docs/simulator.md"))
        .with_state(shared)
}

/// An answer to a user's mistake.
pub(super) fn problem(status: StatusCode, message: &str) -> Response<Body> {
    (status, Json(json!({ "error": message }))).into_response()
}

/// Reads a body by way of a JSON value: tagged enums cannot read exact numbers straight from the text.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response<Body>>> {
    let value = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(body) };
    let read = value.and_then(serde_json::from_value);
    read.map_err(|error| Box::new(problem(StatusCode::BAD_REQUEST, &error.to_string())))
}

#[derive(Deserialize)]
struct StockQuery {
    tenant: Option<String>,
    sku: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StockBody {
    tenant: String,
    sku: String,
    location_id: Option<String>,
    on_hand: Amount,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockBody {
    advance_ms: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DownBody {
    #[serde(default)]
    ms: Option<u64>,
}

async fn stock(State(shared): State<Arc<Shared>>, Query(query): Query<StockQuery>) -> Response<Body> {
    let stock = shared.inventory_now().stock(query.tenant.as_deref(), query.sku.as_deref());
    Json(json!({ "stock": stock })).into_response()
}

async fn put_stock(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    let body: StockBody = match read(&body) {
        Ok(body) => body,
        Err(problem) => return *problem,
    };
    let mut inventory = shared.inventory_now();
    inventory.put_stock(&body.tenant, &body.sku, body.location_id.as_deref(), body.on_hand);
    Json(json!({ "stock": inventory.stock(Some(&body.tenant), Some(&body.sku)) })).into_response()
}

async fn clock(State(shared): State<Arc<Shared>>) -> Response<Body> {
    Json(json!({ "now": shared.clock.now(), "offsetMs": shared.clock.offset_ms() })).into_response()
}

async fn advance_clock(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    match read::<ClockBody>(&body) {
        Ok(body) => shared.advance(body.advance_ms),
        Err(problem) => return *problem,
    }
    clock(State(shared)).await
}

async fn faults(State(shared): State<Arc<Shared>>) -> Response<Body> {
    Json(json!({ "faults": shared.faults.list() })).into_response()
}

async fn arm(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    match read::<FaultRequest>(&body) {
        Ok(request) => (StatusCode::CREATED, Json(json!({ "id": shared.faults.arm(request) }))).into_response(),
        Err(problem) => *problem,
    }
}

async fn disarm_all(State(shared): State<Arc<Shared>>) -> Response<Body> {
    Json(json!({ "removed": shared.faults.disarm(None) })).into_response()
}

async fn disarm(State(shared): State<Arc<Shared>>, Path(id): Path<u64>) -> Response<Body> {
    match shared.faults.disarm(Some(id)) {
        0 => problem(StatusCode::NOT_FOUND, "there is no such fault"),
        removed => Json(json!({ "removed": removed })).into_response(),
    }
}

async fn webhook(State(shared): State<Arc<Shared>>) -> Response<Body> {
    Json(shared.webhook.status()).into_response()
}

async fn aim_webhook(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    let aimed = match read::<WebhookTarget>(&body) {
        Ok(target) => shared.webhook.aim(Some(target)),
        Err(problem) => return *problem,
    };
    match aimed {
        Ok(()) => webhook(State(shared)).await,
        Err(complaint) => problem(StatusCode::BAD_REQUEST, complaint),
    }
}

async fn silence_webhook(State(shared): State<Arc<Shared>>) -> Response<Body> {
    // Aiming at nobody cannot fail.
    let _ = shared.webhook.aim(None);
    webhook(State(shared)).await
}

async fn gate(State(shared): State<Arc<Shared>>) -> Response<Body> {
    Json(json!({ "up": shared.gate.is_open() })).into_response()
}

async fn down(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    match read::<DownBody>(&body) {
        Ok(body) => shared.down(body.ms.map(Duration::from_millis)).await,
        Err(problem) => return *problem,
    }
    gate(State(shared)).await
}

async fn up(State(shared): State<Arc<Shared>>) -> Response<Body> {
    shared.gate.open().await;
    gate(State(shared)).await
}
