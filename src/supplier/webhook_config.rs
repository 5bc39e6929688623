//! The configuration of an inventory's notices: by which secrets it shows who it is, and where a notice names a hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::Deserialize;

use crate::supplier::SourceFault;

/// What a secret looks like, by the rules of Standard Webhooks.
const PREFIX: &str = "whsec_";
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How an inventory's notices are verified and read. Secrets come by environment, never by a file in the tree.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// The shared secret: `whsec_` and base64 of 24 to 64 bytes.
    pub secret: SecretString,
    /// The secret before it, which still counts while the sender changes over.
    #[serde(default)]
    pub previous_secret: Option<SecretString>,
    /// Where a notice has the inventory's own name for the hold, as a JSON pointer.
    #[serde(default = "reference")]
    pub reference: String,
    /// Where it has the key under which the hold was asked for, as a JSON pointer.
    #[serde(default = "key")]
    pub key: String,
}

fn reference() -> String {
    "/data/reference".to_owned()
}

fn key() -> String {
    "/data/requestKey".to_owned()
}

impl WebhookConfig {
    /// The keys inside the secrets, the current one first. A secret that is none is left out: the check of the settings has named it.
    #[must_use]
    pub fn keys(&self) -> Vec<SecretSlice<u8>> {
        [Some(&self.secret), self.previous_secret.as_ref()].into_iter().flatten().filter_map(key_of).collect()
    }

    pub(super) fn faults(&self) -> Vec<SourceFault> {
        let secrets = [("webhook.secret", Some(&self.secret)), ("webhook.previous_secret", self.previous_secret.as_ref())];
        let secrets = secrets.into_iter().filter(|(_, secret)| secret.is_some_and(|secret| key_of(secret).is_none()));
        let pointers = [("webhook.reference", &self.reference), ("webhook.key", &self.key)];
        let pointers = pointers.into_iter().filter(|(_, pointer)| !pointer.starts_with('/'));
        secrets
            .map(|(field, _)| SourceFault::WebhookSecret(field))
            .chain(pointers.map(|(field, _)| SourceFault::WebhookPointer(field)))
            .collect()
    }
}

fn key_of(secret: &SecretString) -> Option<SecretSlice<u8>> {
    let key = STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX)?).ok()?;
    KEY_BYTES.contains(&key.len()).then(|| key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> WebhookConfig {
        toml::from_str(lines).unwrap()
    }

    fn said(lines: &str) -> Vec<String> {
        config(lines).faults().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_secret_is_enough_and_two_count_while_they_change() {
        let one = config("secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'");
        assert_eq!((one.faults(), one.keys().len(), one.keys()[0].expose_secret().len()), (vec![], 1, 24));
        let two = config("secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\nprevious_secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX'");
        assert_eq!((two.faults(), two.keys().len()), (vec![], 2));
    }

    #[test]
    fn a_secret_that_is_none_is_refused_without_being_repeated() {
        let must = "webhook.secret must be whsec_ and base64 of 24 to 64 bytes";
        for secret in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!!"] {
            assert_eq!(said(&format!("secret = '{secret}'")), [must], "{secret}");
        }
        assert_eq!(
            said("secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\nprevious_secret = 'x'\nkey = 'key'"),
            [
                "webhook.previous_secret must be whsec_ and base64 of 24 to 64 bytes",
                "webhook.key must be a JSON pointer such as /data/reference"
            ]
        );
        let shown = format!("{:?}", config("secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'"));
        assert!(!shown.contains("MfKQ"), "{shown}");
    }
}
