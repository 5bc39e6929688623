//! What was observed of one order: by the engine, by the database, and by the inventory.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::ReservationStatus;
use crate::engine::ProcessInstanceId;
use crate::simulator::HoldState;

/// Everything that was observed of one order.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The engine's account, one entry for each start.
    pub(super) instances: Vec<InstanceFacts>,
    /// The database's account, oldest attempt first.
    pub(super) reservations: Vec<ReservationFacts>,
    /// The inventory's account, oldest hold first.
    pub(super) holds: Vec<HoldFacts>,
    /// How many requests to reserve reached the inventory.
    pub(super) reserve_requests: usize,
    /// When the first request of this order reached the inventory.
    pub(super) first_request_at: Option<DateTime<Utc>>,
    /// How much was on hand before and after the order. Holds do not change it.
    pub(super) on_hand: Option<(Decimal, Decimal)>,
    /// The fault that was armed for the order.
    pub(super) fault: Option<FaultFacts>,
    /// Why the demo gave up waiting for it.
    pub(super) stuck: Option<String>,
}

/// One process instance.
#[derive(Debug, Clone)]
pub(super) struct InstanceFacts {
    /// Its id.
    pub(super) id: ProcessInstanceId,
    /// `ACTIVE`, `COMPLETED` and so on.
    pub(super) state: String,
    /// The end events that it reached: id and name.
    pub(super) ends: Vec<(String, String)>,
    /// Where it waits: id and name.
    pub(super) waits_at: Vec<(String, String)>,
    /// Whether it was cancelled by the order service.
    pub(super) cancelled: bool,
    /// Its incidents, oldest first.
    pub(super) incidents: Vec<IncidentFacts>,
    /// The messages of the attempts that failed and were repeated.
    pub(super) failed_attempts: Vec<String>,
    /// The variable `externalReservationRef`.
    pub(super) reference: Option<String>,
    /// The variable `errorMessage`.
    pub(super) error_message: Option<String>,
}

/// One incident.
#[derive(Debug, Clone)]
pub(super) struct IncidentFacts {
    /// The name of the activity.
    pub(super) at: String,
    /// Its message.
    pub(super) message: String,
    /// When it was raised.
    pub(super) raised_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub(super) ended_at: Option<DateTime<Utc>>,
    /// What became of it.
    pub(super) end: IncidentFate,
}

/// What became of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IncidentFate {
    /// It is open.
    Open,
    /// It was resolved; its task was completed by this worker, if it was.
    Resolved {
        /// Who completed the task.
        by: Option<String>,
    },
    /// Its task was taken away.
    Deleted,
}

/// One row.
#[derive(Debug, Clone)]
pub(super) struct ReservationFacts {
    /// Its id.
    pub(super) id: String,
    /// Where it stands.
    pub(super) status: ReservationStatus,
    /// The key that was sent.
    pub(super) key: String,
    /// What the inventory calls the hold.
    pub(super) reference: Option<String>,
    /// How much is held of all lines together, once known.
    pub(super) reserved: Option<Decimal>,
    /// Why it was refused.
    pub(super) rejection: Option<String>,
    /// The human who had a say in it.
    pub(super) decided_by: Option<String>,
    /// How many facts have become true of it.
    pub(super) fact_count: u64,
}

/// One hold.
#[derive(Debug, Clone)]
pub(super) struct HoldFacts {
    /// The inventory's name of it.
    pub(super) reference: String,
    /// The key that it was placed under.
    pub(super) key: String,
    /// What has become of it.
    pub(super) state: HoldState,
    /// How much was asked for, of all lines together.
    pub(super) requested: Decimal,
    /// How much is set aside.
    pub(super) reserved: Decimal,
}

/// The fault that was armed.
#[derive(Debug, Clone)]
pub(super) struct FaultFacts {
    /// Which operation it strikes.
    pub(super) operation: String,
    /// Its kind.
    pub(super) kind: String,
    /// How many requests it struck.
    pub(super) fired: u64,
}

impl Facts {
    /// Every incident of every instance.
    pub(super) fn incidents(&self) -> impl Iterator<Item = &IncidentFacts> {
        self.instances.iter().flat_map(|instance| &instance.incidents)
    }

    /// Every attempt that failed and was repeated.
    pub(super) fn failed_attempts(&self) -> impl Iterator<Item = &String> {
        self.instances.iter().flat_map(|instance| &instance.failed_attempts)
    }
}

impl HoldFacts {
    /// Whether stock is set aside.
    pub(super) fn is_active(&self) -> bool {
        self.state.is_active()
    }
}

/// So many of something, in words.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The inventory's word for a state.
pub(super) fn hold_word(state: HoldState) -> &'static str {
    match state {
        HoldState::Held => "HELD",
        HoldState::Confirmed => "CONFIRMED",
        HoldState::Released => "RELEASED",
        HoldState::Expired => "EXPIRED",
    }
}
