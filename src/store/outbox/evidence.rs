//! The fact that a check was answered, as a row of the outbox.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::{AvailabilityEvidence, Subject};
use crate::store::outbox::fact::event_id_of;
use crate::store::outbox::payload::AvailabilityEvidencePayload;

/// The fact that a check was answered: the first one of its evidence.
#[derive(Debug, Serialize)]
pub(crate) struct EvidenceFact {
    evidence_id: Uuid,
    event_id: Uuid,
    order_id: Option<Uuid>,
    correlation_id: String,
    causation_id: String,
    payload: AvailabilityEvidencePayload,
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
        event_id: event_id_of(evidence.id.0, 1).0,
        order_id,
        causation_id: evidence.request.as_ref().map_or_else(|| format!("check-{}", evidence.id), |request| format!("request-{request}")),
        correlation_id,
        payload: AvailabilityEvidencePayload::of(evidence),
    }
}
