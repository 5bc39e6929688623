//! What an operation comes to. Refusals and open outcomes are conclusions; only what kept us from working is an error.

use crate::domain::{Refused, Rejection, Reservation};
use crate::store::StoreError;

/// What became of an errand.
#[derive(Debug)]
pub enum Conclusion {
    /// The row tells the truth about the hold; its state is the answer.
    Settled(Box<Reservation>),
    /// The inventory refused, and the hold is as it was.
    Refused(Box<Reservation>, Rejection),
    /// The goal cannot be had with the hold as it is; nothing was sent.
    NotPossible(Box<Reservation>, Refused),
    /// Nobody knows, and why. The reconciler finds out.
    Unknown(Box<Reservation>, String),
    /// Nothing was sent, and why. Asking again is safe.
    NotSent(Box<Reservation>, String),
    /// Somebody living works on the row.
    Busy(Box<Reservation>),
    /// There is no such reservation.
    NotFound,
    /// The key belongs to another request; nothing was sent.
    OtherRequest(Box<Reservation>),
    /// An earlier attempt group of the order step is still alive; nothing was sent.
    EarlierAttemptLives,
}

impl Conclusion {
    /// One word for logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Settled(_) => "settled",
            Self::Refused(..) => "refused",
            Self::NotPossible(..) => "not_possible",
            Self::Unknown(..) => "open",
            Self::NotSent(..) => "not_sent",
            Self::Busy(_) => "busy",
            Self::NotFound => "not_found",
            Self::OtherRequest(_) => "other_request",
            Self::EarlierAttemptLives => "earlier_attempt_lives",
        }
    }
}

/// Why an operation could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The database is away, or refused.
    #[error("use the database")]
    Store(#[from] StoreError),
    /// An inventory was asked, and then the database was away for too long, or refused. What came of the call is found out by whoever
    /// comes next.
    #[error("go on after the inventory was asked")]
    Interrupted(#[source] StoreError),
    /// No inventory of this name is configured.
    #[error("find the inventory `{name}`: the configured ones are {known}")]
    UnknownSource {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
}

impl OperationError {
    /// The database was away before anything was sent: waiting and asking again may help.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_away())
    }
}
