//! Believes a bearer token, or says why not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Validation, decode};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::claims::{self, Claims};
use super::issuer::{Issuer, IssuerError, IssuerSetupError};
use super::ring::{KeyRing, NoKey};
use super::settings::{AuthConfig, AuthFault, TokenPolicy, algorithm};
use crate::clock::SharedClock;
use crate::domain::TenantId;

/// No issuer's token is longer, and no server passes a longer header on.
const LONGEST_TOKEN: usize = 8 * 1024;

/// What a believed token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Whom the token speaks for.
    pub(crate) tenant: TenantId,
    /// Who holds it, in the issuer's words.
    pub(crate) subject: Option<String>,
    /// What it may do.
    pub(crate) scopes: Vec<String>,
}

/// Why a token is not believed. The texts are shown to whoever sent it: they hold nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Disbelief {
    #[error("the token is no JSON Web Token in compact form of at most {LONGEST_TOKEN} bytes")]
    Malformed,
    #[error("the token's algorithm is not accepted here")]
    Algorithm,
    #[error("the token has an extension that must be understood and is not")]
    Critical,
    #[error("the token does not name the key that signed it")]
    NoKeyId,
    #[error("the token's key is not one of the issuer's")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token's claims cannot be read")]
    Unreadable,
    #[error("the token lacks the claim `{0}`, or has it in another form")]
    Lacks(&'static str),
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token was issued by somebody else")]
    Issuer,
    #[error("the token is for somebody else")]
    Audience,
    #[error("the token speaks for no tenant")]
    Tenant,
    #[error("the issuer's keys cannot be fetched at the moment")]
    IssuerAway,
}

impl Disbelief {
    /// One word for metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Malformed | Self::Unreadable | Self::Critical => "malformed",
            Self::Algorithm => "algorithm",
            Self::NoKeyId | Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Lacks(_) => "claim_missing",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Tenant => "tenant",
            Self::IssuerAway => "issuer_away",
        }
    }
}

/// What is read of a token's header before its signature is known to be good.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
    enc: Option<IgnoredAny>,
    zip: Option<IgnoredAny>,
}

impl Header {
    fn of(token: &str) -> Option<Self> {
        let (header, rest) = token.split_once('.')?;
        let (_, signature) = rest.split_once('.')?;
        if signature.contains('.') {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
    }
}

/// Verifies tokens of one issuer.
#[derive(Debug, Clone)]
pub(crate) struct Verifier {
    policy: TokenPolicy,
    ring: KeyRing,
    clock: SharedClock,
}

/// Asks the issuer for its keys once, for whoever looks over the settings; says how many can verify a token.
///
/// # Errors
/// [`AuthSetupError`], naming the setting, or what is wrong with the issuer's answer.
pub async fn fetch_keys(config: &AuthConfig) -> Result<usize, AuthSetupError> {
    Ok(Issuer::new(&config.key_policy()?)?.keys().await?.len())
}

/// Why no token can be verified.
#[derive(Debug, thiserror::Error)]
pub enum AuthSetupError {
    /// A setting cannot be used.
    #[error(transparent)]
    Setting(#[from] AuthFault),
    /// The issuer cannot be asked.
    #[error(transparent)]
    Issuer(#[from] IssuerSetupError),
    /// The issuer was asked, and its answer is of no use.
    #[error(transparent)]
    Answer(#[from] IssuerError),
}

impl Verifier {
    /// Nothing is fetched yet: the first token asks for the keys.
    pub(crate) fn new(config: &AuthConfig, clock: SharedClock) -> Result<Self, AuthSetupError> {
        let keys = config.key_policy()?;
        let ring = KeyRing::new(Issuer::new(&keys)?, &keys, clock.clone());
        Ok(Self { policy: config.token_policy()?, ring, clock })
    }

    /// Verifies first, reads after: nothing but the header is looked at before the signature is known to be the issuer's.
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Disbelief> {
        if token.len() > LONGEST_TOKEN {
            return Err(Disbelief::Malformed);
        }
        let header = Header::of(token).ok_or(Disbelief::Malformed)?;
        let algorithm = algorithm(&header.alg).filter(|alg| self.policy.algorithms.contains(alg)).ok_or(Disbelief::Algorithm)?;
        if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
            return Err(Disbelief::Critical);
        }
        // Only the id of the key is taken from the header: addresses of keys and keys themselves (jku, x5u, jwk) are not looked at.
        let id = header.kid.as_deref().ok_or(Disbelief::NoKeyId)?;
        let key = self.ring.key(id).await.map_err(|no_key| match no_key {
            NoKey::Unknown => Disbelief::UnknownKey,
            NoKey::IssuerAway => Disbelief::IssuerAway,
        })?;
        let decoding = key.fitting(algorithm).ok_or(Disbelief::Algorithm)?;
        let claims = decode::<Claims>(token, decoding, &signature_only(algorithm)).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature | jsonwebtoken::errors::ErrorKind::Base64(_) => Disbelief::Signature,
            _ => Disbelief::Unreadable,
        })?;
        self.weigh(&claims.claims)
    }

    fn weigh(&self, claims: &Claims) -> Result<Verified, Disbelief> {
        let (now, leeway) = (claims::seconds(self.clock.now()), self.policy.leeway.as_secs_f64());
        let expires = claims::instant(claims, "exp").ok_or(Disbelief::Lacks("exp"))?;
        // RFC 7519 leaves it to the issuer whether there is one.
        let begins = claims.contains_key("nbf").then(|| claims::instant(claims, "nbf").ok_or(Disbelief::Lacks("nbf"))).transpose()?;
        if now >= expires + leeway {
            return Err(Disbelief::Expired);
        }
        if begins.is_some_and(|begins| now < begins - leeway) {
            return Err(Disbelief::NotYet);
        }
        let issuer = claims.get("iss").and_then(|iss| iss.as_str()).ok_or(Disbelief::Lacks("iss"))?;
        if issuer != self.policy.issuer {
            return Err(Disbelief::Issuer);
        }
        let ours =
            |audience: &serde_json::Value| audience.as_str().is_some_and(|audience| self.policy.audience.iter().any(|a| a == audience));
        let audience = claims.get("aud").ok_or(Disbelief::Lacks("aud"))?;
        if !(ours(audience) || audience.as_array().is_some_and(|list| list.iter().any(ours))) {
            return Err(Disbelief::Audience);
        }
        Ok(Verified {
            tenant: claims::tenant(claims, &self.policy.tenant_claim).ok_or(Disbelief::Tenant)?,
            subject: claims.get("sub").and_then(|sub| sub.as_str()).map(str::to_owned),
            scopes: claims::scopes(claims, &self.policy.scope_claim),
        })
    }
}

/// The library verifies the signature and nothing else; see [`claims::instant`] for why.
fn signature_only(algorithm: jsonwebtoken::Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests;
