//! The header `Idempotency-Key`: a token, or a text in quotes as structured fields write it.

use axum::http::{HeaderMap, HeaderName};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::problem::{Problem, ProblemKind};

/// The header.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key, in characters.
const LONGEST: usize = 255;

/// The header as the document describes it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that is read elsewhere")]
pub(crate) struct IdempotencyKeyHeader {
    /// Names this request: the same key with the same request is carried out once and answered again, for a day. A UUID is a good
    /// key. Bare, or in quotes as the IETF draft has it.
    #[serde(rename = "Idempotency-Key")]
    #[param(pattern = r##"^("[ !#-\[\]-~]{1,255}"|[!#-+\-\-\[\]-~]{1,255})$"##, example = "8e03978e-40d5-43dd-bc93-6894a57f9324")]
    idempotency_key: String,
}

/// Reads the key.
///
/// # Errors
/// [`ProblemKind::KeyMissing`], or [`ProblemKind::Malformed`] with what it must be.
pub(crate) fn read(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Err(Problem::new(ProblemKind::KeyMissing, "Send the header `Idempotency-Key` with a text that names this request."));
    };
    let malformed = |detail: &str| Problem::new(ProblemKind::Malformed, format!("The header `Idempotency-Key` {detail}."));
    if values.next().is_some() {
        return Err(malformed("must be sent once"));
    }
    let text = value.to_str().unwrap_or_default();
    let inside = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let allowed = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
    let (key, fits) = match inside {
        Some(key) => (key, key.chars().all(|c| c == ' ' || allowed(c))),
        None => (text, text.chars().all(|c| c != ',' && allowed(c))),
    };
    if key.is_empty() || key.len() > LONGEST || !fits {
        return Err(malformed("must be 1 to 255 visible ASCII characters without commas, or as many and spaces in quotes"));
    }
    Ok(key.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key(values: &[&[u8]]) -> Result<String, ProblemKind> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        read(&headers).map_err(|problem| problem.kind())
    }

    #[test]
    fn a_key_is_read_bare_or_in_quotes() {
        assert_eq!(key(&[b"8e03978e-40d5"]), Ok("8e03978e-40d5".to_owned()));
        assert_eq!(key(&[b"\"8e03978e-40d5\""]), Ok("8e03978e-40d5".to_owned()));
        assert_eq!(key(&[b"\"a, b\""]), Ok("a, b".to_owned()));
        assert!(key(&["x".repeat(255).as_bytes()]).is_ok());
    }

    #[test]
    fn anything_else_is_told_what_a_key_is() {
        assert_eq!(key(&[]), Err(ProblemKind::KeyMissing));
        let long = "x".repeat(256);
        let wrong: [&[&[u8]]; 9] = [
            &[b""],
            &[b"\"\""],
            &[b"\""],
            &[b"a b"],
            &[b"a,b"],
            &[b"a", b"a"],
            &[b"\"a\\\"b\""],
            &[long.as_bytes()],
            &["\u{e9}".as_bytes()],
        ];
        for values in wrong {
            assert_eq!(key(values), Err(ProblemKind::Malformed), "{values:?}");
        }
    }
}
