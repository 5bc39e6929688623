//! The nine states of a reservation, as the specification names them.

use crate::domain::spelled::spelled;

spelled! {
    /// Where a reservation stands. What each state promises is said here; how it is left is said in `transitions.rs`.
    pub enum ReservationStatus {
        /// The wish is on record; no call that could have acted is open, unless a live claim is making it.
        Requested = "REQUESTED",
        /// The inventory said that it holds, until the time on the row.
        Reserved = "RESERVED",
        /// The inventory refused with a listed business code. An end.
        Rejected = "REJECTED",
        /// A call was made and nobody knows what it did. Left only by finding out.
        Unknown = "UNKNOWN",
        /// The hold became a commitment: it no longer runs out by itself.
        Confirmed = "CONFIRMED",
        /// The hold is to go, and the inventory has not yet said that it is gone.
        ReleaseRequested = "RELEASE_REQUESTED",
        /// The inventory holds nothing for this key any more. An end.
        Released = "RELEASED",
        /// A release was sent and nobody knows what it did. Left only by finding out.
        ReleaseUnknown = "RELEASE_UNKNOWN",
        /// The hold ran out at the inventory. An end.
        Expired = "EXPIRED",
    }
}

impl ReservationStatus {
    /// No move leads out of it.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Rejected | Self::Released | Self::Expired)
    }
}
