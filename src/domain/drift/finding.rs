//! One difference between an inventory and us.

use std::fmt;

use crate::domain::{ListedHold, Reservation};

/// What kind of difference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriftKind {
    /// The inventory holds, and no reservation of ours says so.
    Ghost,
    /// A reservation of ours says held or confirmed, and the inventory has nothing active for it.
    Lost,
    /// The inventory holds for a reservation that is at its end, or for an order that is over.
    Orphan,
    /// The inventory holds more than once for one key or order step.
    Duplicate,
    /// The inventory holds another quantity than we believe.
    QuantityDrift,
    /// The inventory holds until another time than we believe.
    ExpiryDrift,
    /// A hold whose key is not one of ours: somebody else's, and never touched.
    Unmanaged,
}

impl DriftKind {
    /// Every kind, in the order in which they are reported.
    pub const ALL: [Self; 7] =
        [Self::Ghost, Self::Lost, Self::Orphan, Self::Duplicate, Self::QuantityDrift, Self::ExpiryDrift, Self::Unmanaged];

    /// The spelling in reports and plans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ghost => "GHOST",
            Self::Lost => "LOST",
            Self::Orphan => "ORPHAN",
            Self::Duplicate => "DUPLICATE",
            Self::QuantityDrift => "QUANTITY_DRIFT",
            Self::ExpiryDrift => "EXPIRY_DRIFT",
            Self::Unmanaged => "UNMANAGED",
        }
    }

    /// Reads the spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for DriftKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What could be done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// Let the hold go.
    Release,
    /// Take the hold for the reservation's own: its outcome was open.
    Adopt,
    /// Look at the reservation again, and believe what the inventory says of it.
    Recheck,
    /// Nothing that a machine should do.
    None,
}

impl Remedy {
    /// Every remedy.
    pub const ALL: [Self; 4] = [Self::Release, Self::Adopt, Self::Recheck, Self::None];

    /// The spelling in reports and plans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Adopt => "adopt",
            Self::Recheck => "recheck",
            Self::None => "none",
        }
    }

    /// Reads the spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|remedy| remedy.as_str() == text)
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
