//! What a caller may do, route by route.

use std::collections::BTreeSet;
use std::fmt;

/// One permission, as tokens and the OpenAPI document spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// See reservations and their timelines, and what became of commands.
    ReadReservations,
    /// Ask for reservations, release, confirm and extend them.
    WriteReservations,
    /// See availability evidence.
    ReadAvailability,
    /// Have availability checked, which asks inventories.
    CheckAvailability,
    /// See what customers have.
    ReadProducts,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ReadReservations, Self::WriteReservations, Self::ReadAvailability, Self::CheckAvailability, Self::ReadProducts];

    /// The spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadReservations => "reservations:read",
            Self::WriteReservations => "reservations:write",
            Self::ReadAvailability => "availability:read",
            Self::CheckAvailability => "availability:check",
            Self::ReadProducts => "products:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes that somebody has.
#[derive(Debug, Clone)]
pub(crate) enum Granted {
    /// Everything: nobody is asked who they are.
    All,
    /// These; names that mean nothing here do no harm.
    Listed(BTreeSet<String>),
}

impl Granted {
    /// Whether this scope is among them.
    pub(crate) fn covers(&self, scope: Scope) -> bool {
        match self {
            Self::All => true,
            Self::Listed(names) => names.contains(scope.as_str()),
        }
    }
}
