//! The six words for availability, and the verdict over several lines.

use crate::domain::LineAvailability;
use crate::domain::spelled::spelled;

spelled! {
    /// The specification's six words for availability.
    pub enum AvailabilityStatus {
        /// Nobody has asked.
        NotChecked = "NOT_CHECKED",
        /// All of it.
        Available = "AVAILABLE",
        /// Some of it.
        PartiallyAvailable = "PARTIALLY_AVAILABLE",
        /// None of it.
        Unavailable = "UNAVAILABLE",
        /// The inventory did not say. Different from unavailable.
        Unknown = "UNKNOWN",
        /// It was checked, but too long ago.
        Stale = "STALE",
    }
}

impl AvailabilityStatus {
    /// An inventory said so: there is something in it that may be used again. Everything else is a way of not knowing.
    #[must_use]
    pub fn is_told(self) -> bool {
        matches!(self, Self::Available | Self::PartiallyAvailable | Self::Unavailable)
    }
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
    use crate::domain::availability::line::tests::line;

    fn verdict(statuses: &[AvailabilityStatus]) -> AvailabilityStatus {
        let lines: Vec<_> = statuses.iter().map(|status| LineAvailability { status: *status, ..line(1, "1") }).collect();
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
