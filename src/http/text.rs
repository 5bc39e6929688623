//! Texts in requests: what may stand in them.

use crate::http::problem::FieldError;

/// Checks a text of 1 to `longest` characters: no control characters, and nothing blank at its ends.
///
/// # Errors
/// What it must be, with where it stands.
pub(crate) fn check(pointer: &str, text: &str, longest: usize) -> Result<(), FieldError> {
    let length = text.chars().count();
    if length == 0 || length > longest || text.chars().any(char::is_control) || text.trim() != text {
        let detail = format!("must be 1 to {longest} printable characters, the first and the last not blank");
        return Err(FieldError { pointer: pointer.to_owned(), detail });
    }
    Ok(())
}

/// The same for a text that may be left out.
pub(crate) fn check_opt(pointer: &str, text: Option<&str>, longest: usize) -> Result<(), FieldError> {
    text.map_or(Ok(()), |text| check(pointer, text, longest))
}
