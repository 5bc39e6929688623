//! What can be asked of one reservation: release, confirm, extend. Each is a command, carried out in the background.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::{CommandId, CommandKind, ReservationId, TenantId};
use crate::http::commands::{CommandView, accepted};
use crate::http::extract::Path;
use crate::http::key::IdempotencyKeyHeader;
use crate::http::once::{Named, Once};
use crate::http::principal::Principal;
use crate::http::problem::{FieldError, Problem, ProblemKind};
use crate::http::reservations::{ReservationPath, etag};
use crate::http::scope::Scope;
use crate::http::state::ApiState;
use crate::http::text;
use crate::operations::{About, Find, NewCommand, Put};

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(release)).routes(routes!(confirm)).routes(routes!(extend))
}

/// The version that a caller has seen.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that is read elsewhere")]
pub(crate) struct IfMatchHeader {
    /// Only if the reservation still has this entity tag.
    #[serde(rename = "If-Match")]
    #[param(required = false, pattern = r#"^("[0-9]{1,18}"|\*)$"#, example = "\"7\"")]
    if_match: String,
}

/// Why a hold is let go.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReleaseRequest)]
pub(crate) struct ReleaseBody {
    /// A few words for the timeline.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "order cancelled")]
    reason: Option<String>,
}

/// How long a hold is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ExtendRequest)]
pub(crate) struct ExtendBody {
    /// Until when; in the future, at most ten years ahead.
    until: DateTime<Utc>,
}

/// Lets a hold go. A hold whose order still runs belongs to its process: the process is told that the order is cancelled and releases
/// in its own way, an incident included should the answer be lost. Otherwise the hold is released from here.
#[utoipa::path(
    post, path = "/reservations/{reservationId}/release", tag = "reservations", operation_id = "releaseReservation",
    params(ReservationPath, IdempotencyKeyHeader, IfMatchHeader),
    request_body(content = Option<ReleaseBody>),
    responses((status = 202, description = "It will be carried out", body = CommandView,
        headers(("Location" = String, description = "The command")))),
)]
pub(crate) async fn release(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<ReservationPath>,
    headers: HeaderMap,
    request: Once<Option<ReleaseBody>>,
) -> Result<Response, Problem> {
    let (named, body) = request.split();
    let reason = body.unwrap_or_default().reason;
    if let Some(reason) = &reason {
        text::check("/reason", reason, 200).map_err(|error| Problem::invalid(vec![error]))?;
    }
    let payload = reason.map_or_else(|| json!({}), |reason| json!({ "releaseReason": reason }));
    command(principal, state, path, &headers, named, CommandKind::Release, payload).await
}

/// Makes a hold a commitment.
#[utoipa::path(
    post, path = "/reservations/{reservationId}/confirm", tag = "reservations", operation_id = "confirmReservation",
    params(ReservationPath, IdempotencyKeyHeader, IfMatchHeader),
    responses((status = 202, description = "It will be carried out", body = CommandView,
        headers(("Location" = String, description = "The command")))),
)]
pub(crate) async fn confirm(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<ReservationPath>,
    headers: HeaderMap,
    request: Once<Value>,
) -> Result<Response, Problem> {
    let (named, body) = request.split();
    if !matches!(&body, Value::Null) && body != json!({}) {
        return Err(Problem::new(ProblemKind::Validation, "A confirmation has no body."));
    }
    command(principal, state, path, &headers, named, CommandKind::Confirm, json!({})).await
}

/// Has the inventory hold longer.
#[utoipa::path(
    post, path = "/reservations/{reservationId}/extend", tag = "reservations", operation_id = "extendReservation",
    params(ReservationPath, IdempotencyKeyHeader, IfMatchHeader),
    request_body = ExtendBody,
    responses((status = 202, description = "It will be carried out", body = CommandView,
        headers(("Location" = String, description = "The command")))),
)]
pub(crate) async fn extend(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<ReservationPath>,
    headers: HeaderMap,
    request: Once<ExtendBody>,
) -> Result<Response, Problem> {
    let (named, body) = request.split();
    let now = state.operations.now();
    if body.until <= now || body.until > now + chrono::TimeDelta::days(3650) {
        let detail = "must be in the future, at most ten years ahead".to_owned();
        return Err(Problem::invalid(vec![FieldError { pointer: "/until".to_owned(), detail }]));
    }
    let payload = json!({ "until": body.until.to_rfc3339_opts(SecondsFormat::Millis, true) });
    command(principal, state, path, &headers, named, CommandKind::Extend, payload).await
}

async fn command(
    principal: Principal,
    state: ApiState,
    path: ReservationPath,
    headers: &HeaderMap,
    named: Named,
    kind: CommandKind,
    payload: Value,
) -> Result<Response, Problem> {
    let tenant = principal.to(Scope::WriteReservations)?;
    let if_version = if_match(headers)?;
    let operation = match kind {
        CommandKind::Release => "POST /reservations/{reservationId}/release",
        CommandKind::Confirm => "POST /reservations/{reservationId}/confirm",
        CommandKind::Extend | CommandKind::StartOrder => "POST /reservations/{reservationId}/extend",
    };
    let (working, subject, request_hash) = (state.clone(), principal.subject().to_owned(), named.fingerprint());
    let reservation = ReservationId(path.reservation_id);
    named
        .carry_out(&state, tenant, operation, move |record| async move {
            let (order, version) = standing(&working, tenant, reservation).await?;
            if let Some(wanted) = if_version.filter(|wanted| *wanted != version) {
                let detail = format!("The reservation is at version {version} by now, not {wanted}.");
                return Err(Problem::new(ProblemKind::VersionConflict, detail).header(axum::http::header::ETAG, etag(version)));
            }
            let command = NewCommand {
                id: CommandId(record),
                tenant,
                about: About::Reservation(kind, reservation),
                order,
                request_hash,
                payload,
                if_version,
                requested_by: subject,
            };
            let (Put::Stands(command) | Put::StartedBy { command, .. }) = working.operations.put_command(&command).await?;
            Ok(accepted(*command))
        })
        .await
}

/// The order and the version of a reservation, if there is one.
async fn standing(state: &ApiState, tenant: TenantId, id: ReservationId) -> Result<(crate::domain::OrderId, i64), Problem> {
    let row = state.operations.get(tenant, &Find::Id(id)).await?.ok_or_else(|| Problem::not_found("reservation"))?;
    Ok((row.order, row.version))
}

fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|digits| digits.len() <= 18);
    let version = version.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).and_then(|digits| digits.parse().ok());
    version
        .map(Some)
        .ok_or_else(|| Problem::new(ProblemKind::Malformed, "The header `If-Match` must be one entity tag such as \"7\", or *."))
}
