//! One difference between an inventory and us.

use crate::domain::spelled::spelled;
use crate::domain::{ListedHold, Reservation};

spelled! {
    /// What kind of difference it is.
    pub enum DriftKind {
        /// The inventory holds, and no reservation of ours says so.
        Ghost = "GHOST",
        /// A reservation of ours says held or confirmed, and the inventory has nothing active for it.
        Lost = "LOST",
        /// The inventory holds for a reservation that is at its end, or for an order that is over.
        Orphan = "ORPHAN",
        /// The inventory holds more than once for one key or order step.
        Duplicate = "DUPLICATE",
        /// The inventory holds another quantity than we believe.
        QuantityDrift = "QUANTITY_DRIFT",
        /// The inventory holds until another time than we believe.
        ExpiryDrift = "EXPIRY_DRIFT",
        /// A hold whose key is not one of ours: somebody else's, and never touched.
        Unmanaged = "UNMANAGED",
    }
}

spelled! {
    /// What could be done about a difference.
    pub enum Remedy {
        /// Let the hold go.
        Release = "release",
        /// Take the hold for the reservation's own: its outcome was open.
        Adopt = "adopt",
        /// Look at the reservation again, and believe what the inventory says of it.
        Recheck = "recheck",
        /// Nothing that a machine should do.
        None = "none",
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// What kind it is.
    pub kind: DriftKind,
    /// The hold, if the inventory has one.
    pub hold: Option<ListedHold>,
    /// The reservation, if we have one.
    pub row: Option<Reservation>,
    /// What differs, in a sentence without an end.
    pub why: String,
    /// What could be done.
    pub remedy: Remedy,
}
