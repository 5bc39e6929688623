//! What the facts of availability evidence say.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::instant;
use crate::domain::AvailabilityEvidence;
use crate::store::evidence::subject_columns;

/// What an inventory believed, when, and until when that may be used.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityEvidencePayload {
    /// What the check was made for, such as `QUOTE` or `ORDER`; new kinds may be added.
    pub subject_type: String,
    /// Which one.
    pub subject_id: Uuid,
    /// In which of its revisions, where it has some.
    pub subject_revision: Option<i32>,
    /// The inventory, by its configured name.
    pub source_system: String,
    /// What the inventory calls its answer, if it says so.
    pub source_reference: Option<String>,
    /// The specification's status; new ones may be added.
    pub status: String,
    /// When the inventory said so.
    #[serde(serialize_with = "instant")]
    pub checked_at: DateTime<Utc>,
    /// Until when it may be used.
    #[serde(serialize_with = "instant")]
    pub expires_at: DateTime<Utc>,
    /// Why, as a code.
    pub explanation_code: Option<String>,
    /// The evidence that this one repeats for another subject, if the inventory was not asked again.
    pub copied_from: Option<Uuid>,
    /// What was asked for, line by line. Empty where evidence has expired.
    pub lines: Vec<AvailabilityLinePayload>,
}

/// One line of a check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityLinePayload {
    /// The line, as whoever asked calls it.
    pub line_id: Uuid,
    /// The product.
    pub product_offering_id: String,
    /// How many are wanted, a decimal number as text.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub requested_quantity: String,
    /// How many there are, a decimal number as text; null where the inventory did not say.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub available_quantity: Option<String>,
    /// The status of this line.
    pub status: String,
    /// Why, as a code.
    pub explanation_code: Option<String>,
}

impl AvailabilityEvidencePayload {
    /// What the evidence says.
    pub(crate) fn of(evidence: &AvailabilityEvidence) -> Self {
        let (subject_type, subject_id, subject_revision) = subject_columns(evidence.subject);
        Self {
            subject_type: subject_type.to_owned(),
            subject_id,
            subject_revision,
            source_system: evidence.source.as_str().to_owned(),
            source_reference: evidence.source_reference.clone(),
            status: evidence.status.as_str().to_owned(),
            checked_at: evidence.checked_at,
            expires_at: evidence.expires_at,
            explanation_code: evidence.explanation.clone(),
            copied_from: evidence.copied_from.map(|id| id.0),
            lines: evidence
                .lines
                .iter()
                .map(|line| AvailabilityLinePayload {
                    line_id: line.order_line.0,
                    product_offering_id: line.product_offering.clone(),
                    requested_quantity: line.requested.to_string(),
                    available_quantity: line.available.map(|quantity| quantity.normalize().to_string()),
                    status: line.status.as_str().to_owned(),
                    explanation_code: line.explanation.clone(),
                })
                .collect(),
        }
    }
}
