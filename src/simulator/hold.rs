//! A hold: stock set aside for one order until it is released, confirmed or expires.

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::clock::Instant;

/// What has become of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HoldState {
    /// Set aside until it expires.
    Held,
    /// Taken for good; the clock no longer ends it.
    Confirmed,
    /// Given back.
    Released,
    /// Given back by the clock.
    Expired,
}

impl HoldState {
    /// Whether stock is set aside in this state.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Held | Self::Confirmed)
    }
}

/// One product of a hold: what was asked and what is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldLine {
    /// The requester's name of the line.
    pub line_id: String,
    /// The product.
    pub sku: String,
    /// Where it is held, if the request said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    /// What was asked for.
    pub requested: Amount,
    /// What is set aside.
    pub reserved: Amount,
    /// The location whose stock it was taken from, where that one has a stock of its own.
    #[serde(skip)]
    pub(crate) taken_from: Option<String>,
}

/// A hold as the inventory answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// The inventory's name of it.
    pub reference: String,
    /// The requester's name of it.
    pub request_key: String,
    /// The order that it is for.
    pub order_id: String,
    /// What has become of it.
    pub state: HoldState,
    /// When it ends by itself, unless confirmed.
    pub expires_at: Instant,
    /// When it was placed.
    pub created_at: Instant,
    /// What it holds.
    pub lines: Vec<HoldLine>,
    /// From when look-ups and lists see it.
    #[serde(skip)]
    pub(crate) visible_at: Instant,
    /// Whether its goods are gone, so that no release can bring them back.
    #[serde(skip)]
    pub(crate) consumed: bool,
}
