//! What the inventory says, and what it thereby did.

use serde::Serialize;

use crate::simulator::amount::Amount;
use crate::simulator::entry::Effect;
use crate::simulator::hold::Hold;
use crate::simulator::webhook::Notice;

/// An answer before any fault has touched it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) effect: Effect,
    /// The code of a refusal.
    pub(crate) code: Option<String>,
    /// The hold that it is about.
    pub(crate) reference: Option<String>,
    /// What somebody is to be told of it, if that has not been queued.
    pub(crate) notice: Option<Notice>,
}

/// A no, with its reason.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Refusal {
    #[serde(skip)]
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lines: Vec<ShortLine>,
}

/// How much of a line there would have been.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShortLine {
    pub(crate) line_id: String,
    pub(crate) available: Amount,
}

impl Answer {
    /// A body that tells, and nothing that changed.
    pub(crate) fn told(body: &impl Serialize) -> Self {
        Self { status: 200, body: json(body), effect: Effect::None, code: None, reference: None, notice: None }
    }

    /// The hold as it is now.
    pub(crate) fn hold(status: u16, hold: &Hold, effect: Effect) -> Self {
        Self { status, body: json(hold), effect, code: None, reference: Some(hold.reference.clone()), notice: None }
    }

    /// A no about no hold in particular.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self {
            status: refusal.status,
            body: json(refusal),
            effect: Effect::Refused,
            code: Some(refusal.code.clone()),
            reference: None,
            notice: None,
        }
    }
}

impl Refusal {
    /// A no that needs no lines.
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), lines: Vec::new() }
    }

    /// No such hold, or none of this tenant.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "there is no such reservation")
    }

    /// This inventory cannot do that.
    pub(crate) fn not_supported(what: &str) -> Self {
        Self::new(501, "NOT_SUPPORTED", format!("this inventory cannot {what}"))
    }

    /// The request makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "INVALID_REQUEST", message)
    }
}

/// Writes a value whose serialisation cannot fail: no maps with odd keys are written here.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
