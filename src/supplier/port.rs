//! The port that every inventory adapter fills.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{
    Answer, Capabilities, Evidence, ExternalReference, IdempotencyKey, LineAvailability, Look, Operation, OrderId, OrderLine, SourceName,
    TenantId,
};

/// One inventory.
///
/// Every call is bounded by the ask's `timeout`; past it the answer is [`Answer::Unknown`]. Immediately before the first byte
/// an adapter compares the clock with `send_before`, and past it answers [`Answer::NotSent`]: the claim may have ended.
#[async_trait]
pub trait Supplier: Send + Sync {
    /// What this inventory can do.
    fn capabilities(&self) -> Capabilities;

    /// Why a question cannot be put to this inventory at all, whatever its health; nothing if it can.
    ///
    /// An ask that lacks what the inventory's API needs is answered [`Answer::NotSent`], and must not count against the inventory.
    fn obstacle(&self, question: Question<'_>) -> Option<String> {
        let _ = question;
        None
    }

    /// What the inventory's server gives as the time, to the second; nothing where its answers do not say. An effect-free call.
    async fn server_date(&self, timeout: Duration) -> Option<DateTime<Utc>> {
        let _ = timeout;
        None
    }

    /// Asks what is available. An effect-free call.
    async fn check(&self, ask: &CheckAsk) -> Reply<AvailabilityAnswer>;

    /// Asks for a hold under the key.
    async fn reserve(&self, ask: &HoldAsk) -> Reply<Look>;

    /// Looks for a hold: by reference where there is one, else by key. [`Look::Absent`] only if the inventory said so.
    async fn lookup(&self, ask: &HoldAsk) -> Reply<Look>;

    /// Lets a hold go. A hold that the inventory says is gone already counts as done, described by its state.
    async fn release(&self, ask: &HoldAsk) -> Reply<Look>;

    /// Makes a hold a commitment.
    async fn confirm(&self, ask: &HoldAsk) -> Reply<Look>;

    /// Holds until `ask.until`.
    async fn extend(&self, ask: &HoldAsk) -> Reply<Look>;
}

/// A call that is not made yet.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// An availability check.
    Check(&'a CheckAsk),
    /// An operation on a hold.
    Hold(Operation, &'a HoldAsk),
}

/// What became of a call, and what its record keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    /// The answer, normalised.
    pub answer: Answer<T>,
    /// What was seen, redacted and cut.
    pub evidence: Evidence,
}

/// A question about availability.
#[derive(Debug, Clone)]
pub struct CheckAsk {
    /// Whose question it is.
    pub tenant: TenantId,
    /// Our reference for the question, for the inventory's logs.
    pub correlation: String,
    /// What is asked about.
    pub lines: Vec<OrderLine>,
    /// The customer, where the inventory wants to know.
    pub customer: Option<String>,
    /// Where lines without a place of their own are wanted.
    pub location: Option<String>,
    /// The sales channel.
    pub channel: Option<String>,
    /// How long the call may take.
    pub timeout: Duration,
}

/// What an inventory says of availability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityAnswer {
    /// What the inventory calls its answer.
    pub reference: Option<String>,
    /// Line by line; a line that it does not mention is unknown.
    pub lines: Vec<LineAvailability>,
}

/// A question or command about one hold.
#[derive(Debug, Clone)]
pub struct HoldAsk {
    /// Whose hold it is.
    pub tenant: TenantId,
    /// The configured name of the inventory.
    pub source: SourceName,
    /// The order.
    pub order: OrderId,
    /// The key, verbatim; adapters that need a UUID derive it with [`IdempotencyKey::as_uuid`].
    pub key: IdempotencyKey,
    /// What the inventory calls the hold, once known.
    pub reference: Option<ExternalReference>,
    /// The lines. Filled for a reserve; may be empty otherwise.
    pub lines: Vec<OrderLine>,
    /// How long to hold, for a reserve.
    pub hold_seconds: i64,
    /// Until when to hold, for an extension.
    pub until: Option<DateTime<Utc>>,
    /// The inventory may hold less than was asked for.
    pub accept_partial: bool,
    /// The customer, where the inventory wants to know.
    pub customer: Option<String>,
    /// Where lines without a place of their own are wanted.
    pub location: Option<String>,
    /// How long the call may take.
    pub timeout: Duration,
    /// No byte may leave after this instant of the monotonic clock.
    pub send_before: Instant,
}
