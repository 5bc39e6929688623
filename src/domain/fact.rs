//! The facts that others hear of: which move of a reservation is worth telling, by the specification's names.

use crate::domain::{Cause, ReservationStatus};

/// A published fact about a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The wish is on record.
    ReservationRequested,
    /// The inventory holds.
    ReservationCreated,
    /// The inventory refused.
    ReservationRejected,
    /// Nobody knows what the reserve did.
    ReservationOutcomeUnknown,
    /// The hold became a commitment.
    ReservationConfirmed,
    /// The hold is to go.
    ReservationReleaseRequested,
    /// The hold is gone: let go, run out, or found gone.
    ReservationReleased,
    /// Nobody knows what the release did.
    ReservationReleaseOutcomeUnknown,
}

impl Fact {
    /// The event type.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::ReservationRequested => "ReservationRequested",
            Self::ReservationCreated => "ReservationCreated",
            Self::ReservationRejected => "ReservationRejected",
            Self::ReservationOutcomeUnknown => "ReservationOutcomeUnknown",
            Self::ReservationConfirmed => "ReservationConfirmed",
            Self::ReservationReleaseRequested => "ReservationReleaseRequested",
            Self::ReservationReleased => "ReservationReleased",
            Self::ReservationReleaseOutcomeUnknown => "ReservationReleaseOutcomeUnknown",
        }
    }
}

/// The fact that a move makes true. Going back to REQUESTED makes none: the wish was told when it was made.
#[must_use]
pub fn fact_of(to: ReservationStatus, cause: Cause) -> Option<Fact> {
    match to {
        ReservationStatus::Requested => None,
        ReservationStatus::Reserved => Some(Fact::ReservationCreated),
        ReservationStatus::Rejected => Some(Fact::ReservationRejected),
        ReservationStatus::Unknown => Some(Fact::ReservationOutcomeUnknown),
        // After a release that was refused, too: whoever heard that it was asked for must hear that the hold stays.
        ReservationStatus::Confirmed => Some(Fact::ReservationConfirmed),
        ReservationStatus::ReleaseRequested => (cause == Cause::ReleaseAsked).then_some(Fact::ReservationReleaseRequested),
        ReservationStatus::Released | ReservationStatus::Expired => Some(Fact::ReservationReleased),
        ReservationStatus::ReleaseUnknown => Some(Fact::ReservationReleaseOutcomeUnknown),
    }
}
