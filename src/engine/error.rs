//! Everything that can go wrong between us and the engine, sorted by what a caller must do about it.

use std::fmt;

use super::auth::TokenError;
use super::id::WorkerId;
use super::variables::VariableError;
use crate::retry::Retryable;

/// Why a call to the engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The external task is no more: completed (perhaps by our own lost call), cancelled or deleted. The
    /// task's log tells which; see [`EngineClient::fate_of_task`](super::EngineClient::fate_of_task).
    #[error("use an external task that the engine no longer has")]
    TaskGone,

    /// Another worker holds the task. `None`: it was unlocked in between, and nobody holds it.
    #[error("use an external task that {} holds", holder(.by.as_ref()))]
    LockLost {
        /// Who holds it now.
        by: Option<WorkerId>,
    },

    /// A lock that has run out cannot be extended; `lock` may still get it back.
    #[error("extend a lock that has run out")]
    LockExpired,

    /// The process is suspended, until somebody lets it go on. A lock is still ours meanwhile.
    #[error("act on a process that is suspended")]
    Suspended,

    /// What the call addressed (not an external task) does not exist.
    #[error("{doing}: {message}")]
    NotFound {
        /// What was being done.
        doing: &'static str,
        /// The engine's words.
        message: String,
    },

    /// No execution waits for the message, or more than one does.
    #[error("correlate a message: {message}")]
    NotCorrelated {
        /// The engine's words.
        message: String,
    },

    /// The same call may succeed a moment later.
    #[error("{doing}: {cause}")]
    Transient {
        /// What was being done.
        doing: &'static str,
        /// What stood in the way.
        cause: TransientCause,
        /// The network's or the identity provider's part in it.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },

    /// The same call will fail for ever: the request itself is wrong.
    #[error("{doing}: the engine refuses the request with {status} {kind} (code {code}): {message}")]
    Permanent {
        /// What was being done.
        doing: &'static str,
        /// The HTTP status.
        status: u16,
        /// The engine's exception class.
        kind: String,
        /// The engine's error code.
        code: i64,
        /// The engine's words.
        message: String,
    },

    /// The credentials do not suffice.
    #[error("{doing}: the engine denies access with {status}: {message}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// 401 or 403.
        status: u16,
        /// The missing permission, or an excerpt of the answer.
        message: String,
        /// The identity provider's part in it.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },

    /// The process behind the call failed and the engine rolled the call back: a script, a listener or a
    /// gateway of the model, not the caller. The task is still there and still locked.
    #[error("{doing}: the process that follows failed with {kind} (code {code}): {message}")]
    Downstream {
        /// What was being done.
        doing: &'static str,
        /// The engine's exception class.
        kind: String,
        /// The engine's error code, or the model's own.
        code: i64,
        /// The engine's words.
        message: String,
    },

    /// The answer is not the engine's: a proxy, a log-in page, a wrong address, a newer format.
    #[error("{doing}: the answer with status {status} is not the engine's: {excerpt}")]
    Unreadable {
        /// What was being done.
        doing: &'static str,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, on one line.
        excerpt: String,
        /// What the parser said.
        #[source]
        source: Option<serde_json::Error>,
    },

    /// A variable that the engine could not store; nothing was sent.
    #[error("write process variables")]
    Variable(#[from] VariableError),

    /// A request that could not be put together; nothing was sent.
    #[error("{doing}: the request cannot be written")]
    Unwritable {
        /// What was being done.
        doing: &'static str,
        /// What stood in the way.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What stood in the way of a call that may be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransientCause {
    /// No connection came about: nothing was sent.
    NotSent,
    /// The request went out and no whole answer came back: it may have been carried out.
    AnswerLost,
    /// No answer within the deadline of the call: it may have been carried out.
    TimedOut,
    /// Somebody else changed the same rows at the same moment (code 1).
    Conflict,
    /// The engine's database broke a deadlock at our expense (code 10000).
    Deadlock,
    /// A row that the call refers to vanished at the same moment (code 10001).
    ForeignKey,
    /// Two fetches ran into each other inside the engine, which shows as a `NullPointerException`.
    FetchRace,
    /// The queue of parked polls is full, or a proxy limits the rate.
    Overloaded,
    /// The engine is shutting down, or another poll of the same worker took this one's place.
    Interrupted,
    /// 502, 503 or 504, or a bare 500 of something that is not the engine.
    Unavailable(u16),
    /// The engine is there, but failed inside (its database, its transaction manager).
    EngineInternal(String),
    /// The identity provider gave no token.
    NoToken,
}

impl fmt::Display for TransientCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent => formatter.write_str("no connection to the engine"),
            Self::AnswerLost => formatter.write_str("the answer was lost on the way"),
            Self::TimedOut => formatter.write_str("no answer in time"),
            Self::Conflict => formatter.write_str("the engine met a concurrent change"),
            Self::Deadlock => formatter.write_str("the engine's database broke a deadlock"),
            Self::ForeignKey => formatter.write_str("a related row vanished meanwhile"),
            Self::FetchRace => formatter.write_str("two fetches ran into each other in the engine"),
            Self::Overloaded => formatter.write_str("the engine takes no more requests for now"),
            Self::Interrupted => formatter.write_str("the engine ended the request early"),
            Self::Unavailable(status) => write!(formatter, "the engine is unavailable ({status})"),
            Self::EngineInternal(what) => write!(formatter, "the engine failed inside: {what}"),
            Self::NoToken => formatter.write_str("the identity provider gave no token"),
        }
    }
}

impl EngineError {
    /// Whether the engine may have carried the call out although it failed for us.
    #[must_use]
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Transient { cause, .. } => matches!(
                cause,
                TransientCause::AnswerLost | TransientCause::TimedOut | TransientCause::Unavailable(_) | TransientCause::EngineInternal(_)
            ),
            Self::Unreadable { .. } => true,
            Self::TaskGone
            | Self::LockLost { .. }
            | Self::LockExpired
            | Self::Suspended
            | Self::NotFound { .. }
            | Self::NotCorrelated { .. }
            | Self::Permanent { .. }
            | Self::Refused { .. }
            | Self::Downstream { .. }
            | Self::Variable(_)
            | Self::Unwritable { .. } => false,
        }
    }

    /// The value of the metric label `outcome`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::TaskGone => "task_gone",
            Self::LockLost { .. } => "lock_lost",
            Self::LockExpired => "lock_expired",
            Self::Suspended => "suspended",
            Self::NotFound { .. } => "not_found",
            Self::NotCorrelated { .. } => "not_correlated",
            Self::Transient { .. } => "transient",
            Self::Permanent { .. } => "permanent",
            Self::Refused { .. } => "refused",
            Self::Downstream { .. } => "downstream",
            Self::Unreadable { .. } => "unreadable",
            Self::Variable(_) | Self::Unwritable { .. } => "unwritable",
        }
    }

    pub(super) fn transient(doing: &'static str, cause: TransientCause) -> Self {
        Self::Transient { doing, cause, source: None }
    }

    pub(super) fn from_network(doing: &'static str, error: reqwest::Error) -> Self {
        // The address is known from the configuration and may carry more than a log should.
        let error = error.without_url();
        if error.is_builder() {
            return Self::Unwritable { doing, source: Box::new(error) };
        }
        let cause = if error.is_connect() {
            TransientCause::NotSent
        } else if error.is_timeout() {
            TransientCause::TimedOut
        } else {
            TransientCause::AnswerLost
        };
        Self::Transient { doing, cause, source: Some(Box::new(error)) }
    }

    pub(super) fn from_token(doing: &'static str, error: TokenError) -> Self {
        match error.refused_with() {
            Some(status) => Self::Refused {
                doing,
                status,
                message: "the identity provider refuses our credentials".to_owned(),
                source: Some(Box::new(error)),
            },
            None => Self::Transient { doing, cause: TransientCause::NoToken, source: Some(Box::new(error)) },
        }
    }
}

impl Retryable for EngineError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}

fn holder(by: Option<&WorkerId>) -> String {
    by.map_or_else(|| "nobody".to_owned(), |worker| format!("worker `{worker}`"))
}
