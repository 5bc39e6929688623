//! What the record of a call keeps: the status, and the beginning of the body without anything that is secret.

use secrecy::{ExposeSecret, SecretString};

use crate::domain::Evidence;

/// The longest excerpt, in bytes.
const EXCERPT: usize = 2048;
const REDACTED: &str = "[redacted]";

/// The evidence of an answer with this status and body.
pub(super) fn of(status: u16, body: &[u8], secrets: &[SecretString]) -> Evidence {
    // Cut last: a secret that straddled an early cut would not be recognised.
    let text = redact(&String::from_utf8_lossy(body), secrets);
    let excerpt = (!text.is_empty()).then(|| cut(&printable(&text), EXCERPT).to_owned());
    Evidence { http_status: Some(status), excerpt, again_in: None }
}

/// The text with every secret in it replaced.
pub(super) fn redact(text: &str, secrets: &[SecretString]) -> String {
    secrets
        .iter()
        .map(ExposeSecret::expose_secret)
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| if text.contains(secret) { text.replace(secret, REDACTED) } else { text })
}

/// Control characters have no business in a database, a log or a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

fn cut(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_the_inventory_echoes_is_not_kept() {
        let secrets = [SecretString::from("s3cr3t")];
        let body = format!("{} your token s3cr3t is bad, s3cr3t", "x".repeat(2040));
        let excerpt = of(401, body.as_bytes(), &secrets).excerpt.unwrap();
        assert!(!excerpt.contains("s3c") && excerpt.len() <= EXCERPT);
    }

    #[test]
    fn the_excerpt_is_bounded_and_fit_for_a_database() {
        let evidence = of(200, "\0ü".repeat(5000).as_bytes(), &[]);
        let excerpt = evidence.excerpt.unwrap();
        assert!(excerpt.len() <= EXCERPT && excerpt.len() > EXCERPT - 4 && !excerpt.contains('\0'));
        assert_eq!(of(204, b"", &[]), Evidence { http_status: Some(204), ..Evidence::default() });
        assert!(of(200, &[0xff, 0xfe, b'a'], &[]).excerpt.unwrap().ends_with('a'));
    }
}
