//! Whether a message is the sender's: Standard Webhooks, HMAC-SHA256 over id, time and the body exactly as it came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

/// How far a message's time may be off, so that an old one cannot be played again.
const WINDOW_S: u64 = 300;
/// The most signatures of one message that are tried; a sender that changes keys sends two.
const MOST_SIGNATURES: usize = 8;
/// The longest id of a message.
const LONGEST_ID: usize = 256;

/// The headers of a message, as they came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) id: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) signature: &'a str,
}

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    /// No secret made this signature.
    Signature,
    /// It is the sender's, but from another time.
    Window,
}

/// Verifies a message against the secrets that count. Who cannot sign learns nothing else from the answer.
pub(super) fn verify(keys: &[SecretSlice<u8>], envelope: Envelope<'_>, body: &[u8], now: i64) -> Result<(), Unverified> {
    let Envelope { id, timestamp, signature } = envelope;
    // The dots are what parts the signed bytes: an id with one could be read as another id with another time.
    let well_formed = !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let Some(sent_at) = timestamp.parse::<i64>().ok().filter(|_| well_formed && digits) else { return Err(Unverified::Signature) };
    let signatures = signature.split_ascii_whitespace().filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    let genuine = signatures.take(MOST_SIGNATURES).any(|signature| keys.iter().any(|key| is_made_by(key, envelope, body, &signature)));
    if !genuine {
        return Err(Unverified::Signature);
    }
    if now.abs_diff(sent_at) > WINDOW_S { Err(Unverified::Window) } else { Ok(()) }
}

/// Compares in constant time.
fn is_made_by(key: &SecretSlice<u8>, envelope: Envelope<'_>, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret()) else { return false };
    let parts: [&[u8]; 5] = [envelope.id.as_bytes(), b".", envelope.timestamp.as_bytes(), b".", body];
    parts.into_iter().fold(mac, hmac::Mac::chain_update).verify_slice(signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn key(base64: &str) -> SecretSlice<u8> {
        STANDARD.decode(base64).unwrap().into()
    }

    fn keys() -> Vec<SecretSlice<u8>> {
        vec![key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    }

    fn says(id: &str, timestamp: &str, signature: &str, body: &[u8], now: i64) -> Result<(), Unverified> {
        verify(&keys(), Envelope { id, timestamp, signature }, body, now)
    }

    #[test]
    fn the_published_example_is_genuine() {
        assert_eq!(says(ID, "1614265330", SIGNATURE, BODY, AT), Ok(()));
    }

    #[test]
    fn five_minutes_either_way_are_forgiven_and_no_more() {
        for off in [-300, 300] {
            assert_eq!(says(ID, "1614265330", SIGNATURE, BODY, AT + off), Ok(()));
        }
        for off in [-301, 301, 86_400] {
            assert_eq!(says(ID, "1614265330", SIGNATURE, BODY, AT + off), Err(Unverified::Window));
        }
    }

    #[test]
    fn any_change_of_id_time_or_body_is_seen_the_body_byte_for_byte() {
        let respelled = br#"{"test":2432232314}"#;
        for (id, timestamp, body) in [
            ("msg_p5jXN8AQM9LWM0D4loKWxJel", "1614265330", BODY),
            (ID, "1614265331", BODY),
            (ID, "+1614265330", BODY),
            (ID, " 1614265330", BODY),
            (ID, "", BODY),
            (ID, "99999999999999999999", BODY),
            ("", "1614265330", BODY),
            (ID, "1614265330", respelled.as_slice()),
            (ID, "1614265330", b"".as_slice()),
        ] {
            assert_eq!(says(id, timestamp, SIGNATURE, body, AT), Err(Unverified::Signature), "{id} {timestamp}");
        }
    }

    #[test]
    fn what_the_dots_part_cannot_be_parted_otherwise() {
        // The same signed bytes, cut at other dots.
        let moved = [ID.as_bytes(), b".1614265330"].concat();
        assert_eq!(says(std::str::from_utf8(&moved).unwrap(), "1", SIGNATURE, BODY, AT), Err(Unverified::Signature));
    }

    #[test]
    fn one_good_signature_among_several_and_one_good_secret_among_two_are_enough() {
        let several = format!("v1a,AAAA v1,AAAA nonsense {SIGNATURE} v2,x");
        assert_eq!(says(ID, "1614265330", &several, BODY, AT), Ok(()));
        let rotated = [key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"), keys().remove(0)];
        let envelope = Envelope { id: ID, timestamp: "1614265330", signature: SIGNATURE };
        assert_eq!(verify(&rotated, envelope, BODY, AT), Ok(()));
        assert_eq!(verify(&rotated[..1], envelope, BODY, AT), Err(Unverified::Signature));
        assert_eq!(verify(&[], envelope, BODY, AT), Err(Unverified::Signature));
    }

    #[test]
    fn what_is_no_signature_is_none() {
        let flood = format!("{} {SIGNATURE}", "v1,AAAA ".repeat(8));
        for signature in [
            "",
            "v1,",
            "v1",
            SIGNATURE.trim_start_matches("v1,"),
            &SIGNATURE[..20],
            "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            &flood,
        ] {
            assert_eq!(says(ID, "1614265330", signature, BODY, AT), Err(Unverified::Signature), "{signature}");
        }
    }
}
