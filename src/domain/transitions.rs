//! The one table of legal moves. The diagram in `docs/state-machine.md`, the check in the database and the tests read it.

use crate::domain::ReservationStatus::{
    self, Confirmed, Expired, Rejected, ReleaseRequested, ReleaseUnknown, Released, Requested, Reserved, Unknown,
};
use crate::domain::spelled::spelled;

spelled! {
    /// Why a reservation moves.
    pub enum Cause {
        /// The inventory said that it holds.
        HoldPlaced = "hold_placed",
        /// The inventory refused with a listed business code.
        HoldRefused = "hold_refused",
        /// A call was made and its outcome is not known: no answer, an unreadable one, or its worker died.
        OutcomeLost = "outcome_lost",
        /// Finding out showed the hold.
        FoundHeld = "found_held",
        /// Finding out showed a refusal.
        FoundRefused = "found_refused",
        /// Finding out proved that the inventory has nothing under the key.
        FoundAbsent = "found_absent",
        /// Finding out showed that the hold no longer exists because it was let go.
        FoundReleased = "found_released",
        /// Finding out showed that the inventory has consumed the hold.
        FoundConsumed = "found_consumed",
        /// The hold became a commitment.
        HoldConfirmed = "hold_confirmed",
        /// Somebody who may do so wants the hold gone.
        ReleaseAsked = "release_asked",
        /// The inventory let go.
        HoldReleased = "hold_released",
        /// The inventory will not let go: the hold is consumed.
        ReleaseRefused = "release_refused",
        /// The hold ran out.
        HoldExpired = "hold_expired",
        /// The order is gone and nothing was ever sent.
        NeverSent = "never_sent",
    }
}

/// One legal move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state that is left.
    pub from: ReservationStatus,
    /// Why.
    pub cause: Cause,
    /// The state that is entered.
    pub to: ReservationStatus,
}

const fn arrow(from: ReservationStatus, cause: Cause, to: ReservationStatus) -> Transition {
    Transition { from, cause, to }
}

/// Every legal move; what is not here is refused.
pub const TRANSITIONS: &[Transition] = &[
    arrow(Requested, Cause::HoldPlaced, Reserved),
    arrow(Requested, Cause::HoldRefused, Rejected),
    arrow(Requested, Cause::OutcomeLost, Unknown),
    arrow(Requested, Cause::NeverSent, Released),
    arrow(Unknown, Cause::FoundHeld, Reserved),
    arrow(Unknown, Cause::FoundConsumed, Confirmed),
    arrow(Unknown, Cause::FoundRefused, Rejected),
    arrow(Unknown, Cause::FoundAbsent, Requested),
    arrow(Unknown, Cause::FoundReleased, Released),
    arrow(Unknown, Cause::HoldExpired, Expired),
    arrow(Unknown, Cause::ReleaseAsked, ReleaseRequested),
    arrow(Reserved, Cause::HoldConfirmed, Confirmed),
    arrow(Reserved, Cause::ReleaseAsked, ReleaseRequested),
    arrow(Reserved, Cause::HoldExpired, Expired),
    arrow(Reserved, Cause::FoundReleased, Released),
    arrow(Reserved, Cause::FoundConsumed, Confirmed),
    arrow(Confirmed, Cause::ReleaseAsked, ReleaseRequested),
    arrow(Confirmed, Cause::HoldExpired, Expired),
    arrow(Confirmed, Cause::FoundReleased, Released),
    arrow(ReleaseRequested, Cause::HoldReleased, Released),
    arrow(ReleaseRequested, Cause::OutcomeLost, ReleaseUnknown),
    arrow(ReleaseRequested, Cause::HoldExpired, Expired),
    arrow(ReleaseRequested, Cause::ReleaseRefused, Confirmed),
    arrow(ReleaseUnknown, Cause::FoundReleased, Released),
    arrow(ReleaseUnknown, Cause::HoldReleased, Released),
    arrow(ReleaseUnknown, Cause::FoundHeld, ReleaseRequested),
    arrow(ReleaseUnknown, Cause::HoldExpired, Expired),
    arrow(ReleaseUnknown, Cause::ReleaseRefused, Confirmed),
];

/// A move that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reservation that is {from} does not move by {}", cause.as_str())]
pub struct IllegalTransition {
    /// The state it is in.
    pub from: ReservationStatus,
    /// The move that was tried.
    pub cause: Cause,
}

/// Where a cause leads from a state.
///
/// # Errors
/// [`IllegalTransition`] when the table has no such arrow.
pub fn next(from: ReservationStatus, cause: Cause) -> Result<ReservationStatus, IllegalTransition> {
    TRANSITIONS.iter().find(|t| t.from == from && t.cause == cause).map(|t| t.to).ok_or(IllegalTransition { from, cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_cause_is_either_in_the_table_once_or_refused() {
        let mut legal = 0;
        for from in ReservationStatus::ALL {
            for cause in Cause::ALL {
                let rows = TRANSITIONS.iter().filter(|t| t.from == from && t.cause == cause).count();
                assert!(rows <= 1, "{from} by {} is listed {rows} times", cause.as_str());
                assert_eq!(next(from, cause).is_ok(), rows == 1);
                legal += rows;
            }
        }
        assert_eq!(legal, TRANSITIONS.len());
    }

    #[test]
    fn nothing_leads_out_of_an_end_and_something_out_of_every_other_state() {
        for status in ReservationStatus::ALL {
            assert_eq!(TRANSITIONS.iter().any(|t| t.from == status), !status.is_end(), "{status}");
        }
    }

    #[test]
    fn a_lost_outcome_never_becomes_a_refusal_or_a_hold() {
        for t in TRANSITIONS.iter().filter(|t| t.cause == Cause::OutcomeLost) {
            assert!(matches!(t.to, Unknown | ReleaseUnknown), "{} -> {}", t.from, t.to);
        }
        for t in TRANSITIONS.iter().filter(|t| t.to == Rejected) {
            assert!(matches!(t.cause, Cause::HoldRefused | Cause::FoundRefused));
        }
    }

    #[test]
    fn every_state_can_be_reached_from_requested() {
        let mut reached = vec![Requested];
        let mut i = 0;
        while i < reached.len() {
            let from = reached[i];
            for t in TRANSITIONS.iter().filter(|t| t.from == from) {
                if !reached.contains(&t.to) {
                    reached.push(t.to);
                }
            }
            i += 1;
        }
        assert_eq!(reached.len(), ReservationStatus::ALL.len());
    }
}
