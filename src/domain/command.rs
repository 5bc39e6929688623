//! Commands: what was promised to a caller, to be carried out in the background.

use std::fmt;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandKind {
    /// Start the process of an order, which reserves.
    StartOrder,
    /// Let a hold go.
    Release,
    /// Make a hold a commitment.
    Confirm,
    /// Hold longer.
    Extend,
}

impl CommandKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::StartOrder, Self::Release, Self::Confirm, Self::Extend];

    /// The spelling in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartOrder => "START_ORDER",
            Self::Release => "RELEASE",
            Self::Confirm => "CONFIRM",
            Self::Extend => "EXTEND",
        }
    }

    /// Reads the spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// It is being tried, until it is done or refused.
    Pending,
    /// It was carried out. An end.
    Done,
    /// It cannot be carried out, and why stands beside it. An end.
    Refused,
}

impl CommandState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Done, Self::Refused];

    /// The spelling in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }

    /// Reads the spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
