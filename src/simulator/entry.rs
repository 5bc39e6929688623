//! One line of the ledger, and the words that it uses.

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::clock::Instant;
use super::hold::HoldLine;

/// What was asked of the inventory, or what befell a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Is there enough?
    Check,
    /// Set aside.
    Reserve,
    /// Find one hold.
    Lookup,
    /// Give back.
    Release,
    /// Take for good.
    Confirm,
    /// Hold longer.
    Extend,
    /// Page through holds.
    List,
    /// Ended by the clock, or as if by it.
    Expire,
    /// The hold vanished without a trace.
    Forget,
    /// The hold changed by itself.
    Drift,
    /// The goods left.
    Consume,
}

/// Who caused an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A request to the inventory.
    Client,
    /// A fault that follows a request.
    Fault,
    /// The simulator's clock.
    Clock,
    /// Someone behind the client's back.
    Admin,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says what happened to the hold")]
pub enum Effect {
    HoldPlaced,
    HoldReleased,
    HoldConfirmed,
    HoldExtended,
    HoldExpired,
    Forgotten,
    Drifted,
    /// A business refusal; its code stands beside it.
    Refused,
    /// Nothing changed.
    None,
}

/// Whether the true answer went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answered {
    /// At once.
    Yes,
    /// Never: no answer, or an untrue or unreadable one.
    No,
    /// After a delay.
    Late,
}

/// What a request wanted, as far as it goes beyond key, order and reference.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    /// The lines and the quantities asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<AskedLine>,
    /// For how long to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_seconds: Option<u64>,
    /// Whether part of it would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_partial: Option<bool>,
    /// Until when to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Instant>,
}

/// One line of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedLine {
    /// The requester's name of the line.
    pub line_id: String,
    /// The product.
    pub sku: String,
    /// How much of it.
    pub quantity: Amount,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
}

/// One line of the ledger; never changed once written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// 1, 2, 3, ... without a gap.
    pub seq: u64,
    /// When the request arrived, by the machine's clock.
    pub received_at: Instant,
    /// When it took effect, by the simulator's clock.
    pub at: Instant,
    /// Whose hold.
    pub tenant: String,
    /// Who caused it.
    pub by: Origin,
    /// What was asked.
    pub operation: Operation,
    /// The request key that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The order of the request or of the hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What was asked, in detail.
    #[serde(default)]
    pub asked: Asked,
    /// What changed.
    pub effect: Effect,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The lines of the hold after a placement or a drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<HoldLine>,
    /// Whether the true answer went out.
    pub answered: Answered,
    /// The fault that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}
