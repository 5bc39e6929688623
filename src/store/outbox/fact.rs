//! What a move of a reservation tells others, as a row of the outbox.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::{EventId, Reservation, Transition, fact_of};
use crate::store::outbox::payload::ReservationPayload;

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
    payload: ReservationPayload,
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
        payload: ReservationPayload::of(after, reason),
    }
}

fn event_id(after: &Reservation) -> EventId {
    event_id_of(after.id.0, after.event_sequence)
}

/// The id of an aggregate's fact with this number.
pub(super) fn event_id_of(aggregate: Uuid, sequence: i64) -> EventId {
    EventId(Uuid::new_v5(&NAMESPACE, format!("{aggregate}:{sequence}").as_bytes()))
}
