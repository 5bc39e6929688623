//! Cutting text to what the engine keeps, without splitting a character.

use std::borrow::Cow;

const ELLIPSIS: char = '…';

/// Cuts to at most `most` UTF-16 units, which is how the engine counts; a cut text ends in an ellipsis.
#[must_use]
pub fn cut_to_units(text: &str, most: usize) -> Cow<'_, str> {
    // No character takes more UTF-16 units than UTF-8 bytes, so a short text needs no counting.
    if text.len() <= most || text.encode_utf16().count() <= most {
        return Cow::Borrowed(text);
    }
    let mut units = ELLIPSIS.len_utf16();
    let kept = text.chars().take_while(|character| {
        units += character.len_utf16();
        units <= most
    });
    Cow::Owned(kept.chain([ELLIPSIS]).collect())
}

/// Cuts to at most `most` bytes; a cut text ends in an ellipsis.
#[must_use]
pub fn cut_to_bytes(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(most.saturating_sub(ELLIPSIS.len_utf8()));
    Cow::Owned(format!("{}{ELLIPSIS}", &text[..end]))
}

/// One line of a body that nobody expected, short enough for a log.
pub(super) fn excerpt(body: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(most * 4)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut_to_bytes(&line, most).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_is_left_alone() {
        assert_eq!(cut_to_units("fits", 4), "fits");
        assert_eq!(cut_to_bytes("fits", 4), "fits");
    }

    #[test]
    fn a_character_of_two_units_is_never_split() {
        let text = "📦".repeat(10);
        assert_eq!(text.encode_utf16().count(), 20);
        let cut = cut_to_units(&text, 10);
        assert_eq!(cut, "📦📦📦📦…");
        assert!(cut.encode_utf16().count() <= 10);
        assert_eq!(cut_to_units(&text, 20), text);
    }

    #[test]
    fn a_cut_by_bytes_keeps_whole_characters() {
        assert_eq!(cut_to_bytes("üüüü", 6), "ü…");
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(b"<html>\n  <body>\tno\xff", 100), "<html> <body> no\u{fffd}");
        assert!(excerpt(&[b'x'; 5000], 40).len() <= 40);
    }
}
