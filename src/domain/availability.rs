//! Availability: what an inventory believed at an instant, per line, and until when that may be used.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{EvidenceId, OrderLineId, Quantity, SourceName, TenantId};

/// The specification's six words for availability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AvailabilityStatus {
    /// Nobody has asked.
    NotChecked,
    /// All of it.
    Available,
    /// Some of it.
    PartiallyAvailable,
    /// None of it.
    Unavailable,
    /// The inventory did not say. Different from unavailable.
    Unknown,
    /// It was checked, but too long ago.
    Stale,
}

impl AvailabilityStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [Self::NotChecked, Self::Available, Self::PartiallyAvailable, Self::Unavailable, Self::Unknown, Self::Stale];

    /// The specification's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotChecked => "NOT_CHECKED",
            Self::Available => "AVAILABLE",
            Self::PartiallyAvailable => "PARTIALLY_AVAILABLE",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unknown => "UNKNOWN",
            Self::Stale => "STALE",
        }
    }
}

/// What the inventory said of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAvailability {
    /// The order line.
    pub order_line: OrderLineId,
    /// What was asked about.
    pub product_offering: String,
    /// How much was asked for.
    pub requested: Quantity,
    /// How much there is, where the inventory says so.
    pub available: Option<Decimal>,
    /// The line's verdict.
    pub status: AvailabilityStatus,
}

/// An answered check, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityEvidence {
    /// Its id.
    pub id: EvidenceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who said it.
    pub source: SourceName,
    /// What the source calls its answer.
    pub source_reference: Option<String>,
    /// The verdict over all lines.
    pub status: AvailabilityStatus,
    /// When it was said.
    pub checked_at: DateTime<Utc>,
    /// From when on it may no longer be used.
    pub expires_at: DateTime<Utc>,
    /// Why the verdict is what it is, where that is not plain.
    pub explanation_code: Option<String>,
    /// Line by line.
    pub lines: Vec<LineAvailability>,
}

/// The verdict over all lines: a single unknown line makes the whole unknown, because a promise needs every line.
#[must_use]
pub fn summarize(lines: &[LineAvailability]) -> AvailabilityStatus {
    let all = |status| !lines.is_empty() && lines.iter().all(|line| line.status == status);
    if lines.is_empty() || lines.iter().any(|line| line.status == AvailabilityStatus::Unknown) {
        AvailabilityStatus::Unknown
    } else if all(AvailabilityStatus::Available) {
        AvailabilityStatus::Available
    } else if all(AvailabilityStatus::Unavailable) {
        AvailabilityStatus::Unavailable
    } else {
        AvailabilityStatus::PartiallyAvailable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn verdict(statuses: &[AvailabilityStatus]) -> AvailabilityStatus {
        let lines: Vec<_> = statuses
            .iter()
            .map(|status| LineAvailability {
                order_line: OrderLineId(Uuid::nil()),
                product_offering: "PHONE".into(),
                requested: Quantity::parse("1").unwrap(),
                available: None,
                status: *status,
            })
            .collect();
        summarize(&lines)
    }

    #[test]
    fn one_unknown_line_makes_the_verdict_unknown_and_never_unavailable() {
        use AvailabilityStatus::{Available, PartiallyAvailable, Unavailable, Unknown};
        assert_eq!(verdict(&[]), Unknown);
        assert_eq!(verdict(&[Available, Unknown]), Unknown);
        assert_eq!(verdict(&[Unavailable, Unknown]), Unknown);
        assert_eq!(verdict(&[Available, Available]), Available);
        assert_eq!(verdict(&[Available, Unavailable]), PartiallyAvailable);
        assert_eq!(verdict(&[PartiallyAvailable]), PartiallyAvailable);
        assert_eq!(verdict(&[Unavailable, Unavailable]), Unavailable);
    }
}
