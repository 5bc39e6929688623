//! What can go wrong between the daemon and its database.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{CommandId, EvidenceId, IllegalTransition, ReservationId};

/// Connection exceptions, shutdowns, starts and cancelled statements, too many connections or too little disk, deadlock, serialisation, a
/// lock that was not to be had, a transaction that stood still, a server that only reads for now: waiting can help.
const AWAY: [&str; 8] = ["08", "57", "53", "58", "40", "55P03", "25P03", "25006"];

/// Why the database did not do what was wanted. It can be told to everybody who shared a transaction.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is starting, is shutting down, or broke the connection off.
    #[error("the database is away during `{during}`")]
    Away {
        /// The transaction's name.
        during: &'static str,
        /// The cause.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The database did not answer in time. Whether it has done what was asked is not known.
    #[error("the database has not answered `{during}` within {after:?}")]
    Silent {
        /// The transaction's name.
        during: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// The database refused a statement.
    #[error("the database refused `{during}`")]
    Refused {
        /// The transaction's name.
        during: &'static str,
        /// The cause.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// Another attempt group of the same order step is alive.
    #[error("an earlier attempt group of this order step still has a live reservation")]
    EarlierAttemptLives,
    /// The claim under which this was to be written has passed to somebody else.
    #[error("the claim on reservation {0} was lost")]
    ClaimLost(ReservationId),
    /// A row holds something that this version does not understand.
    #[error("reservation {id} has an unreadable {column}: `{value}`")]
    Unreadable {
        /// The row.
        id: ReservationId,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// Evidence holds something that this version does not understand.
    #[error("availability evidence {id} has an unreadable {column}: `{value}`")]
    UnreadableEvidence {
        /// The row.
        id: EvidenceId,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// The row of a command holds something that this version does not understand.
    #[error("command {id} has an unreadable {column}: `{value}`")]
    UnreadableCommand {
        /// The row.
        id: CommandId,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// A customer's product holds something that this version does not understand.
    #[error("product `{id}` has an unreadable {column}: `{value}`")]
    UnreadableProduct {
        /// The product, by its source's name for it.
        id: String,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// A move that the table of transitions does not have.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The schema is not the one that this version was built for.
    #[error("the database's schema is at version {found}, this version needs {needed}: run `holdfast migrate`")]
    WrongSchema {
        /// The newest migration that was applied; 0 for none.
        found: i64,
        /// The newest migration that this version carries.
        needed: i64,
    },
    /// The role may bypass row-level security, which would let one tenant see another.
    #[error("the database role `{0}` may bypass row-level security: connect as a role that is neither superuser, owner nor bypassrls")]
    RoleTooStrong(String),
    /// The migrations could not be applied.
    #[error("the database could not be migrated")]
    Migration(#[source] Arc<sqlx::migrate::MigrateError>),
    /// The connection text is not one.
    #[error("the database URL cannot be read: it must be postgres://user:password@host:port/database")]
    BadUrl(#[source] Arc<sqlx::Error>),
    /// The store is shutting down.
    #[error("the store is closing")]
    Closing,
}

impl StoreError {
    /// Sorts a driver's error by whether waiting can help.
    pub(crate) fn during(during: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| {
            let away = match &source {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(error) if error.code().as_deref() == Some("23505") && error.constraint() == Some("one_live_hold") => {
                    return Self::EarlierAttemptLives;
                }
                sqlx::Error::Database(error) => error.code().is_some_and(|code| AWAY.iter().any(|class| code.starts_with(class))),
                _ => false,
            };
            let source = Arc::new(source);
            if away { Self::Away { during, source } } else { Self::Refused { during, source } }
        }
    }

    /// The database refused the statement with one of these codes.
    pub(crate) fn is_refused_with(&self, codes: &[&str]) -> bool {
        match self {
            Self::Refused { source, .. } => {
                source.as_database_error().and_then(|error| error.code()).is_some_and(|code| codes.contains(&code.as_ref()))
            }
            _ => false,
        }
    }

    /// Waiting and trying again may help.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Silent { .. } | Self::Closing)
    }
}
