//! The nine states of a reservation, as the specification names them.

use std::fmt;

/// Where a reservation stands. What each state promises is said here; how it is left is said in `transitions.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReservationStatus {
    /// The wish is on record; no call that could have acted is open, unless a live claim is making it.
    Requested,
    /// The inventory said that it holds, until the time on the row.
    Reserved,
    /// The inventory refused with a listed business code. An end.
    Rejected,
    /// A call was made and nobody knows what it did. Left only by finding out.
    Unknown,
    /// The hold became a commitment: it no longer runs out by itself.
    Confirmed,
    /// The hold is to go, and the inventory has not yet said that it is gone.
    ReleaseRequested,
    /// The inventory holds nothing for this key any more. An end.
    Released,
    /// A release was sent and nobody knows what it did. Left only by finding out.
    ReleaseUnknown,
    /// The hold ran out at the inventory. An end.
    Expired,
}

impl ReservationStatus {
    /// All nine, in the specification's order.
    pub const ALL: [Self; 9] = [
        Self::Requested,
        Self::Reserved,
        Self::Rejected,
        Self::Unknown,
        Self::Confirmed,
        Self::ReleaseRequested,
        Self::Released,
        Self::ReleaseUnknown,
        Self::Expired,
    ];

    /// The specification's spelling, which the database and the process variables use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Reserved => "RESERVED",
            Self::Rejected => "REJECTED",
            Self::Unknown => "UNKNOWN",
            Self::Confirmed => "CONFIRMED",
            Self::ReleaseRequested => "RELEASE_REQUESTED",
            Self::Released => "RELEASED",
            Self::ReleaseUnknown => "RELEASE_UNKNOWN",
            Self::Expired => "EXPIRED",
        }
    }

    /// Reads the specification's spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// No move leads out of it.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Rejected | Self::Released | Self::Expired)
    }
}

impl fmt::Display for ReservationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_as_it_is_written() {
        for status in ReservationStatus::ALL {
            assert_eq!(ReservationStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(ReservationStatus::parse("reserved"), None);
    }
}
