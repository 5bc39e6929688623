//! One step toward a goal: from a row as it was read, over the moves that need no call, to the next call or to the end.
//!
//! A claim writes what this says and nothing else, in one transaction. It is here and not with the claim, so that the exhaustive
//! search and the property tests walk the very same way.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    Call, CallId, Capabilities, Cause, Decision, Goal, IllegalTransition, Operation, PendingOperation, Plan, Policy, Refused, Reservation,
    ReservationStatus as Status, Transition, outcome_lost, plan, settle_move,
};

/// The way from a row as it was read to the next call, or to the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The row as it is to be written. Its version and epoch are those it was read with.
    pub row: Reservation,
    /// The moves made, oldest first.
    pub moves: Vec<Transition>,
    /// Where it ends.
    pub end: StepEnd,
    /// When the reconciler looks at the row, should nobody come back to it.
    pub next_check_at: Option<DateTime<Utc>>,
    /// Something is to be written.
    pub changed: bool,
}

/// Where a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepEnd {
    /// The row answers the goal as far as it can be answered.
    Concluded,
    /// With a call, which stands in the row, to be put on record and made.
    Ask(Operation),
    /// No machine can find out: a human must.
    NeedsHuman,
    /// The goal cannot be had, and why.
    Refused(Refused),
}

impl StepEnd {
    /// The call that is to be made, if there is one.
    #[must_use]
    pub fn asks(self) -> Option<Operation> {
        match self {
            Self::Ask(operation) => Some(operation),
            Self::Concluded | Self::NeedsHuman | Self::Refused(_) => None,
        }
    }
}

/// Takes the next step toward a goal. `call` is the id of the call, should one be made.
///
/// # Errors
/// [`IllegalTransition`] for a decision that the table of transitions does not have: a bug.
pub fn step(
    before: &Reservation,
    goal: &Goal,
    capabilities: &Capabilities,
    policy: &Policy,
    call: CallId,
    now: DateTime<Utc>,
) -> Result<Step, IllegalTransition> {
    // Whoever made a call that never ended is gone, or its claim would be alive: nobody knows what the call did.
    let (mut row, mut moves) = outcome_lost(before)?;
    let mut changed = before.open_call.is_some();
    let releasable = !row.status.is_end() && !matches!(row.status, Status::ReleaseRequested | Status::ReleaseUnknown);
    // Giving up is wanting no hold any more, should there be one.
    let given_up = (row.status == Status::Unknown || row.pending.is_some()) && *goal == Goal::Decide(Decision::GiveUp);
    let unwanted = *goal == Goal::Release || given_up;
    if unwanted && releasable && !row.release_wanted {
        row.release_wanted = true;
        changed = true;
    }
    if let Goal::Decide(Decision::Held(Some(reference))) = goal
        && row.status == Status::Unknown
    {
        row.reference = Some(reference.clone());
    }
    // Without a reference the word is refused, and a refusal changes nothing.
    if matches!(goal, Goal::Decide(Decision::Held(_))) && row.status == Status::Unknown && row.reference.is_some() {
        // Nobody says until when: it cannot have begun before it was asked for, so that it lasts at least as long as was asked then.
        row.expires_at = row.expires_at.or(row.last_effect_at.map(|at| at + TimeDelta::seconds(row.hold_seconds)));
    }
    let mut next_check_at = Some(now + policy.first_check);
    let end = loop {
        match plan(&row, goal, capabilities, policy, now) {
            Plan::Move(cause) => {
                let settlement = settle_move(&row, cause, policy, now)?;
                row = settlement.after;
                moves.extend(settlement.moves);
                next_check_at = settlement.next_check_at;
                changed = true;
                // An inventory without a release leaves the hold to run out; planning again would move in a circle.
                if cause == Cause::ReleaseAsked && !capabilities.release {
                    break StepEnd::Concluded;
                }
            }
            Plan::Ask(operation, cause) => {
                if let Some(cause) = cause {
                    let settlement = settle_move(&row, cause, policy, now)?;
                    row = settlement.after;
                    moves.extend(settlement.moves);
                }
                break StepEnd::Ask(operation);
            }
            Plan::Conclude => break StepEnd::Concluded,
            Plan::NeedsHuman => break StepEnd::NeedsHuman,
            Plan::Refuse(refused) => break StepEnd::Refused(refused),
        }
    };
    if end == StepEnd::NeedsHuman && row.manual_since.is_none() {
        row.manual_since = Some(now);
        changed = true;
    }
    if let StepEnd::Ask(operation) = end {
        row.pending = match (operation, goal) {
            (Operation::Confirm, _) => Some(PendingOperation::Confirm),
            (Operation::Extend, Goal::Extend { until }) => Some(PendingOperation::Extend { until: *until }),
            _ => row.pending,
        };
        row.extensions += i32::from(operation == Operation::Extend);
        if operation.is_effect() {
            row.last_effect_at = Some(now);
        }
        row.open_call = Some(Call { id: call, operation, started_at: now, class: None });
        next_check_at = Some(now + policy.orphan_after);
        changed = true;
    }
    Ok(Step { row, moves, end, next_check_at, changed })
}
