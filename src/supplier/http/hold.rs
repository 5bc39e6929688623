//! Reads a hold as an inventory describes it, and believes nothing that contradicts what was asked.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::domain::{ExternalReference, Hold, HoldLine, HoldState, IdError, OrderLineId};
use crate::supplier::HoldAsk;

use super::form::{InstantForm, MissingLineForm};
use super::pointer::{Misread, Pointer, shortened};

/// Where a hold's parts are.
#[derive(Debug, Clone)]
pub(super) struct HoldPointers {
    pub(super) reference: Pointer,
    pub(super) key: Option<Pointer>,
    pub(super) state: StateFrom,
    pub(super) expires_at: Option<Expiry>,
    pub(super) lines: Option<HoldLines>,
}

/// Where a hold's expiry is.
#[derive(Debug, Clone)]
pub(super) struct Expiry {
    pub(super) at: Pointer,
    pub(super) form: InstantForm,
    /// There are holds without one.
    pub(super) optional: bool,
}

/// Where a hold's state is taken from.
#[derive(Debug, Clone)]
pub(super) enum StateFrom {
    /// From the answer, word by word.
    Answer(Pointer, BTreeMap<String, HoldState>),
    /// From the operation: whoever has done it leaves the hold so.
    Operation(HoldState),
}

/// Where its lines are.
#[derive(Debug, Clone)]
pub(super) struct HoldLines {
    pub(super) all: Pointer,
    pub(super) id: Pointer,
    pub(super) reserved: Pointer,
    pub(super) missing: MissingLineForm,
}

/// Why an answer does not describe the hold that was asked about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoHold {
    #[error(transparent)]
    Misread(#[from] Misread),
    #[error("{place} is no usable reference: it {why}")]
    BadReference { place: Pointer, why: IdError },
    #[error("the answer is about the hold {found}, the question was about {asked}")]
    OtherReference { found: String, asked: String },
    #[error("the answer is about the key {0}, which is not the one asked about")]
    OtherKey(String),
    #[error("the state {0} is not mapped")]
    UnmappedState(String),
    #[error("a line is called {0}, which is no order line of ours")]
    ForeignLine(String),
    #[error("the line {0} is described twice")]
    LineTwice(OrderLineId),
    #[error("the line {0} is not in the answer")]
    LineMissing(OrderLineId),
    #[error("{0} is not an amount that can be held")]
    BadAmount(Decimal),
}

impl HoldPointers {
    /// Reads the hold out of an answer to the ask.
    pub(super) fn read(&self, body: &Value, ask: &HoldAsk) -> Result<Hold, NoHold> {
        let reference = self.reference(body, ask)?;
        self.check_key(body, ask)?;
        let state = match &self.state {
            StateFrom::Operation(state) => *state,
            StateFrom::Answer(pointer, states) => {
                let word = pointer.text(body)?;
                *states.get(&word).ok_or_else(|| NoHold::UnmappedState(shortened(&Value::String(word))))?
            }
        };
        let holds = matches!(state, HoldState::Held | HoldState::Confirmed);
        let expires_at = match &self.expires_at {
            // Only what is held runs out; what is gone or for good may well have no expiry.
            Some(expiry) if expiry.at.find(body).is_some() || state == HoldState::Held && !expiry.optional => {
                Some(expiry.at.instant(body, expiry.form)?)
            }
            Some(_) | None => None,
        };
        let lines = match &self.lines {
            Some(lines) if holds || lines.all.find(body).is_some() => lines.read(body, ask, holds)?,
            Some(_) | None => Vec::new(),
        };
        Ok(Hold { reference: Some(reference), state, expires_at, lines })
    }

    fn reference(&self, body: &Value, ask: &HoldAsk) -> Result<ExternalReference, NoHold> {
        let text = self.reference.text(body)?;
        let found = ExternalReference::parse(&text).map_err(|why| NoHold::BadReference { place: self.reference.clone(), why })?;
        match &ask.reference {
            Some(asked) if *asked != found => {
                Err(NoHold::OtherReference { found: found.as_str().to_owned(), asked: asked.as_str().to_owned() })
            }
            Some(_) | None => Ok(found),
        }
    }

    fn check_key(&self, body: &Value, ask: &HoldAsk) -> Result<(), NoHold> {
        let Some(pointer) = &self.key else { return Ok(()) };
        let found = pointer.text(body)?;
        let as_uuid = ask.key.as_uuid(ask.tenant, &ask.source).to_string();
        if found == ask.key.as_str() || found.eq_ignore_ascii_case(&as_uuid) {
            Ok(())
        } else {
            Err(NoHold::OtherKey(shortened(&Value::String(found))))
        }
    }
}

impl HoldLines {
    fn read(&self, body: &Value, ask: &HoldAsk, holds: bool) -> Result<Vec<HoldLine>, NoHold> {
        let mut lines: Vec<HoldLine> = Vec::new();
        for entry in self.all.array(body)? {
            let id = self.id.text(entry)?;
            let order_line = OrderLineId::parse(&id).map_err(|_| NoHold::ForeignLine(shortened(&Value::String(id.clone()))))?;
            if !ask.lines.is_empty() && ask.lines.iter().all(|line| line.order_line != order_line) {
                return Err(NoHold::ForeignLine(id));
            }
            if lines.iter().any(|line| line.order_line == order_line) {
                return Err(NoHold::LineTwice(order_line));
            }
            let reserved = self.reserved.decimal(entry)?;
            if reserved.is_sign_negative() && !reserved.is_zero() || super::availability::bounded(reserved) != reserved {
                return Err(NoHold::BadAmount(reserved));
            }
            lines.push(HoldLine { order_line, reserved });
        }
        // A line that is silently left out would otherwise pass for one that is held in full.
        if holds {
            for line in &ask.lines {
                if lines.iter().any(|found| found.order_line == line.order_line) {
                    continue;
                }
                match self.missing {
                    MissingLineForm::Unknown => return Err(NoHold::LineMissing(line.order_line)),
                    MissingLineForm::Zero => lines.push(HoldLine { order_line: line.order_line, reserved: Decimal::ZERO }),
                }
            }
        }
        Ok(lines)
    }
}
