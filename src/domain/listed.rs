//! A hold as an inventory lists it: what it is called there, and as much of the rest as the list says.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{ExternalReference, HoldState};

/// One entry of an inventory's list of active holds. Whose it is remains to be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedHold {
    /// What the inventory calls it.
    pub reference: ExternalReference,
    /// The key under which it was placed, as the inventory has it; nothing where it keeps none.
    pub key: Option<String>,
    /// The order, as the inventory has it.
    pub order: Option<String>,
    /// The customer, as the inventory has it.
    pub customer: Option<String>,
    /// Where it stands: held or confirmed.
    pub state: HoldState,
    /// Until when, where the list says so.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was placed, where the list says so.
    pub created_at: Option<DateTime<Utc>>,
    /// How much of what; empty where the list does not say.
    pub lines: Vec<ListedLine>,
}

/// How much of one line is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLine {
    /// How the inventory names the line.
    pub name: LineName,
    /// How much is held.
    pub reserved: Decimal,
}

/// How an inventory names a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineName {
    /// By the id that it was given with the request.
    Id(String),
    /// By the product alone.
    Product(String),
}
