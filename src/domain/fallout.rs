//! What a human may decide about a reservation, and when: a word that the row no longer allows is refused with the reason.

use crate::domain::{Decision, ExternalReference, Reservation, ReservationId, ReservationStatus};

impl Decision {
    /// The spelling in forms, in the database and on the command line.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Held(_) => "HELD",
            Self::NotHeld => "NOT_HELD",
            Self::AskAgain => "ASK_AGAIN",
            Self::GiveUp => "GIVE_UP",
        }
    }

    /// What the human says the inventory calls the hold.
    #[must_use]
    pub fn reference(&self) -> Option<&ExternalReference> {
        match self {
            Self::Held(reference) => reference.as_ref(),
            Self::NotHeld | Self::AskAgain | Self::GiveUp => None,
        }
    }
}

/// Why a decision does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inadmissible {
    /// The outcome is known, so that there is nothing to decide.
    #[error("nothing about it is open: the reservation is {0}")]
    NothingOpen(ReservationStatus),
    /// It was decided on what is no longer so.
    #[error("the reservation has changed since it was looked at: that was version {seen}, and it is {status} at version {found}")]
    Changed {
        /// The version that was looked at.
        seen: i64,
        /// The version that it has.
        found: i64,
        /// The state that it is in.
        status: ReservationStatus,
    },
    /// HELD was said, and nobody knows of what.
    #[error("HELD needs the inventory's reference of the hold, because none is on record")]
    ReferenceMissing,
    /// HELD was said of another hold than the one on record.
    #[error("the hold on record is {0}: HELD can only be said of that one")]
    OtherReference(String),
    /// HELD was said of a hold that another reservation has.
    #[error("the hold {reference} belongs to reservation {owner}")]
    ReferenceTaken {
        /// The hold.
        reference: String,
        /// Whose it is.
        owner: ReservationId,
    },
}

/// Whether a decision counts for this row. `seen` is the version that the human looked at, if they say; `owner` is another reservation
/// that has the hold of which HELD is said.
///
/// # Errors
/// [`Inadmissible`]; nothing is to be done then.
pub fn admit(row: &Reservation, decision: &Decision, seen: Option<i64>, owner: Option<ReservationId>) -> Result<(), Inadmissible> {
    // A call without an end on record is a lost outcome that nobody has called so yet.
    let lost = row.open_call.is_some_and(|call| call.operation.is_effect());
    if !row.is_open() && !lost {
        return Err(Inadmissible::NothingOpen(row.status));
    }
    if let Some(seen) = seen.filter(|seen| *seen != row.version) {
        return Err(Inadmissible::Changed { seen, found: row.version, status: row.status });
    }
    match (decision, decision.reference(), &row.reference) {
        (Decision::Held(_), None, None) => Err(Inadmissible::ReferenceMissing),
        (Decision::Held(_), Some(said), Some(ours)) if said != ours => Err(Inadmissible::OtherReference(ours.as_str().to_owned())),
        (Decision::Held(_), Some(said), None) => match owner {
            Some(owner) => Err(Inadmissible::ReferenceTaken { reference: said.as_str().to_owned(), owner }),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::{call, every_row, reference, start};
    use crate::domain::{Call, Operation};

    fn decisions() -> [Decision; 5] {
        [Decision::Held(None), Decision::Held(Some(reference())), Decision::NotHeld, Decision::AskAgain, Decision::GiveUp]
    }

    #[test]
    fn nothing_is_decided_about_what_is_known_whatever_is_said() {
        for row in every_row() {
            for decision in decisions() {
                let admitted = admit(&row, &decision, None, None);
                assert_eq!(admitted == Err(Inadmissible::NothingOpen(row.status)), !row.is_open(), "{decision:?} of {}", row.status);
            }
        }
    }

    #[test]
    fn a_call_that_has_no_end_on_record_may_be_decided_about() {
        let open = Call { id: call(), operation: Operation::Reserve, started_at: start(), class: None };
        let row = every_row().into_iter().find(|row| row.status == ReservationStatus::Requested).unwrap();
        assert_eq!(admit(&Reservation { open_call: Some(open), ..row }, &Decision::NotHeld, None, None), Ok(()));
    }

    #[test]
    fn held_needs_a_reference_that_is_nobody_elses_and_does_not_contradict_the_record() {
        let unknown = |named: bool| {
            let rows = every_row().into_iter().filter(|row| row.status == ReservationStatus::Unknown);
            rows.into_iter().find(|row| row.reference.is_some() == named).unwrap()
        };
        let other = ExternalReference::parse("HOLD-2").ok();
        assert_eq!(admit(&unknown(false), &Decision::Held(None), None, None), Err(Inadmissible::ReferenceMissing));
        assert_eq!(admit(&unknown(true), &Decision::Held(None), None, None), Ok(()));
        assert!(matches!(admit(&unknown(true), &Decision::Held(other.clone()), None, None), Err(Inadmissible::OtherReference(_))));
        let owner = unknown(true).id;
        assert!(matches!(admit(&unknown(false), &Decision::Held(other), None, Some(owner)), Err(Inadmissible::ReferenceTaken { .. })));
    }

    #[test]
    fn a_decision_on_what_has_changed_is_refused_with_both_versions() {
        let row = every_row().into_iter().find(|row| row.status == ReservationStatus::Unknown).unwrap();
        assert_eq!(admit(&row, &Decision::NotHeld, Some(row.version), None), Ok(()));
        let refused = admit(&row, &Decision::NotHeld, Some(row.version + 1), None).unwrap_err().to_string();
        assert!(refused.contains("that was version 1, and it is UNKNOWN at version 0"), "{refused}");
    }
}
