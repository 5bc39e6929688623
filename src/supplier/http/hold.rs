//! Reads a hold as an inventory describes it, and believes nothing that contradicts what was asked.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::domain::{ExternalReference, Hold, HoldLine, HoldState, IdError, OrderLineId};
use crate::supplier::HoldAsk;

use super::form::{InstantForm, MissingLineForm};
use super::line::{LineHandle, NoLine};
use super::pointer::{Misread, Pointer, shortened};

/// Where a hold's parts are.
#[derive(Debug, Clone)]
pub(super) struct HoldPointers {
    pub(super) reference: Pointer,
    pub(super) key: Option<Pointer>,
    /// Read in lists only.
    pub(super) order: Option<Pointer>,
    /// Read in lists only.
    pub(super) customer: Option<Pointer>,
    /// Read in lists only.
    pub(super) created_at: Option<(Pointer, InstantForm)>,
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
    pub(super) line: LineHandle,
    pub(super) reserved: Pointer,
    pub(super) missing: MissingLineForm,
}

/// Why an answer does not describe the hold that was asked about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoHold {
    #[error(transparent)]
    Misread(#[from] Misread),
    #[error(transparent)]
    Line(#[from] NoLine),
    #[error("{place} is no usable reference: it {why}")]
    BadReference { place: Pointer, why: IdError },
    #[error("the answer is about the hold {found}, the question was about {asked}")]
    OtherReference { found: String, asked: String },
    #[error("the answer is about the key {0}, which is not the one asked about")]
    OtherKey(String),
    #[error("the state {0} is not mapped")]
    UnmappedState(String),
    #[error("the line {0} is described twice")]
    LineTwice(OrderLineId),
    #[error("the line {0} is not in the answer")]
    LineMissing(OrderLineId),
    #[error("our hold is not in the list, but the list goes on")]
    ListCut,
    #[error("{0} holds are listed under our key")]
    Several(usize),
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
        let holds = state.is_active();
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
        match &self.key {
            Some(pointer) if !self.has_key(body, ask)? => Err(NoHold::OtherKey(shortened(&Value::String(pointer.text(body)?)))),
            Some(_) | None => Ok(()),
        }
    }

    /// The key that is there is ours, in either of its spellings.
    pub(super) fn has_key(&self, body: &Value, ask: &HoldAsk) -> Result<bool, Misread> {
        let Some(pointer) = &self.key else { return Ok(false) };
        let found = pointer.text(body)?;
        Ok(found == ask.key.as_str() || found.eq_ignore_ascii_case(&ask.key.as_uuid(ask.tenant, &ask.source).to_string()))
    }
}

impl HoldLines {
    fn read(&self, body: &Value, ask: &HoldAsk, holds: bool) -> Result<Vec<HoldLine>, NoHold> {
        let mut lines: Vec<HoldLine> = Vec::new();
        for entry in self.all.array(body)? {
            let order_line = self.line.find(entry, &ask.lines)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supplier::sample::ask;
    use serde_json::json;

    fn pointers() -> HoldPointers {
        let at = |text: &str| Pointer::parse(text).unwrap();
        let states = [("HELD", HoldState::Held), ("GONE", HoldState::Released)].map(|(word, state)| (word.to_owned(), state));
        HoldPointers {
            reference: at("/id"),
            key: Some(at("/key")),
            order: None,
            customer: None,
            created_at: None,
            state: StateFrom::Answer(at("/state"), states.into()),
            expires_at: Some(Expiry { at: at("/until"), form: InstantForm::Rfc3339, optional: false }),
            lines: Some(HoldLines {
                all: at("/lines"),
                line: LineHandle::Id(at("/line")),
                reserved: at("/n"),
                missing: MissingLineForm::Unknown,
            }),
        }
    }

    /// A whole answer to the ask, with some of its fields changed; null takes one away.
    fn answer(changes: &Value) -> Value {
        let line = |n: usize| json!({"line": ask().lines[n].order_line.to_string(), "n": "1"});
        let mut whole =
            json!({"id": 7, "key": ask().key.as_str(), "state": "HELD", "until": "2030-01-01T00:00:00Z", "lines": [line(0), line(1)]});
        for (key, value) in changes.as_object().unwrap() {
            whole[key] = value.clone();
        }
        whole
    }

    fn said(changes: &Value) -> String {
        pointers().read(&answer(changes), &ask()).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_answer_is_read_whole() {
        let hold = pointers().read(&answer(&json!({})), &ask()).unwrap();
        assert_eq!((hold.reference.unwrap().as_str(), hold.state, hold.lines.len()), ("7", HoldState::Held, 2));
        let by_uuid = json!({"key": ask().key.as_uuid(ask().tenant, &ask().source).to_string()});
        assert!(pointers().read(&answer(&by_uuid), &ask()).is_ok());
    }

    #[test]
    fn an_answer_about_something_else_is_not_believed() {
        assert!(said(&json!({"key": "other"})).starts_with("the answer is about the key \"other\""));
        assert_eq!(said(&json!({"key": null})), "/key is missing");
        let known = HoldAsk { reference: ExternalReference::parse("8").ok(), ..ask() };
        let error = pointers().read(&answer(&json!({})), &known).unwrap_err();
        assert_eq!(error.to_string(), "the answer is about the hold 7, the question was about 8");
        assert!(said(&json!({"id": "\n"})).contains("no usable reference"));
    }

    #[test]
    fn lines_are_ours_each_once_and_all_of_them() {
        let ours = ask().lines[0].order_line;
        let line = |id: &str, n: Value| json!({"line": id, "n": n});
        assert_eq!(said(&json!({"lines": [line("x", json!(1))]})), "a line is called \"x\", which is no order line of ours");
        let stranger = uuid::Uuid::from_u128(99).to_string();
        assert!(said(&json!({"lines": [line(&stranger, json!(1))]})).contains("no order line of ours"));
        let twice = [line(&ours.to_string(), json!(1)), line(&ours.to_string(), json!(1))];
        assert_eq!(said(&json!({"lines": twice})), format!("the line {ours} is described twice"));
        assert!(said(&json!({"lines": [line(&ours.to_string(), json!(1))]})).ends_with("is not in the answer"));
        for n in [json!(-1), json!("0.0000001"), json!("1000000000000")] {
            assert!(said(&json!({"lines": [line(&ours.to_string(), n)]})).ends_with("is not an amount that can be held"));
        }
    }

    #[test]
    fn a_line_left_out_is_nothing_where_the_profile_says_so() {
        let mut pointers = pointers();
        pointers.lines.as_mut().unwrap().missing = MissingLineForm::Zero;
        let hold = pointers.read(&answer(&json!({"lines": []})), &ask()).unwrap();
        assert!(hold.lines.len() == 2 && hold.lines.iter().all(|line| line.reserved.is_zero()));
    }

    #[test]
    fn what_is_gone_needs_neither_expiry_nor_lines() {
        let hold = pointers().read(&answer(&json!({"state": "GONE", "until": null, "lines": null})), &ask()).unwrap();
        assert_eq!((hold.state, hold.expires_at, hold.lines.len()), (HoldState::Released, None, 0));
        assert_eq!(said(&json!({"until": null})), "/until is missing");
        assert_eq!(said(&json!({"lines": null})), "/lines is missing");
        assert_eq!(said(&json!({"state": "PENDING"})), "the state \"PENDING\" is not mapped");
    }
}
