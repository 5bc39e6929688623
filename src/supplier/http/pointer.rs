//! Typed reading of one place in a JSON answer. What is not as it should be is said, with the place and what was seen.

use std::fmt;

use chrono::{DateTime, Datelike, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::form::InstantForm;

/// A JSON pointer (RFC 6901): empty for the whole, else a path such as `/lines/0/id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer(String);

/// A place in an answer that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misread {
    #[error("{0} is missing")]
    Missing(Pointer),
    #[error("{place} should be {wanted}, is {found}")]
    Wrong { place: Pointer, wanted: &'static str, found: String },
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the whole" } else { &self.0 })
    }
}

impl Pointer {
    /// Reads a pointer; nothing if the text is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        (text.is_empty() || text.starts_with('/')).then(|| Self(text.to_owned()))
    }

    /// The value there, if there is one that is not null.
    pub(super) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.pointer(&self.0).filter(|found| !found.is_null())
    }

    fn need<'v>(&self, value: &'v Value) -> Result<&'v Value, Misread> {
        self.find(value).ok_or_else(|| Misread::Missing(self.clone()))
    }

    fn wrong(&self, wanted: &'static str, found: &Value) -> Misread {
        Misread::Wrong { place: self.clone(), wanted, found: shortened(found) }
    }

    /// A text, or a number as its digits: references and codes come as either. One with a NUL is none: no inventory means it, and no
    /// database takes it.
    pub(super) fn text(&self, value: &Value) -> Result<String, Misread> {
        match self.need(value)? {
            found @ Value::String(text) if text.contains('\0') => Err(self.wrong("a text without NUL", found)),
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(self.wrong("a text", other)),
        }
    }

    /// An array.
    pub(super) fn array<'v>(&self, value: &'v Value) -> Result<&'v [Value], Misread> {
        let found = self.need(value)?;
        found.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong("an array", found))
    }

    /// A decimal, from a string or a number, digit by digit.
    pub(super) fn decimal(&self, value: &Value) -> Result<Decimal, Misread> {
        let found = self.need(value)?;
        let text = match found {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            other => return Err(self.wrong("a decimal number", other)),
        };
        exact(&text).map(|decimal| decimal.normalize()).ok_or_else(|| self.wrong("a decimal number", found))
    }

    /// An instant. Years beyond four digits are nobody's expiry.
    pub(super) fn instant(&self, value: &Value, form: InstantForm) -> Result<DateTime<Utc>, Misread> {
        let found = self.need(value)?;
        let read = match form {
            InstantForm::Rfc3339 => found.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| at.to_utc()),
            InstantForm::EpochSeconds => found.as_i64().and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            InstantForm::EpochMillis => found.as_i64().and_then(DateTime::from_timestamp_millis),
        };
        let wanted = match form {
            InstantForm::Rfc3339 => "an RFC 3339 instant",
            InstantForm::EpochSeconds => "seconds since 1970",
            InstantForm::EpochMillis => "milliseconds since 1970",
        };
        read.filter(|at| (1970..=9999).contains(&at.year())).ok_or_else(|| self.wrong(wanted, found))
    }
}

/// A decimal with all its digits, or none. The reader of exponents would round the digits before them.
fn exact(text: &str) -> Option<Decimal> {
    match text.split_once(['e', 'E']) {
        Some((digits, _)) => Decimal::from_str_exact(digits).and_then(|_| Decimal::from_scientific(text)).ok(),
        None => Decimal::from_str_exact(text).ok(),
    }
}

/// The beginning of a value, for a sentence.
pub(super) fn shortened(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Pointer {
        Pointer::parse(text).unwrap()
    }

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn decimals_keep_every_digit_as_text_and_as_number() {
        for text in [r#"{"n":"999999999999.999999"}"#, r#"{"n":999999999999.999999}"#] {
            assert_eq!(at("/n").decimal(&json(text)).unwrap().to_string(), "999999999999.999999");
        }
        assert_eq!(at("/n").decimal(&json(r#"{"n":1.2e1}"#)).unwrap(), Decimal::from(12));
        for text in [r#"{"n":2.00000000000000000000000000000000001}"#, r#"{"n":"2.00000000000000000000000000000000001e0"}"#] {
            let error = at("/n").decimal(&json(text)).unwrap_err().to_string();
            assert_eq!(error, format!("/n should be a decimal number, is {}", json(text)["n"]));
        }
        for text in [r#"{"n":"many"}"#, r#"{"n":true}"#, r#"{"n":1e400}"#, r#"{"n":""}"#, r#"{"n":[1]}"#, r#"{"n":"NaN"}"#] {
            assert!(matches!(at("/n").decimal(&json(text)), Err(Misread::Wrong { .. })), "{text}");
        }
    }

    #[test]
    fn a_null_is_as_missing_as_what_is_not_there() {
        for text in ["{}", r#"{"a":null}"#, "[]", "3"] {
            assert_eq!(at("/a").text(&json(text)).unwrap_err().to_string(), "/a is missing");
        }
    }

    #[test]
    fn a_text_that_no_database_takes_is_none_and_is_shown_so_that_one_takes_it() {
        let error = at("/a").text(&json(r#"{"a":"x\u0000y"}"#)).unwrap_err().to_string();
        assert_eq!(error, r#"/a should be a text without NUL, is "x\u0000y""#);
        assert!(at("/a").text(&json(r#"{"a":"x\ty"}"#)).is_ok());
    }

    #[test]
    fn instants_are_read_in_the_form_that_the_profile_names_and_in_no_other() {
        let noon = DateTime::parse_from_rfc3339("2026-01-01T12:00:00Z").unwrap().to_utc();
        assert_eq!(at("/t").instant(&json(r#"{"t":"2026-01-01T13:00:00+01:00"}"#), InstantForm::Rfc3339), Ok(noon));
        assert_eq!(at("/t").instant(&json(r#"{"t":1767268800}"#), InstantForm::EpochSeconds), Ok(noon));
        assert_eq!(at("/t").instant(&json(r#"{"t":1767268800000}"#), InstantForm::EpochMillis), Ok(noon));
        for text in [r#"{"t":"tomorrow"}"#, r#"{"t":1767268800}"#, r#"{"t":"+12026-01-01T00:00:00Z"}"#, r#"{"t":"2026-01-01"}"#] {
            let error = at("/t").instant(&json(text), InstantForm::Rfc3339).unwrap_err().to_string();
            assert_eq!(error, format!("/t should be an RFC 3339 instant, is {}", json(text)["t"]));
        }
        let error = at("/t").instant(&json(r#"{"t":99999999999999}"#), InstantForm::EpochSeconds).unwrap_err().to_string();
        assert_eq!(error, "/t should be seconds since 1970, is 99999999999999");
    }

    #[test]
    fn what_was_seen_is_shown_but_not_at_any_length() {
        let long = Value::String("ü".repeat(500));
        let error = at("").array(&long).unwrap_err().to_string();
        assert!(error.starts_with("the whole should be an array, is \"ü") && error.chars().count() < 130, "{error}");
    }
}
