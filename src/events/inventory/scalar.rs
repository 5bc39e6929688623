//! Reading single values as tolerantly as can be done without guessing.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _, Utc};
use serde_json::Value;

use crate::events::inventory::Oddity;

/// From here on a number of seconds would be beyond the year 5000: it is milliseconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// What was odd, collected while reading.
pub(crate) type Oddities = Vec<Oddity>;

/// A text, or a number in the place of one.
pub(crate) fn text(value: &Value, odd: &mut Oddities) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => {
            odd.push(Oddity::OtherForm);
            Some(number.to_string())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number from nothing up, or a text in the place of one.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An instant: as RFC 3339, without a zone (taken for UTC), as a date, or as seconds or milliseconds since 1970.
pub(crate) fn instant(value: &Value, odd: &mut Oddities) -> Option<DateTime<Utc>> {
    let read = match value {
        Value::String(text) => {
            let text = text.trim();
            if let Ok(at) = DateTime::parse_from_rfc3339(text) {
                return Some(at.to_utc().trunc_subsecs(6));
            }
            let without_zone = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok();
            let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.and_time(NaiveTime::MIN));
            without_zone.or_else(date).map(|at| at.and_utc()).or_else(|| text.parse().ok().and_then(since_1970))
        }
        Value::Number(number) => number.as_i64().and_then(since_1970),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if read.is_some() {
        odd.push(Oddity::OtherForm);
    }
    // The database keeps microseconds; what is compared with its rows must not be finer.
    read.map(|at| at.trunc_subsecs(6))
}

fn since_1970(number: i64) -> Option<DateTime<Utc>> {
    match number {
        ..=0 => None,
        MILLISECONDS_FROM.. => DateTime::from_timestamp_millis(number),
        seconds => DateTime::from_timestamp(seconds, 0),
    }
}

/// The value with every NUL replaced, which a database does not keep.
pub(crate) fn clean(value: Value, odd: &mut Oddities) -> Value {
    match value {
        Value::String(text) => Value::String(clean_text(text, odd)),
        Value::Array(values) => Value::Array(values.into_iter().map(|value| clean(value, odd)).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (clean_text(name, odd), clean(value, odd))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn clean_text(text: String, odd: &mut Oddities) -> String {
    if !text.contains('\0') {
        return text;
    }
    odd.push(Oddity::ReplacedCharacter);
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instant_is_read_in_the_forms_that_inventories_use() {
        let noon = DateTime::parse_from_rfc3339("2026-07-02T12:00:00Z").unwrap().to_utc();
        for (value, odd) in [
            (json!("2026-07-02T14:00:00+02:00"), false),
            (json!("2026-07-02T12:00:00"), true),
            (json!(1_782_993_600), true),
            (json!(1_782_993_600_000_i64), true),
            (json!("1782993600000"), true),
        ] {
            let mut oddities = Vec::new();
            assert_eq!(instant(&value, &mut oddities), Some(noon), "{value}");
            assert_eq!(!oddities.is_empty(), odd, "{value}");
        }
        assert_eq!(instant(&json!("2026-07-02"), &mut Vec::new()), Some(noon - chrono::TimeDelta::hours(12)));
        for value in [json!(null), json!("soon"), json!({}), json!(-1), json!("")] {
            assert_eq!(instant(&value, &mut Vec::new()), None, "{value}");
        }
    }

    #[test]
    fn a_number_in_the_place_of_a_text_keeps_its_digits() {
        let mut odd = Vec::new();
        assert_eq!(text(&serde_json::from_str("10000000000000000001").unwrap(), &mut odd).unwrap(), "10000000000000000001");
        assert_eq!(odd, [Oddity::OtherForm]);
        assert_eq!((whole(&json!("7")), whole(&json!(7)), whole(&json!(-1)), whole(&json!("v7"))), (Some(7), Some(7), None, None));
    }

    #[test]
    fn what_no_database_keeps_is_replaced_wherever_it_stands() {
        let mut odd = Vec::new();
        assert_eq!(clean(json!({"a\0": ["b\0", 1]}), &mut odd), json!({"a\u{fffd}": ["b\u{fffd}", 1]}));
        assert_eq!(odd.len(), 2);
    }
}
