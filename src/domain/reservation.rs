//! A reservation as its row has it: enough to decide what to do next, and nothing more.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{
    AnswerClass, AttemptGroup, CallId, ExternalReference, IdempotencyKey, Operation, OrderId, OrderLine, ReservationId, ReservationStatus,
    ReservationStep, ReserveRequest, SourceName, TenantId,
};

/// One hold and all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The order.
    pub order: OrderId,
    /// The step of the order.
    pub step: ReservationStep,
    /// The attempt group.
    pub group: AttemptGroup,
    /// The key under which the inventory knows it.
    pub key: IdempotencyKey,
    /// The inventory.
    pub source: SourceName,
    /// The hash of the request that made the row.
    pub request_hash: Vec<u8>,
    /// How long the inventory is asked to hold, in seconds.
    pub hold_seconds: i64,
    /// The customer, where the inventory wants to know.
    pub customer: Option<String>,
    /// Where lines without a place of their own are wanted.
    pub location: Option<String>,
    /// When it was put on record, before anything was sent.
    pub requested_at: DateTime<Utc>,
    /// The engine's process instance that asked first.
    pub process_instance: Option<String>,
    /// Where it stands.
    pub status: ReservationStatus,
    /// What the inventory calls it.
    pub reference: Option<ExternalReference>,
    /// When the inventory first said that it holds.
    pub reserved_at: Option<DateTime<Utc>>,
    /// Until when the inventory holds.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it became a commitment.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When the inventory let go.
    pub released_at: Option<DateTime<Utc>>,
    /// Counts every change of the row.
    pub version: i64,
    /// Counts the claims; every settlement names the one it was made under.
    pub claim_epoch: i64,
    /// Counts the facts told about it, without gaps.
    pub event_sequence: i64,
    /// A confirmation or extension whose outcome is open.
    pub pending: Option<PendingOperation>,
    /// How often an extension was sent, whoever asked for it.
    pub extensions: i32,
    /// The hold is to go as soon as it is known whether there is one.
    pub release_wanted: bool,
    /// How many look-ups in a row have shown nothing since the last effect was sent.
    pub absent_looks: i32,
    /// How often finding out was tried since the outcome was lost.
    pub checks: i32,
    /// Since when a human is needed.
    pub manual_since: Option<DateTime<Utc>>,
    /// Since when an outcome is not known, however often it was asked or sent again meanwhile.
    pub unknown_since: Option<DateTime<Utc>>,
    /// When the last call that could have acted was started.
    pub last_effect_at: Option<DateTime<Utc>>,
    /// A call that was started and has no end on record.
    pub open_call: Option<Call>,
    /// Why it was refused, if it was.
    pub rejection: Option<Rejection>,
    /// Its lines. Empty where the reader did not ask for them.
    pub lines: Vec<LineRecord>,
}

/// An operation that has no unknown state of its own: the row keeps its state while its outcome is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingOperation {
    /// Making the hold a commitment.
    Confirm,
    /// Holding until a later time. Until that is settled, the earlier of the two expiries counts.
    Extend {
        /// The time asked for.
        until: DateTime<Utc>,
    },
}

/// One recorded call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// What was asked.
    pub operation: Operation,
    /// When it was put on record, just before it was made.
    pub started_at: DateTime<Utc>,
    /// What became of it; nothing while it is open.
    pub class: Option<AnswerClass>,
}

/// Why an inventory refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The listed code.
    pub code: String,
    /// The inventory's words.
    pub message: Option<String>,
}

/// One line of a reservation.
#[derive(Debug, Clone, PartialEq)]
pub struct LineRecord {
    /// What was asked for.
    pub line: OrderLine,
    /// How much is held, once known.
    pub reserved: Option<Decimal>,
    /// How much there was, where a refusal said so.
    pub available: Option<Decimal>,
}

impl Reservation {
    /// The row that a request makes: wanted, and nothing sent.
    #[must_use]
    pub fn requested(id: ReservationId, request: &ReserveRequest, process_instance: Option<String>, at: DateTime<Utc>) -> Self {
        Self {
            id,
            tenant: request.tenant,
            order: request.order,
            step: request.step.clone(),
            group: request.group,
            key: request.key(),
            source: request.source.clone(),
            request_hash: request.hash().to_vec(),
            hold_seconds: request.hold_for.num_seconds(),
            customer: request.customer.clone(),
            location: request.location.clone(),
            requested_at: at,
            process_instance,
            status: ReservationStatus::Requested,
            reference: None,
            reserved_at: None,
            expires_at: None,
            confirmed_at: None,
            released_at: None,
            version: 0,
            claim_epoch: 0,
            event_sequence: 0,
            pending: None,
            extensions: 0,
            release_wanted: false,
            absent_looks: 0,
            checks: 0,
            manual_since: None,
            unknown_since: None,
            last_effect_at: None,
            open_call: None,
            rejection: None,
            lines: request.lines.iter().map(|line| LineRecord { line: line.clone(), reserved: None, available: None }).collect(),
        }
    }

    /// An outcome is open: of the reserve, of the release, or of a confirmation or extension.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status, ReservationStatus::Unknown | ReservationStatus::ReleaseUnknown) || self.pending.is_some()
    }

    /// Less is held than was asked for.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.lines.iter().any(|line| line.reserved.is_some_and(|reserved| reserved < line.line.quantity.decimal()))
    }

    /// Why a confirmed hold was not let go: what the inventory said to it, if that is on record.
    #[must_use]
    pub fn why_kept(&self) -> Rejection {
        let confirmed = || Rejection { code: "HOLD_CONFIRMED".to_owned(), message: Some("the hold is confirmed".to_owned()) };
        self.rejection.clone().unwrap_or_else(confirmed)
    }

    /// The expiry that decisions use: the earlier one while an extension is open.
    #[must_use]
    pub fn ruling_expiry(&self) -> Option<DateTime<Utc>> {
        match (self.expires_at, self.pending) {
            (Some(current), Some(PendingOperation::Extend { until })) => Some(current.min(until)),
            (current, _) => current,
        }
    }
}
