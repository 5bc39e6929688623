//! Why nothing is known: the one table from what became of a call to a code that a person and a program can read.

use std::time::Duration;

use crate::domain::{Answer, Evidence};

/// Why an answer says nothing about availability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The code: one of ours, or the inventory's own for a refusal.
    pub code: String,
    /// In words.
    pub why: String,
    /// How long to wait before asking again, where somebody says so.
    pub again_in: Option<Duration>,
}

impl Explanation {
    /// The inventory does not mention the line, or nothing of it can be read.
    pub const LINE_NOT_TOLD: &'static str = "LINE_NOT_TOLD";
    /// The inventory was asked and no answer came in time.
    pub const SOURCE_DID_NOT_ANSWER: &'static str = "SOURCE_DID_NOT_ANSWER";
    /// An answer came that says nothing: an error, or something that cannot be read.
    pub const ANSWER_NOT_USABLE: &'static str = "ANSWER_NOT_USABLE";
    /// No question left this host.
    pub const SOURCE_NOT_REACHED: &'static str = "SOURCE_NOT_REACHED";
    /// Too many calls in a row failed; the inventory is left alone for a while.
    pub const CIRCUIT_OPEN: &'static str = "CIRCUIT_OPEN";
    /// The inventory takes only so many calls, and the next turn is too far away.
    pub const RATE_LIMITED: &'static str = "RATE_LIMITED";
}

/// Explains an answer that says nothing; nothing for one that does. A time-out and an open circuit are never "unavailable".
#[must_use]
pub fn explain<T>(answer: &Answer<T>, evidence: &Evidence) -> Option<Explanation> {
    let held_back = evidence.again_in.is_some() && evidence.http_status.is_none();
    let (code, why) = match answer {
        Answer::Done(_) => return None,
        Answer::Refused(refusal) => (refusal.code.as_str(), refusal.message.clone().unwrap_or_else(|| "the inventory refused".to_owned())),
        Answer::NotSent(why) if held_back => (Explanation::RATE_LIMITED, why.clone()),
        Answer::NotSent(why) => (Explanation::SOURCE_NOT_REACHED, why.clone()),
        Answer::Unknown(why) if held_back => (Explanation::CIRCUIT_OPEN, why.clone()),
        Answer::Unknown(why) if evidence.http_status.is_some() => (Explanation::ANSWER_NOT_USABLE, why.clone()),
        Answer::Unknown(why) => (Explanation::SOURCE_DID_NOT_ANSWER, why.clone()),
    };
    Some(Explanation { code: code.to_owned(), why, again_in: evidence.again_in })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;

    #[test]
    fn every_answer_that_says_nothing_has_its_code() {
        let code = |answer: Answer<()>, http_status, again_in: Option<u64>| {
            let evidence = Evidence { http_status, again_in: again_in.map(Duration::from_secs), ..Evidence::default() };
            explain(&answer, &evidence).map(|explanation| (explanation.code, explanation.again_in.map(|d| d.as_secs())))
        };
        let said = |code: &str, again| Some((code.to_owned(), again));
        let why = || "why".to_owned();
        let refusal = Refusal { state: None, code: "UNKNOWN_PRODUCT".into(), message: None, lines: Vec::new() };
        assert_eq!(code(Answer::Done(()), Some(200), None), None);
        assert_eq!(code(Answer::Refused(refusal), Some(422), None), said("UNKNOWN_PRODUCT", None));
        assert_eq!(code(Answer::NotSent(why()), None, None), said("SOURCE_NOT_REACHED", None));
        assert_eq!(code(Answer::NotSent(why()), None, Some(2)), said("RATE_LIMITED", Some(2)));
        assert_eq!(code(Answer::Unknown(why()), None, None), said("SOURCE_DID_NOT_ANSWER", None));
        assert_eq!(code(Answer::Unknown(why()), None, Some(9)), said("CIRCUIT_OPEN", Some(9)));
        assert_eq!(code(Answer::Unknown(why()), Some(503), Some(9)), said("ANSWER_NOT_USABLE", Some(9)));
        assert_eq!(code(Answer::Unknown(why()), Some(200), None), said("ANSWER_NOT_USABLE", None));
    }
}
