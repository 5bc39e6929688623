//! Dates in the engine's own format, which is not RFC 3339: the offset has no colon.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

const WRITTEN: &str = "%Y-%m-%dT%H:%M:%S%.3f%z";
const READ: &str = "%Y-%m-%dT%H:%M:%S%.f%z";

/// Writes an instant as the engine wants it, in UTC: `2025-10-06T16:34:42.000+0000`.
#[must_use]
pub fn format_date(instant: DateTime<Utc>) -> String {
    instant.format(WRITTEN).to_string()
}

/// Reads an instant as the engine writes it; the local offset of the engine does not matter.
#[must_use]
pub fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, READ).ok().map(|date| date.with_timezone(&Utc))
}

/// For fields that are a date or absent; an unreadable date fails the answer, named by its text.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    parse_date(&text).map(Some).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a date of the engine")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_with_the_engines_offset_is_the_same_instant() {
        let read = parse_date("2025-10-06T16:34:42.120+0200").unwrap();
        assert_eq!(format_date(read), "2025-10-06T14:34:42.120+0000");
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let instant = DateTime::<Utc>::from_timestamp_millis(1_759_761_282_007).unwrap();
        assert_eq!(parse_date(&format_date(instant)), Some(instant));
    }

    #[test]
    fn a_plain_word_is_no_date() {
        assert_eq!(parse_date("tomorrow"), None);
    }
}
