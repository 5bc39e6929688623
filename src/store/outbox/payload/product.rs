//! What the facts of customers' products say.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::instant_or_null;

/// A customer's product, as the local projection has it. The inventory is the authority; this says how fresh it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductInstancePayload {
    /// The product, as the inventory calls it.
    pub customer_product_id: String,
    /// Whose it is.
    pub customer_id: String,
    /// What was sold.
    pub product_offering_id: String,
    /// Its specification, if it is known.
    pub product_spec_id: Option<String>,
    /// Its status, in the spelling of TMF637 as far as that knows it; others as the inventory has them.
    pub status: String,
    /// Since when it works.
    #[serde(serialize_with = "instant_or_null")]
    pub activation_date: Option<DateTime<Utc>>,
    /// Since when it no longer does.
    #[serde(serialize_with = "instant_or_null")]
    pub termination_date: Option<DateTime<Utc>>,
    /// The inventory, by its configured name.
    pub source_system: String,
    /// The inventory's version of it, where it has one.
    pub source_version: Option<String>,
    /// When the inventory's newest event about it happened.
    #[serde(serialize_with = "instant_or_null")]
    pub last_source_event_at: Option<DateTime<Utc>>,
}
