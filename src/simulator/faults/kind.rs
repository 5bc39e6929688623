//! The kinds of misbehaviour.

use serde::{Deserialize, Serialize};

/// What goes wrong with one request; "acts" means that the inventory really does what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// Acts, then never answers.
    SwallowAnswer,
    /// Resets the connection without acting.
    ResetBefore,
    /// Acts, then resets the connection.
    ResetAfter,
    /// Answers nothing, and acts after the delay, even if the client has gone by then.
    ActLate {
        /// How long nothing happens.
        delay_ms: u64,
    },
    /// Acts at once, answers after the delay.
    Slow {
        /// How long the answer waits.
        delay_ms: u64,
    },
    /// Acts, and answers byte by byte.
    Trickle {
        /// The pause between two bytes.
        #[serde(default = "one_millisecond")]
        delay_ms: u64,
    },
    /// Acts, promises a whole body and closes the connection half way.
    CutBody,
    /// Acts, then answers an error.
    ErrorAfter {
        /// The status of the error.
        #[serde(default = "internal_error")]
        status: u16,
    },
    /// Answers an error without acting.
    ErrorBefore {
        /// The status of the error.
        #[serde(default = "internal_error")]
        status: u16,
        /// Seconds for a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Acts, then answers success with a body that is no JSON.
    GarbageBody,
    #[serde(rename = "html_502")]
    /// Answers 502 with a page for humans, as a proxy would.
    Html502 {
        /// Whether the inventory acted behind the proxy.
        #[serde(default = "yes")]
        acted: bool,
    },
    /// Acts, then answers JSON that is not as agreed.
    WrongShape {
        /// What is not as agreed.
        #[serde(default)]
        shape: WrongShape,
    },
    /// Says no, with this code; the key of a reservation stays refused.
    Refuse {
        /// The business code.
        code: String,
        /// The status that carries it.
        #[serde(default = "conflict")]
        status: u16,
    },
    /// Answers 503 with `Retry-After`, without acting.
    Unavailable {
        /// Seconds for the `Retry-After` header.
        #[serde(default = "one_second")]
        retry_after: u64,
    },
    /// Acts and answers, then forgets the hold.
    Forget,
    /// Acts twice, whatever the request key says, and answers the first.
    DuplicateEffect,
    /// Acts and answers, then half of the first line is lost.
    DriftQuantity,
    /// Acts and answers, and sends the notice of it twice.
    DuplicateCallback,
    /// Acts, and answers only after the notice of it has been delivered.
    CallbackBeforeAnswer,
}

/// How an answer differs from what was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongShape {
    /// A state that nobody has heard of.
    #[default]
    UnknownState,
    /// No state.
    MissingState,
    /// No reference.
    MissingReference,
    /// An expiry of null.
    NullExpiry,
    /// Quantities as numbers.
    NumberQuantity,
    /// Another request's key and order.
    OtherKey,
    /// One more field, which a reader should not mind.
    UnknownField,
    /// One more field, nested five hundred deep.
    Deep,
    /// One more field, of four megabytes.
    Huge,
}

impl Fault {
    /// Its name in the ledger, the same as in a request.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SwallowAnswer => "swallow_answer",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::ActLate { .. } => "act_late",
            Self::Slow { .. } => "slow",
            Self::Trickle { .. } => "trickle",
            Self::CutBody => "cut_body",
            Self::ErrorAfter { .. } => "error_after",
            Self::ErrorBefore { .. } => "error_before",
            Self::GarbageBody => "garbage_body",
            Self::Html502 { .. } => "html_502",
            Self::WrongShape { .. } => "wrong_shape",
            Self::Refuse { .. } => "refuse",
            Self::Unavailable { .. } => "unavailable",
            Self::Forget => "forget",
            Self::DuplicateEffect => "duplicate_effect",
            Self::DriftQuantity => "drift_quantity",
            Self::DuplicateCallback => "duplicate_callback",
            Self::CallbackBeforeAnswer => "callback_before_answer",
        }
    }
}

fn one_millisecond() -> u64 {
    1
}

fn one_second() -> u64 {
    1
}

fn internal_error() -> u16 {
    500
}

fn conflict() -> u16 {
    409
}

fn yes() -> bool {
    true
}
