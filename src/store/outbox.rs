//! Facts on their way out: what a move of a reservation tells others, as a row of the outbox.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{AvailabilityEvidence, EventId, LineAvailability, Reservation, Subject, Transition, fact_of};
use crate::store::evidence::subject_columns;

/// The namespace of event ids: the same fact has the same id however often it is told.
const NAMESPACE: Uuid = Uuid::from_u128(0x0b7d_9c1e_2a4f_5f60_8d21_6e3b_94aa_17c5);

/// One row of the outbox.
#[derive(Debug, Serialize)]
pub(crate) struct FactRow {
    reservation_id: Uuid,
    event_id: Uuid,
    event_type: &'static str,
    sequence: i64,
    correlation_id: String,
    causation_id: String,
    payload: Value,
}

/// The facts of these moves, numbered on from the row's counter, which is moved along.
pub(crate) fn facts(after: &mut Reservation, moves: &[Transition], causation: &str) -> Vec<FactRow> {
    let mut rows = Vec::new();
    for transition in moves {
        if let Some(fact) = fact_of(transition.to, transition.cause) {
            rows.push(row(after, fact.event_type(), transition.cause.as_str(), causation));
        }
    }
    rows
}

/// The fact that a wish is on record.
pub(crate) fn requested(after: &mut Reservation, causation: &str) -> FactRow {
    row(after, crate::domain::Fact::ReservationRequested.event_type(), "requested", causation)
}

fn row(after: &mut Reservation, event_type: &'static str, reason: &str, causation: &str) -> FactRow {
    after.event_sequence += 1;
    FactRow {
        reservation_id: after.id.0,
        event_id: event_id(after).0,
        event_type,
        sequence: after.event_sequence,
        correlation_id: format!("order-{}", after.order),
        causation_id: causation.to_owned(),
        payload: payload(after, reason),
    }
}

fn event_id(after: &Reservation) -> EventId {
    EventId(Uuid::new_v5(&NAMESPACE, format!("{}:{}", after.id, after.event_sequence).as_bytes()))
}

fn payload(after: &Reservation, reason: &str) -> Value {
    let instant = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    json!({
        "orderId": after.order.0,
        "reservationStep": after.step.as_str(),
        "attemptGroup": after.group.number(),
        "sourceSystem": after.source.as_str(),
        "externalReservationRef": after.reference.as_ref().map(crate::domain::ExternalReference::as_str),
        "expiresAt": instant(after.expires_at),
        "reason": reason,
        "rejectionCode": after.rejection.as_ref().map(|r| r.code.as_str()),
        "lines": after.lines.iter().map(|line| json!({
            "orderLineId": line.line.order_line.0,
            "productOfferingId": line.line.product_offering,
            "requestedQuantity": line.line.quantity.to_string(),
            "reservedQuantity": line.reserved.map(|quantity| quantity.normalize().to_string()),
        })).collect::<Vec<_>>(),
    })
}

/// The fact that a check was answered, as a row of the outbox. Evidence is written once, so that it is its only fact.
#[derive(Debug, Serialize)]
pub(crate) struct EvidenceFact {
    evidence_id: Uuid,
    event_id: Uuid,
    order_id: Option<Uuid>,
    correlation_id: String,
    causation_id: String,
    payload: Value,
}

/// The fact that a check was answered.
pub(crate) fn evidence_created(evidence: &AvailabilityEvidence) -> EvidenceFact {
    let (order_id, correlation_id) = match evidence.subject {
        Subject::Order(order) => (Some(order.0), format!("order-{order}")),
        Subject::Quote(quote, _) => (None, format!("quote-{quote}")),
        Subject::Operational(request) => (None, format!("request-{request}")),
    };
    EvidenceFact {
        evidence_id: evidence.id.0,
        event_id: Uuid::new_v5(&NAMESPACE, format!("{}:1", evidence.id).as_bytes()),
        order_id,
        causation_id: evidence.request.as_ref().map_or_else(|| format!("check-{}", evidence.id), |request| format!("request-{request}")),
        correlation_id,
        payload: evidence_payload(evidence),
    }
}

fn evidence_payload(evidence: &AvailabilityEvidence) -> Value {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let (subject_type, subject_id, revision) = subject_columns(evidence.subject);
    let line = |line: &LineAvailability| {
        json!({
            "lineId": line.order_line.0,
            "productOfferingId": line.product_offering,
            "requestedQuantity": line.requested.to_string(),
            "availableQuantity": line.available.map(|quantity| quantity.normalize().to_string()),
            "status": line.status.as_str(),
            "explanationCode": line.explanation,
        })
    };
    json!({
        "subjectType": subject_type,
        "subjectId": subject_id,
        "subjectRevision": revision,
        "sourceSystem": evidence.source.as_str(),
        "sourceReference": evidence.source_reference,
        "status": evidence.status.as_str(),
        "checkedAt": instant(evidence.checked_at),
        "expiresAt": instant(evidence.expires_at),
        "explanationCode": evidence.explanation,
        "copiedFrom": evidence.copied_from.map(|id| id.0),
        "lines": evidence.lines.iter().map(line).collect::<Vec<_>>(),
    })
}
