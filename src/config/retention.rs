//! How long things are kept that are kept for a while only.

use chrono::TimeDelta;
use serde::Deserialize;

use crate::config::{ConfigError, require};
use crate::operations::Retention;

/// How long things are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    /// That an inventory event was taken in, in days.
    pub inbox_days: i64,
    /// Messages that could not be used, in days.
    pub dead_letter_days: i64,
    /// What inventories answered, in days.
    pub supplier_call_evidence_days: i64,
    /// Evidence of availability, in days.
    pub availability_evidence_days: i64,
    /// The most rows that one statement forgets.
    pub step: i64,
}

impl RetentionConfig {
    /// As the loop needs it.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            inbox: TimeDelta::days(self.inbox_days),
            dead_letters: TimeDelta::days(self.dead_letter_days),
            supplier_call_evidence: TimeDelta::days(self.supplier_call_evidence_days),
            availability_evidence: TimeDelta::days(self.availability_evidence_days),
            step: self.step,
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        for (key, days) in [
            ("retention.inbox_days", self.inbox_days),
            ("retention.dead_letter_days", self.dead_letter_days),
            ("retention.supplier_call_evidence_days", self.supplier_call_evidence_days),
            ("retention.availability_evidence_days", self.availability_evidence_days),
        ] {
            require((1..=36_500).contains(&days), key, "must be 1 to 36500 days")?;
        }
        require((10..=10_000).contains(&self.step), "retention.step", "must be 10 to 10000 rows")
    }
}
