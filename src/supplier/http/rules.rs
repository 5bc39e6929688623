//! What a status, with the code beside it, means. What the profile does not list is unknown.

use serde_json::Value;

use crate::domain::{HoldState, OrderLine, Refusal, ShortLine};

use super::form::{AnswerForm, MeaningForm};
use super::line::LineHandle;
use super::pointer::{Misread, Pointer};

/// The listed answers of one operation.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) success: Vec<u16>,
    pub(super) answers: Vec<AnswerForm>,
    pub(super) error: ErrorPointers,
}

/// Where the parts of a refusal are.
#[derive(Debug, Clone, Default)]
pub(super) struct ErrorPointers {
    pub(super) code: Option<Pointer>,
    pub(super) message: Option<Pointer>,
    pub(super) lines: Option<ErrorLines>,
}

/// Where a refusal names the lines that were short.
#[derive(Debug, Clone)]
pub(super) struct ErrorLines {
    pub(super) all: Pointer,
    pub(super) line: LineHandle,
    pub(super) available: Option<Pointer>,
}

/// What an answer means before its content is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Success,
    Refused(Refusal),
    Absent,
    Ended(HoldState),
    NotSent(String),
    Unknown(String),
}

impl Rules {
    /// Judges a status and the body that came with it; no body where it could not be read as JSON.
    pub(super) fn judge(&self, status: u16, body: Option<&Value>, lines: &[OrderLine]) -> Meaning {
        let code = match self.code(body) {
            Ok(code) => code,
            Err(misread) => return Meaning::Unknown(format!("status {status}, and {misread}")),
        };
        // A rule for the bare status speaks only for answers without a code: a code that nobody listed is news.
        let rule = self.answers.iter().find(|rule| rule.status == status && rule.code == code);
        match (rule, code) {
            (Some(rule), code) => self.apply(rule, code, body, lines),
            (None, None) if self.success.contains(&status) => Meaning::Success,
            (None, None) => Meaning::Unknown(format!("status {status} is not mapped")),
            (None, Some(code)) => {
                Meaning::Unknown(format!("status {status} with code {} is not mapped", super::pointer::shortened(&Value::String(code))))
            }
        }
    }

    fn code(&self, body: Option<&Value>) -> Result<Option<String>, Misread> {
        let (Some(pointer), Some(body)) = (&self.error.code, body) else { return Ok(None) };
        if pointer.find(body).is_none() { Ok(None) } else { pointer.text(body).map(Some) }
    }

    fn apply(&self, rule: &AnswerForm, code: Option<String>, body: Option<&Value>, lines: &[OrderLine]) -> Meaning {
        let seen = || match &code {
            Some(code) => format!("status {} with code {code}", rule.status),
            None => format!("status {}", rule.status),
        };
        match rule.means {
            MeaningForm::Done => Meaning::Success,
            MeaningForm::Absent => Meaning::Absent,
            MeaningForm::Released => Meaning::Ended(HoldState::Released),
            MeaningForm::Expired => Meaning::Ended(HoldState::Expired),
            MeaningForm::NotSent => Meaning::NotSent(format!("the inventory did not process it: {}", seen())),
            MeaningForm::Unknown => Meaning::Unknown(format!("{}, which the profile lists as unknown", seen())),
            MeaningForm::Refused => match code {
                Some(code) => Meaning::Refused(self.refusal(rule.state.map(HoldState::from), code, body, lines)),
                // The profile's check refuses such a rule; should one get here, a bare status still decides nothing.
                None => Meaning::Unknown(format!("status {} without a code", rule.status)),
            },
        }
    }

    /// The code decides; message and lines are asides, so that a bad one is left out and changes nothing.
    fn refusal(&self, state: Option<HoldState>, code: String, body: Option<&Value>, lines: &[OrderLine]) -> Refusal {
        let message = self.error.message.as_ref().zip(body).and_then(|(pointer, body)| pointer.text(body).ok());
        let lines = self.error.lines.as_ref().zip(body).map(|(short, body)| short.read(body, lines)).unwrap_or_default();
        Refusal { state, code, message: message.map(|text| text.chars().filter(|c| !c.is_control()).take(500).collect()), lines }
    }
}

impl ErrorLines {
    fn read(&self, body: &Value, lines: &[OrderLine]) -> Vec<ShortLine> {
        let entries = self.all.array(body).unwrap_or_default();
        let line = |entry: &Value| {
            let order_line = self.line.find(entry, lines).ok()?;
            let available = self.available.as_ref().and_then(|pointer| pointer.decimal(entry).ok()).map(super::availability::bounded);
            Some(ShortLine { order_line, available })
        };
        entries.iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supplier::http::form::StateForm;
    use serde_json::json;

    fn rules() -> Rules {
        let rule = |status, code: Option<&str>, means, state| AnswerForm { status, code: code.map(Into::into), means, state };
        Rules {
            success: vec![200],
            answers: vec![
                rule(409, Some("SHORT"), MeaningForm::Refused, None),
                rule(409, Some("TAKEN"), MeaningForm::Refused, Some(StateForm::Confirmed)),
                rule(404, None, MeaningForm::Absent, None),
                rule(503, None, MeaningForm::NotSent, None),
                rule(200, Some("OK"), MeaningForm::Done, None),
            ],
            error: ErrorPointers { code: Pointer::parse("/code"), message: Pointer::parse("/text"), lines: None },
        }
    }

    fn judge(status: u16, body: Option<Value>) -> Meaning {
        rules().judge(status, body.as_ref(), &[])
    }

    #[test]
    fn a_listed_code_is_refused_and_brings_its_state_and_message() {
        let Meaning::Refused(refusal) = judge(409, Some(json!({"code": "TAKEN", "text": "gone\u{7}"}))) else { panic!("not refused") };
        assert_eq!((refusal.state, refusal.code.as_str(), refusal.message.as_deref()), (Some(HoldState::Confirmed), "TAKEN", Some("gone")));
    }

    #[test]
    fn what_is_not_listed_is_unknown_and_says_what_was_seen() {
        for (status, body, says) in [
            (409, Some(json!({"code": "NEW"})), "status 409 with code \"NEW\" is not mapped"),
            (409, None, "status 409 is not mapped"),
            (500, Some(json!({"code": "SHORT"})), "status 500 with code \"SHORT\" is not mapped"),
            (409, Some(json!({"code": {"a": 1}})), "status 409, and /code should be a text, is {\"a\":1}"),
        ] {
            assert_eq!(judge(status, body), Meaning::Unknown(says.to_owned()));
        }
    }

    #[test]
    fn a_rule_for_the_bare_status_does_not_cover_an_unlisted_code() {
        assert_eq!(judge(404, None), Meaning::Absent);
        assert!(matches!(judge(404, Some(json!({"code": "NO_SUCH_TENANT"}))), Meaning::Unknown(_)));
        assert!(matches!(judge(503, Some(json!({}))), Meaning::NotSent(_)));
    }

    #[test]
    fn success_with_an_unlisted_code_is_unknown() {
        for body in [json!({"id": 1}), json!({"code": null}), json!({"code": "OK"})] {
            assert_eq!(judge(200, Some(body)), Meaning::Success);
        }
        assert!(matches!(judge(200, Some(json!({"code": "QUEUED"}))), Meaning::Unknown(_)));
    }
}
