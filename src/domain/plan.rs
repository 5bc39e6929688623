//! What to do next about a reservation, decided from the row alone: this is where a second create is prevented.

use chrono::{DateTime, Utc};

use crate::domain::spelled::spelled;
use crate::domain::{Cause, ExternalReference, PendingOperation, Policy, Reservation, ReservationStatus as Status};

/// What somebody wants for a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Hold it, at most once.
    Reserve,
    /// Let it go, whatever is known of it.
    Release,
    /// Make it a commitment.
    Confirm,
    /// Hold it until a later time.
    Extend {
        /// The time asked for.
        until: DateTime<Utc>,
    },
    /// Look whether the inventory still holds it.
    Verify,
    /// Find out what is open, and nothing else.
    Resolve,
    /// Take a human's word for what cannot be found out.
    Decide(Decision),
}

/// What a human found out, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The inventory holds, under this reference; none where the row already has one.
    Held(Option<ExternalReference>),
    /// The inventory holds nothing.
    NotHeld,
    /// Look once more.
    AskAgain,
    /// The order does not go on with it; a hold that shows up later is released.
    GiveUp,
}

spelled! {
    /// What can be asked of an inventory.
    pub enum Operation {
        /// Availability; acts on nothing.
        Check = "check",
        /// Place the hold.
        Reserve = "reserve",
        /// Look for the hold; acts on nothing.
        Lookup = "lookup",
        /// Look for it in the list of all active holds; acts on nothing.
        List = "list",
        /// Let it go.
        Release = "release",
        /// Make it a commitment.
        Confirm = "confirm",
        /// Hold it longer.
        Extend = "extend",
    }
}

impl Operation {
    /// It finds out how the hold stands, and changes nothing.
    #[must_use]
    pub fn is_look(self) -> bool {
        matches!(self, Self::Lookup | Self::List)
    }

    /// It changes something at the inventory, so that its outcome can be lost.
    #[must_use]
    pub fn is_effect(self) -> bool {
        matches!(self, Self::Reserve | Self::Release | Self::Confirm | Self::Extend)
    }
}

/// What an inventory can do; this decides how an unknown outcome is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Sending a create again with the same key is answered with the first one's result.
    pub idempotent_create: bool,
    /// A hold can be looked up by its reference, or by our key.
    pub lookup: bool,
    /// It can be looked up by our key, even by someone who never got its reference.
    pub lookup_by_key: bool,
    /// A hold can be released at all.
    pub release: bool,
    /// Releasing what is already released is answered as done.
    pub idempotent_release: bool,
    /// A hold can be made a commitment by a call.
    pub confirm: bool,
    /// A hold can be extended by a call.
    pub extend: bool,
    /// The active holds can be listed.
    pub list: bool,
}

impl Capabilities {
    /// Whether this reservation's hold can be looked for by itself.
    #[must_use]
    pub fn can_look(&self, row: &Reservation) -> bool {
        self.lookup_by_key || (self.lookup && row.reference.is_some())
    }

    /// How this reservation's hold is looked for: by itself, or, where that is not offered, in the list of all.
    #[must_use]
    pub fn look(&self, row: &Reservation) -> Option<Operation> {
        if self.can_look(row) { Some(Operation::Lookup) } else { self.list.then_some(Operation::List) }
    }
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// The row answers the goal as far as it can be answered.
    Conclude,
    /// Move without a call, then plan again.
    Move(Cause),
    /// Call the inventory, after making the move if there is one.
    Ask(Operation, Option<Cause>),
    /// No machine can find out: a human must.
    NeedsHuman,
    /// The goal cannot be had, and why.
    Refuse(Refused),
}

/// Why a goal cannot be had, without a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The hold is not, or no longer, there.
    #[error("the hold is lost: the reservation is {0}")]
    HoldLost(Status),
    /// The inventory has no such operation.
    #[error("the inventory cannot {}", .0.as_str())]
    NotOffered(Operation),
    /// Another confirmation or extension is open.
    #[error("an earlier {} is still open", .0.as_str())]
    OperationOpen(Operation),
    /// HELD was decided, but nobody said what the inventory calls the hold.
    #[error("the decision HELD needs the inventory's reference")]
    ReferenceMissing,
}

/// Decides the next step toward a goal. The caller has already turned a call that never ended into a lost outcome.
#[must_use]
pub fn plan(row: &Reservation, goal: &Goal, capabilities: &Capabilities, policy: &Policy, now: DateTime<Utc>) -> Plan {
    let releasing = row.release_wanted || *goal == Goal::Release;
    match row.status {
        Status::Unknown => unknown(row, goal, capabilities, releasing),
        Status::ReleaseUnknown => release_unknown(row, goal, capabilities),
        Status::Requested => match goal {
            _ if releasing => Plan::Move(Cause::NeverSent),
            Goal::Reserve => Plan::Ask(Operation::Reserve, None),
            Goal::Confirm | Goal::Extend { .. } | Goal::Verify => Plan::Refuse(Refused::HoldLost(row.status)),
            Goal::Release | Goal::Resolve | Goal::Decide(_) => Plan::Conclude,
        },
        Status::Reserved | Status::Confirmed => held(row, goal, capabilities, policy, releasing, now),
        Status::ReleaseRequested => match goal {
            Goal::Confirm | Goal::Extend { .. } | Goal::Verify => Plan::Refuse(Refused::HoldLost(row.status)),
            Goal::Reserve | Goal::Release | Goal::Resolve | Goal::Decide(_) if capabilities.release => Plan::Ask(Operation::Release, None),
            Goal::Reserve | Goal::Release | Goal::Resolve | Goal::Decide(_) => wait_for_expiry(row, capabilities, policy, now),
        },
        // A create that was believed never to have acted may have acted late: a hold that shows up after the end is let go.
        Status::Released | Status::Rejected | Status::Expired if matches!(goal, Goal::Resolve | Goal::Release) && row.release_wanted => {
            late_hold(capabilities)
        }
        Status::Released if *goal == Goal::Resolve && capabilities.look(row).is_some() => look(row, capabilities),
        Status::Rejected | Status::Released | Status::Expired => match goal {
            Goal::Confirm | Goal::Extend { .. } | Goal::Verify => Plan::Refuse(Refused::HoldLost(row.status)),
            Goal::Reserve | Goal::Release | Goal::Resolve | Goal::Decide(_) => Plan::Conclude,
        },
    }
}

fn late_hold(capabilities: &Capabilities) -> Plan {
    if capabilities.release { Plan::Ask(Operation::Release, None) } else { Plan::Conclude }
}

fn unknown(row: &Reservation, goal: &Goal, capabilities: &Capabilities, releasing: bool) -> Plan {
    match goal {
        Goal::Decide(Decision::Held(reference)) if reference.is_some() || row.reference.is_some() => {
            return Plan::Move(if releasing { Cause::ReleaseAsked } else { Cause::FoundHeld });
        }
        Goal::Decide(Decision::Held(_)) => return Plan::Refuse(Refused::ReferenceMissing),
        Goal::Decide(Decision::NotHeld) if !releasing => return Plan::Move(Cause::FoundAbsent),
        Goal::Decide(Decision::NotHeld) => return Plan::Move(Cause::FoundReleased),
        // The order ends, the question stays: a hold that shows up later is still released.
        Goal::Decide(Decision::GiveUp) => return Plan::Conclude,
        _ => {}
    }
    // For a hold that is to go, looking comes first: sending the create again might place what nobody wants any more.
    if capabilities.idempotent_create && !(releasing && capabilities.can_look(row)) {
        Plan::Ask(Operation::Reserve, None)
    } else {
        look(row, capabilities)
    }
}

fn release_unknown(row: &Reservation, goal: &Goal, capabilities: &Capabilities) -> Plan {
    match goal {
        Goal::Decide(Decision::Held(_)) => return Plan::Move(Cause::FoundHeld),
        Goal::Decide(Decision::NotHeld) => return Plan::Move(Cause::FoundReleased),
        Goal::Decide(Decision::GiveUp) => return Plan::Conclude,
        _ => {}
    }
    if capabilities.idempotent_release && !capabilities.can_look(row) {
        Plan::Ask(Operation::Release, None)
    } else {
        look(row, capabilities)
    }
}

fn held(row: &Reservation, goal: &Goal, capabilities: &Capabilities, policy: &Policy, releasing: bool, now: DateTime<Utc>) -> Plan {
    if releasing {
        return if capabilities.release {
            Plan::Ask(Operation::Release, Some(Cause::ReleaseAsked))
        } else {
            Plan::Move(Cause::ReleaseAsked)
        };
    }
    if let Some(pending) = row.pending {
        let (operation, same) = match pending {
            PendingOperation::Confirm => (Operation::Confirm, matches!(goal, Goal::Confirm)),
            PendingOperation::Extend { .. } => (Operation::Extend, matches!(goal, Goal::Extend { .. })),
        };
        return match goal {
            Goal::Confirm | Goal::Extend { .. } if !same => Plan::Refuse(Refused::OperationOpen(operation)),
            Goal::Reserve => Plan::Conclude,
            Goal::Decide(Decision::NotHeld) => Plan::Move(Cause::FoundReleased),
            // The hold stands, a human says, and nobody else can tell what became of the call: on a hold that stands it is made again.
            Goal::Decide(Decision::Held(_)) if capabilities.look(row).is_none() && offers(capabilities, operation) => {
                Plan::Ask(operation, None)
            }
            // Both operations lead to a state that can be looked at; sending them again is decided there.
            _ => look(row, capabilities),
        };
    }
    match goal {
        Goal::Confirm if row.status == Status::Confirmed => Plan::Conclude,
        Goal::Confirm if capabilities.confirm => Plan::Ask(Operation::Confirm, None),
        // Without a call nobody would notice that it has run out meanwhile.
        Goal::Confirm if row.expires_at.is_some_and(|at| at <= now) => {
            capabilities.look(row).map_or(Plan::Move(Cause::HoldExpired), |how| Plan::Ask(how, None))
        }
        // An inventory that takes a hold for a commitment without being told needs no call.
        Goal::Confirm => Plan::Move(Cause::HoldConfirmed),
        Goal::Extend { until } if row.expires_at.is_some_and(|at| at >= *until) => Plan::Conclude,
        Goal::Extend { .. } if capabilities.extend => Plan::Ask(Operation::Extend, None),
        Goal::Extend { .. } => Plan::Refuse(Refused::NotOffered(Operation::Extend)),
        // The whole list is read for one hold only where somebody asks about it, or where it was missed before.
        Goal::Verify if capabilities.look(row).is_some() => look(row, capabilities),
        Goal::Resolve if row.absent_looks > 0 && capabilities.look(row).is_some() => look(row, capabilities),
        Goal::Verify | Goal::Resolve | Goal::Decide(_) => wait_for_expiry(row, capabilities, policy, now),
        Goal::Reserve | Goal::Release => Plan::Conclude,
    }
}

/// Looks in the way that this inventory offers; where it offers none, a human must.
fn look(row: &Reservation, capabilities: &Capabilities) -> Plan {
    capabilities.look(row).map_or(Plan::NeedsHuman, |operation| Plan::Ask(operation, None))
}

fn offers(capabilities: &Capabilities, operation: Operation) -> bool {
    match operation {
        Operation::Confirm => capabilities.confirm,
        Operation::Extend => capabilities.extend,
        Operation::Release => capabilities.release,
        Operation::Lookup => capabilities.lookup,
        Operation::List => capabilities.list,
        Operation::Check | Operation::Reserve => true,
    }
}

/// Looks if that can be done; else the clock, with a grace, is all there is to go by.
fn wait_for_expiry(row: &Reservation, capabilities: &Capabilities, policy: &Policy, now: DateTime<Utc>) -> Plan {
    if capabilities.can_look(row) {
        return Plan::Ask(Operation::Lookup, None);
    }
    // A commitment does not run out by itself, whatever was said of its end before it became one.
    let committed = row.status == Status::Confirmed || row.confirmed_at.is_some();
    let over = !committed && row.expires_at.is_some_and(|at| at + policy.expiry_grace <= now);
    if over { Plan::Move(Cause::HoldExpired) } else { Plan::Conclude }
}

#[cfg(test)]
mod tests;
