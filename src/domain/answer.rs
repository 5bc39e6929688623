//! What a supplier may answer: a closed set, in which not knowing is an answer of its own.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::spelled::spelled;
use crate::domain::{ExternalReference, OrderLineId};

/// What became of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// It was done, or it was already so.
    Done(T),
    /// The inventory refused with a listed code: it did nothing and says so.
    Refused(Refusal),
    /// Nothing left this host: refused connection, DNS, TLS. Safe to send again.
    NotSent(String),
    /// Anything after the first byte that is not a readable, mapped answer. The text says what was seen.
    Unknown(String),
}

impl<T> Answer<T> {
    /// The class that the call's record keeps.
    pub fn class(&self) -> AnswerClass {
        match self {
            Self::Done(_) => AnswerClass::Done,
            Self::Refused(_) => AnswerClass::Refused,
            Self::NotSent(_) => AnswerClass::NotSent,
            Self::Unknown(_) => AnswerClass::Unknown,
        }
    }

    /// The same answer with its result changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Done(result) => Answer::Done(change(result)),
            Self::Refused(refusal) => Answer::Refused(refusal),
            Self::NotSent(why) => Answer::NotSent(why),
            Self::Unknown(why) => Answer::Unknown(why),
        }
    }
}

impl Answer<Look> {
    /// What the call's record says of it, in a few words.
    #[must_use]
    pub fn note(&self) -> String {
        match self {
            Self::Done(Look::Found(hold)) => {
                let reference = hold.reference.as_ref().map_or("the hold", ExternalReference::as_str);
                format!("{reference} is {}", hold.state.as_str())
            }
            Self::Done(Look::Absent) => "nothing found".to_owned(),
            Self::Refused(refusal) => refusal.code.clone(),
            Self::NotSent(why) | Self::Unknown(why) => why.clone(),
        }
    }
}

spelled! {
    /// An answer without its content, as the call's record keeps it.
    pub enum AnswerClass {
        /// [`Answer::Done`].
        Done = "DONE",
        /// [`Answer::Refused`].
        Refused = "REFUSED",
        /// [`Answer::NotSent`].
        NotSent = "NOT_SENT",
        /// [`Answer::Unknown`].
        Unknown = "UNKNOWN",
    }
}

/// What a listed code means for the hold, apart from its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the refusal says about the hold.
    pub state: Option<HoldState>,
    /// The inventory's code, as the configuration lists it.
    pub code: String,
    /// The inventory's words, cut short.
    pub message: Option<String>,
    /// The lines that were short, where the inventory says so.
    pub lines: Vec<ShortLine>,
}

/// One line that an inventory could not hold in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortLine {
    /// The order line.
    pub order_line: OrderLineId,
    /// How much there was, where the inventory says so.
    pub available: Option<Decimal>,
}

spelled! {
    /// Where a hold stands at the inventory.
    pub enum HoldState {
        /// Held until its expiry.
        Held = "held",
        /// A commitment.
        Confirmed = "confirmed",
        /// Let go.
        Released = "released",
        /// Ran out.
        Expired = "expired",
    }
}

impl HoldState {
    /// Stock is bound by it.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Held | Self::Confirmed)
    }
}

/// A hold as the inventory describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What the inventory calls it. Absent where the answer to a release names nothing.
    pub reference: Option<ExternalReference>,
    /// Where it stands.
    pub state: HoldState,
    /// Until when, where the inventory says so.
    pub expires_at: Option<DateTime<Utc>>,
    /// How much of each line; empty where the inventory does not say.
    pub lines: Vec<HoldLine>,
}

/// How much of one line is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldLine {
    /// The order line.
    pub order_line: OrderLineId,
    /// How much is held; zero for a line that got nothing.
    pub reserved: Decimal,
}

/// What a look-up showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// There is a hold.
    Found(Hold),
    /// There is nothing under this key, as of now. A request that is still under way may yet change that.
    Absent,
}

/// What the call's record keeps of an answer: never a header, never a secret, cut to a bounded size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The HTTP status, if one came.
    pub http_status: Option<u16>,
    /// The beginning of the body.
    pub excerpt: Option<String>,
    /// How long whoever answered, or kept the question from being put, wants to be left alone.
    pub again_in: Option<Duration>,
}
