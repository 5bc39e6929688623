//! Row <-> domain for reservations. A row that does not parse is named, never skipped.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::domain::{
    AttemptGroup, Call, CallId, ExternalReference, IdempotencyKey, LineRecord, Operation, OrderId, OrderLine, OrderLineId,
    PendingOperation, Quantity, Rejection, Reservation, ReservationId, ReservationStatus, ReservationStep, SourceName, TenantId,
};
use crate::store::StoreError;

/// A reservation's columns, as they stand.
#[derive(FromRow)]
struct Raw {
    reservation_id: Uuid,
    tenant_id: Uuid,
    order_id: Uuid,
    reservation_step: String,
    attempt_group: i32,
    idempotency_key: String,
    source_system: String,
    request_hash: Vec<u8>,
    hold_seconds: i64,
    customer_id: Option<String>,
    location_id: Option<String>,
    process_instance_id: Option<String>,
    external_reservation_ref: Option<String>,
    status: String,
    reserved_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    released_at: Option<DateTime<Utc>>,
    rejection_code: Option<String>,
    rejection_message: Option<String>,
    pending_operation: Option<String>,
    pending_until: Option<DateTime<Utc>>,
    extensions: i32,
    release_wanted: bool,
    absent_looks: i32,
    checks: i32,
    manual_since: Option<DateTime<Utc>>,
    unknown_since: Option<DateTime<Utc>>,
    last_effect_at: Option<DateTime<Utc>>,
    claim_epoch: i64,
    open_call_id: Option<Uuid>,
    open_call_operation: Option<String>,
    event_sequence: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
}

/// Reads one reservation without its lines.
pub(crate) fn reservation(row: &PgRow) -> Result<Reservation, StoreError> {
    let raw = Raw::from_row(row).map_err(StoreError::during("read_reservation"))?;
    let id = ReservationId(raw.reservation_id);
    let unreadable = |column: &'static str, value: String| StoreError::Unreadable { id, column, value };
    let pending = match (raw.pending_operation.as_deref(), raw.pending_until) {
        (None, _) => None,
        (Some("CONFIRM"), _) => Some(PendingOperation::Confirm),
        (Some("EXTEND"), Some(until)) => Some(PendingOperation::Extend { until }),
        (Some(other), _) => return Err(unreadable("pending_operation", other.to_owned())),
    };
    let open_call = match (raw.open_call_id, raw.open_call_operation) {
        (Some(call), Some(name)) => {
            let operation = Operation::parse(&name).ok_or_else(|| unreadable("open_call_operation", name))?;
            Some(Call { id: CallId(call), operation, started_at: raw.last_effect_at.unwrap_or(raw.updated_at), class: None })
        }
        _ => None,
    };
    let reference = match raw.external_reservation_ref {
        Some(text) => Some(ExternalReference::parse(&text).map_err(|_| unreadable("external_reservation_ref", text))?),
        None => None,
    };
    Ok(Reservation {
        id,
        tenant: TenantId(raw.tenant_id),
        order: OrderId(raw.order_id),
        step: ReservationStep::parse(&raw.reservation_step).map_err(|_| unreadable("reservation_step", raw.reservation_step))?,
        group: AttemptGroup::new(raw.attempt_group.into()).ok_or_else(|| unreadable("attempt_group", raw.attempt_group.to_string()))?,
        key: IdempotencyKey::stored(raw.idempotency_key),
        source: SourceName::parse(&raw.source_system).map_err(|_| unreadable("source_system", raw.source_system))?,
        request_hash: raw.request_hash,
        hold_seconds: raw.hold_seconds,
        customer: raw.customer_id,
        location: raw.location_id,
        requested_at: raw.created_at,
        process_instance: raw.process_instance_id,
        status: ReservationStatus::parse(&raw.status).ok_or_else(|| unreadable("status", raw.status))?,
        reference,
        reserved_at: raw.reserved_at,
        expires_at: raw.expires_at,
        confirmed_at: raw.confirmed_at,
        released_at: raw.released_at,
        version: raw.version,
        claim_epoch: raw.claim_epoch,
        event_sequence: raw.event_sequence,
        pending,
        extensions: raw.extensions,
        release_wanted: raw.release_wanted,
        absent_looks: raw.absent_looks,
        checks: raw.checks,
        manual_since: raw.manual_since,
        unknown_since: raw.unknown_since,
        last_effect_at: raw.last_effect_at,
        open_call,
        rejection: raw.rejection_code.map(|code| Rejection { code, message: raw.rejection_message }),
        lines: Vec::new(),
    })
}

/// Reads one line.
pub(crate) fn line(row: &PgRow) -> Result<(ReservationId, LineRecord), StoreError> {
    let read = StoreError::during;
    let id = ReservationId(row.try_get("reservation_id").map_err(read("read_line"))?);
    let requested: Decimal = row.try_get("requested_quantity").map_err(read("read_line"))?;
    let quantity =
        Quantity::new(requested).map_err(|_| StoreError::Unreadable { id, column: "requested_quantity", value: requested.to_string() })?;
    Ok((
        id,
        LineRecord {
            line: OrderLine {
                order_line: OrderLineId(row.try_get("order_line_id").map_err(read("read_line"))?),
                product_offering: row.try_get("product_offering_id").map_err(read("read_line"))?,
                quantity,
                location: row.try_get("location_id").map_err(read("read_line"))?,
            },
            reserved: row.try_get("reserved_quantity").map_err(read("read_line"))?,
            available: row.try_get("available_quantity").map_err(read("read_line"))?,
        },
    ))
}
