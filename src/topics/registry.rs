//! The list of all topics: which loop serves them, which variables they read, which BPMN errors they may throw.

/// A topic of external tasks that this daemon serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Place a hold.
    Reserve,
    /// Let a hold go.
    Release,
    /// Ask again: what is available, or whether the hold still stands.
    Recheck,
    /// Find out what became of a hold, or take a human's word.
    Reconcile,
    /// Make a hold a commitment.
    Confirm,
    /// Hold longer.
    Extend,
}

/// Every topic.
pub const ALL_TOPICS: [Topic; 6] = [Topic::Reserve, Topic::Release, Topic::Recheck, Topic::Reconcile, Topic::Confirm, Topic::Extend];

/// Which poll loop serves a topic. What ends things never waits behind what starts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Work that begins something: reserve and recheck.
    Starts,
    /// Work that ends something: release, confirm, extend and reconcile.
    Ends,
}

/// The suffix of the worker id under which the reconciler ends the waiting of tasks in an incident.
pub const RECONCILER_SUFFIX: &str = "reconciler";

impl Class {
    /// The suffix of the loop's worker id.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Ends => "ends",
        }
    }
}

/// A BPMN error that this daemon throws. The engine ends a process silently on a code that its model does not catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The inventory refused to hold.
    ReservationRejected,
    /// What was available is not any more.
    AvailabilityChanged,
    /// The hold is gone.
    HoldLost,
    /// The inventory will not let go.
    ReleaseRefused,
    /// The inventory will not make the hold a commitment.
    ConfirmRefused,
    /// The inventory will not hold longer.
    ExtendRefused,
}

impl Code {
    /// The code as the model spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReservationRejected => "RESERVATION_REJECTED",
            Self::AvailabilityChanged => "AVAILABILITY_CHANGED",
            Self::HoldLost => "HOLD_LOST",
            Self::ReleaseRefused => "RELEASE_REFUSED",
            Self::ConfirmRefused => "CONFIRM_REFUSED",
            Self::ExtendRefused => "EXTEND_REFUSED",
        }
    }
}

const FINDS: [&str; 4] = ["tenantId", "orderId", "reservationId", "reservationStep"];
const REQUESTS: [&str; 10] = [
    "tenantId",
    "orderId",
    "inventorySource",
    "reservationStep",
    "attemptGroup",
    "orderLines",
    "holdFor",
    "customerId",
    "locationId",
    "channel",
];

impl Topic {
    /// The name in the model.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserve => "inventory.reserve",
            Self::Release => "inventory.release",
            Self::Recheck => "inventory.recheck",
            Self::Reconcile => "inventory.reconcile",
            Self::Confirm => "inventory.confirm",
            Self::Extend => "inventory.extend",
        }
    }

    /// The topic of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        ALL_TOPICS.into_iter().find(|topic| topic.name() == name)
    }

    /// The loop that serves it.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Reserve | Self::Recheck => Class::Starts,
            Self::Release | Self::Reconcile | Self::Confirm | Self::Extend => Class::Ends,
        }
    }

    /// It changes something at the inventory, so that its task must be `asyncAfter`: what follows must not undo its completion.
    #[must_use]
    pub fn has_effect(self) -> bool {
        !matches!(self, Self::Recheck)
    }

    /// The variables that it reads; no others are fetched.
    #[must_use]
    pub fn variables(self) -> Vec<&'static str> {
        let more: &[&'static str] = match self {
            Self::Reserve => return REQUESTS.to_vec(),
            Self::Recheck => &[
                "recheckMode",
                "inventorySource",
                "attemptGroup",
                "orderLines",
                "customerId",
                "locationId",
                "channel",
                "evidenceId",
                "freshEnough",
            ],
            // Which attempt is ended where its reserve is not on record yet.
            Self::Release => &["inventorySource", "attemptGroup", "releaseReason"],
            Self::Confirm => &[],
            Self::Extend => &["extendFor"],
            Self::Reconcile => &["reconcileScope", "attemptGroup", "decision", "decisionReference", "decisionComment", "decidedBy"],
        };
        FINDS.iter().chain(more).copied().collect()
    }

    /// The BPMN errors that it may throw.
    #[must_use]
    pub fn codes(self) -> &'static [Code] {
        match self {
            Self::Reserve => &[Code::ReservationRejected],
            Self::Recheck => &[Code::AvailabilityChanged, Code::HoldLost],
            Self::Release => &[Code::ReleaseRefused],
            Self::Confirm => &[Code::ConfirmRefused, Code::HoldLost],
            Self::Extend => &[Code::ExtendRefused, Code::HoldLost],
            Self::Reconcile => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_found_by_its_name() {
        for topic in ALL_TOPICS {
            assert_eq!(Topic::parse(topic.name()), Some(topic));
        }
        assert_eq!(Topic::parse("inventory.other"), None);
    }
}
