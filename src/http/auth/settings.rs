//! What the daemon is told about tokens, and the rules that these settings keep.

use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use reqwest::Url;
use serde::Deserialize;

use super::claims::ClaimPath;
use crate::words::Words;

/// The longest difference between the clocks of two parties that is forgiven.
const MOST_LEEWAY_S: u64 = 60;
/// Every algorithm that may be pinned: signatures only. With a shared secret, whoever verifies could also forge.
const KNOWN: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// The algorithm of this name, if it may be pinned at all.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
}

/// The section `[http.auth]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// Whether callers must show who they are.
    pub mode: AuthMode,
    /// Who must have issued a token: its claim `iss`, verbatim.
    pub issuer: String,
    /// Whom a token must be for: one of these must be in its claim `aud`.
    pub audience: Words,
    /// Where the issuer publishes its keys.
    pub jwks_url: String,
    /// PEM certificates to trust there beside the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The signature algorithms that are accepted, and no others whatever a token says.
    pub algorithms: Words,
    /// The claim that holds the tenant, as its name or as a JSON pointer.
    pub tenant_claim: String,
    /// The claim that holds the scopes, as its name or as a JSON pointer.
    pub scope_claim: String,
    /// How far the issuer's clock may be off, at most 60 s.
    pub leeway_s: u64,
    /// How long fetched keys are good before they are fetched again.
    pub keys_good_for_s: u64,
    /// How long the issuer is left alone after it was asked, whatever tokens come.
    pub keys_pause_ms: u64,
    /// How long fetching may take.
    pub keys_timeout_ms: u64,
}

/// Whether callers must show who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// They need not: for one machine only.
    None,
    /// By a bearer token that the issuer signed.
    Jwt,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting `http.auth.{key}` {must}")]
pub struct AuthFault {
    /// Which one, inside `http.auth`.
    pub key: &'static str,
    /// What it must be, beginning with "must".
    pub must: String,
}

/// What a token must be to be believed.
#[derive(Debug, Clone)]
pub(crate) struct TokenPolicy {
    pub(crate) issuer: String,
    pub(crate) audience: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) tenant_claim: ClaimPath,
    pub(crate) scope_claim: ClaimPath,
    pub(crate) leeway: Duration,
}

/// Where keys come from, and how often.
#[derive(Debug, Clone)]
pub(crate) struct KeyPolicy {
    pub(crate) url: Url,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) good_for: Duration,
    pub(crate) pause: Duration,
    pub(crate) timeout: Duration,
}

impl AuthConfig {
    /// Checks what can be checked without asking anybody.
    ///
    /// # Errors
    /// [`AuthFault`], naming the setting and what it must be.
    pub fn validate(&self) -> Result<(), AuthFault> {
        if self.mode == AuthMode::None {
            // A section that is filled in but switched off is most likely a mistake, and one that opens the door.
            return require(self.jwks_url.is_empty(), "mode", "must be \"jwt\" where http.auth.jwks_url is set, or callers need no token");
        }
        self.token_policy()?;
        self.key_policy().map(drop)
    }

    /// What a token must be.
    pub(crate) fn token_policy(&self) -> Result<TokenPolicy, AuthFault> {
        require(!self.issuer.is_empty(), "issuer", "must be set for mode = \"jwt\": the `iss` of the tokens, verbatim")?;
        require(!self.audience.0.is_empty(), "audience", "must be set for mode = \"jwt\": whom the tokens are for, such as \"holdfast\"")?;
        require(self.leeway_s <= MOST_LEEWAY_S, "leeway_s", "must be at most 60")?;
        let claim =
            |key, text: &str| ClaimPath::parse(text).ok_or_else(|| fault(key, "must name a claim, such as tenant_id or /org/tenant"));
        Ok(TokenPolicy {
            issuer: self.issuer.clone(),
            audience: self.audience.0.clone(),
            algorithms: self.pinned()?,
            tenant_claim: claim("tenant_claim", &self.tenant_claim)?,
            scope_claim: claim("scope_claim", &self.scope_claim)?,
            leeway: Duration::from_secs(self.leeway_s),
        })
    }

    /// Where keys come from.
    pub(crate) fn key_policy(&self) -> Result<KeyPolicy, AuthFault> {
        let address = "must be the https:// address of a JSON Web Key Set, without user and fragment (http:// on this machine only)";
        let url = Url::parse(&self.jwks_url).map_err(|_| fault("jwks_url", address))?;
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let clean = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        require(clean && (url.scheme() == "https" || (url.scheme() == "http" && here)), "jwks_url", address)?;
        require(
            (1..=86_400).contains(&self.keys_good_for_s),
            "keys_good_for_s",
            "must be 1 to 86400: a key that was withdrawn counts so long",
        )?;
        require((100..=600_000).contains(&self.keys_pause_ms), "keys_pause_ms", "must be 100 to 600000: a new key is not seen sooner")?;
        require((100..=30_000).contains(&self.keys_timeout_ms), "keys_timeout_ms", "must be 100 to 30000")?;
        Ok(KeyPolicy {
            url,
            ca_file: self.ca_file.clone(),
            good_for: Duration::from_secs(self.keys_good_for_s),
            pause: Duration::from_millis(self.keys_pause_ms),
            timeout: Duration::from_millis(self.keys_timeout_ms),
        })
    }

    fn pinned(&self) -> Result<Vec<Algorithm>, AuthFault> {
        let known = KNOWN.map(|(name, _)| name).join(", ");
        let pinned: Option<Vec<_>> = self.algorithms.0.iter().map(|name| algorithm(name)).collect();
        let pinned = pinned.filter(|pinned| !pinned.is_empty());
        pinned.ok_or_else(|| fault("algorithms", format!("must be some of {known}: `none` and shared secrets are never accepted")))
    }
}

fn fault(key: &'static str, must: impl Into<String>) -> AuthFault {
    AuthFault { key, must: must.into() }
}

fn require(holds: bool, key: &'static str, must: &str) -> Result<(), AuthFault> {
    if holds { Ok(()) } else { Err(fault(key, must)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut AuthConfig)) -> String {
        let mut config = super::super::samples::config("https://issuer.example/keys");
        change(&mut config);
        config.validate().err().map(|fault| fault.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_complete_section_is_accepted_and_an_incomplete_one_is_refused_with_a_sentence() {
        assert_eq!(config(|_| {}), "");
        assert_eq!(config(|c| c.leeway_s = 61), "setting `http.auth.leeway_s` must be at most 60");
        assert!(config(|c| c.issuer.clear()).contains("http.auth.issuer"));
        assert!(config(|c| c.audience.0.clear()).contains("http.auth.audience"));
        assert!(config(|c| c.tenant_claim = " ".to_owned()).contains("http.auth.tenant_claim"));
        assert!(config(|c| c.keys_good_for_s = 0).contains("http.auth.keys_good_for_s"));
    }

    #[test]
    fn only_signatures_can_be_pinned() {
        for name in ["none", "None", "HS256", "HS512", "rs256", ""] {
            let said = config(|c| c.algorithms = Words(vec![name.to_owned()]));
            assert!(said.ends_with("`none` and shared secrets are never accepted"), "{name}: {said}");
        }
        assert!(config(|c| c.algorithms.0.clear()).contains("http.auth.algorithms"));
    }

    #[test]
    fn keys_come_over_tls_but_on_the_same_machine() {
        for url in ["http://issuer.example/keys", "https://me:secret@issuer.example/keys", "file:///etc/keys", "keys"] {
            assert!(config(|c| c.jwks_url = url.to_owned()).contains("http.auth.jwks_url"), "{url}");
        }
        assert_eq!(config(|c| c.jwks_url = "http://127.0.0.1:9/keys".to_owned()), "");
    }

    #[test]
    fn a_section_that_is_filled_in_but_switched_off_is_refused() {
        assert!(config(|c| c.mode = AuthMode::None).contains("http.auth.mode"));
    }
}
