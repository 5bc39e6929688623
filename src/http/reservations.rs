//! Reservations: one of them as it stands.

use axum::http::HeaderValue;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::domain::{LineRecord, PendingOperation, Reservation, ReservationId, ReservationStatus};
use crate::http::extract::Path;
use crate::http::principal::Principal;
use crate::http::problem::Problem;
use crate::http::scope::Scope;
use crate::http::state::ApiState;
use crate::operations::Find;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get_reservation))
}

/// Which reservation.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReservationPath {
    /// The reservation's id.
    pub(crate) reservation_id: Uuid,
}

/// A reservation as it stands.
#[utoipa::path(
    get, path = "/reservations/{reservationId}", tag = "reservations", operation_id = "getReservation",
    params(ReservationPath),
    responses((status = 200, description = "The reservation", body = ReservationView,
        headers(("ETag" = String, description = "The version, for `If-Match`")))),
)]
pub(crate) async fn get_reservation(
    principal: Principal,
    axum::extract::State(state): axum::extract::State<ApiState>,
    Path(path): Path<ReservationPath>,
) -> Result<Response, Problem> {
    let tenant = principal.to(Scope::ReadReservations)?;
    let found = state.operations.get(tenant, &Find::Id(ReservationId(path.reservation_id))).await?;
    let reservation = found.ok_or_else(|| Problem::not_found("reservation"))?;
    let tag = etag(reservation.version);
    Ok(([(ETAG, tag)], axum::Json(ReservationView::from(reservation))).into_response())
}

/// A version as an entity tag.
pub(crate) fn etag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Where a hold stands. Nobody knows about `UNKNOWN` and `RELEASE_UNKNOWN` yet: they are being found out.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StatusView {
    Requested,
    Reserved,
    Rejected,
    Unknown,
    Confirmed,
    ReleaseRequested,
    Released,
    ReleaseUnknown,
    Expired,
}

impl From<ReservationStatus> for StatusView {
    fn from(status: ReservationStatus) -> Self {
        match status {
            ReservationStatus::Requested => Self::Requested,
            ReservationStatus::Reserved => Self::Reserved,
            ReservationStatus::Rejected => Self::Rejected,
            ReservationStatus::Unknown => Self::Unknown,
            ReservationStatus::Confirmed => Self::Confirmed,
            ReservationStatus::ReleaseRequested => Self::ReleaseRequested,
            ReservationStatus::Released => Self::Released,
            ReservationStatus::ReleaseUnknown => Self::ReleaseUnknown,
            ReservationStatus::Expired => Self::Expired,
        }
    }
}

/// One reservation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reservation)]
pub(crate) struct ReservationView {
    reservation_id: Uuid,
    order_id: Uuid,
    /// The step of the order; an order may hold stock in several.
    #[schema(example = "reserve")]
    reservation_step: String,
    /// Counts the deliberate new attempts of the step.
    #[schema(minimum = 1)]
    attempt_group: i32,
    /// The inventory.
    #[schema(example = "main")]
    source: String,
    status: StatusView,
    /// The outcome of a call is not known yet. It is being found out.
    outcome_open: bool,
    /// A confirmation or extension whose outcome is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_operation: Option<&'static str>,
    /// The hold is to go as soon as it is known whether there is one.
    release_wanted: bool,
    /// The key under which the inventory knows the request.
    idempotency_key: String,
    /// What the inventory calls the hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_reservation_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_at: Option<DateTime<Utc>>,
    /// Until when the inventory holds. The earlier time while an extension is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    released_at: Option<DateTime<Utc>>,
    /// Since when a human is needed to find out.
    #[serde(skip_serializing_if = "Option::is_none")]
    manual_since: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    /// The engine's process instance that asked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    process_instance_id: Option<String>,
    /// Why the inventory refused, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<RejectionView>,
    lines: Vec<LineView>,
    /// Counts every change; the same as the entity tag.
    version: i64,
}

/// Why an inventory refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rejection)]
pub(crate) struct RejectionView {
    #[schema(example = "INSUFFICIENT_STOCK")]
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// One line of a reservation. Quantities are decimal numbers as text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReservationLine)]
pub(crate) struct LineView {
    order_line_id: Uuid,
    product_offering_id: String,
    #[schema(example = "2")]
    requested_quantity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_quantity: Option<String>,
    /// How much there was, where a refusal said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    available_quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
}

impl From<Reservation> for ReservationView {
    fn from(row: Reservation) -> Self {
        Self {
            outcome_open: row.is_open(),
            expires_at: row.ruling_expiry(),
            reservation_id: row.id.0,
            order_id: row.order.0,
            reservation_step: row.step.as_str().to_owned(),
            attempt_group: row.group.number(),
            source: row.source.as_str().to_owned(),
            status: row.status.into(),
            pending_operation: row.pending.map(|pending| match pending {
                PendingOperation::Confirm => "confirm",
                PendingOperation::Extend { .. } => "extend",
            }),
            release_wanted: row.release_wanted,
            idempotency_key: row.key.as_str().to_owned(),
            external_reservation_ref: row.reference.map(|reference| reference.as_str().to_owned()),
            reserved_at: row.reserved_at,
            confirmed_at: row.confirmed_at,
            released_at: row.released_at,
            manual_since: row.manual_since,
            customer_id: row.customer,
            location_id: row.location,
            process_instance_id: row.process_instance,
            rejection: row.rejection.map(|rejection| RejectionView { code: rejection.code, message: rejection.message }),
            lines: row.lines.into_iter().map(LineView::from).collect(),
            version: row.version,
        }
    }
}

impl From<LineRecord> for LineView {
    fn from(record: LineRecord) -> Self {
        Self {
            order_line_id: record.line.order_line.0,
            product_offering_id: record.line.product_offering,
            requested_quantity: record.line.quantity.to_string(),
            reserved_quantity: record.reserved.map(|quantity| quantity.normalize().to_string()),
            available_quantity: record.available.map(|quantity| quantity.normalize().to_string()),
            location_id: record.line.location,
        }
    }
}
