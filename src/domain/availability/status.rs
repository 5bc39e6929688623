//! The six words for availability, and the verdict over several lines.

use crate::domain::LineAvailability;

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

    /// Reads the specification's spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

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
