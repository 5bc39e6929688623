//! Showing the engine who we are: nothing, Basic, or `OAuth2` client credentials.
//!
//! Credentials are put on when a request is sent, never when it is built. A token is renewed before it runs
//! out, by one caller at a time; while the old one is still good, nobody waits for that.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use metrics::counter;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::text;
use crate::chain::chain;
use crate::clock::SharedClock;
use crate::metrics::ENGINE_TOKEN_REQUESTS;

/// The longest before its end that a token is renewed.
const MOST_MARGIN: Duration = Duration::from_secs(30);
/// How long a token counts as good if the identity provider does not say.
const UNSTATED_LIFE: Duration = Duration::from_secs(300);
/// The largest answer to a token request that is read.
const MOST_TOKEN_BYTES: usize = 64 * 1024;
/// How long a failed renewal is not tried again while the old token is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(2);

/// How we show the engine who we are.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Not at all.
    None,
    /// User name and password with every request.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A bearer token of an identity provider.
    ClientCredentials(ClientCredentials),
}

/// The `OAuth2` client-credentials grant (RFC 6749, section 4.4).
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The identity provider's token endpoint.
    pub token_url: Url,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretString,
    /// The scope to ask for, if the provider wants one.
    pub scope: Option<String>,
    /// The audience to ask for, if the provider wants one.
    pub audience: Option<String>,
    /// Where the secret goes.
    pub secret_placement: SecretPlacement,
    /// The longest a token request may take.
    pub timeout: Duration,
}

/// Where the client secret goes in a token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecretPlacement {
    /// In an `Authorization: Basic` header, which every provider must accept.
    #[default]
    Header,
    /// In the form, for providers that want it there.
    Form,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("ask the identity provider for a token")]
    Network(#[source] reqwest::Error),
    #[error("ask the identity provider for a token: it answered {status}: {excerpt}")]
    Status { status: u16, excerpt: String },
    #[error("read the identity provider's token: the answer is larger than {MOST_TOKEN_BYTES} bytes")]
    TooLarge,
    #[error("read the identity provider's token")]
    Unreadable(#[source] serde_json::Error),
    #[error("use the identity provider's token: it is not fit for a header")]
    NotAHeader,
}

impl TokenError {
    /// The status with which the provider refuses us for good, if it does.
    pub(super) fn refused_with(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } if (400..500).contains(status) && !matches!(status, 408 | 429) => Some(*status),
            Self::Status { .. } | Self::TooLarge | Self::Network(_) | Self::Unreadable(_) | Self::NotAHeader => None,
        }
    }
}

/// Puts credentials on requests.
#[derive(Debug)]
pub(super) struct Authenticator {
    scheme: Scheme,
    clock: SharedClock,
}

#[derive(Debug)]
enum Scheme {
    None,
    Basic(HeaderValue),
    Bearer(Box<TokenSource>),
}

#[derive(Debug)]
struct TokenSource {
    grant: ClientCredentials,
    current: RwLock<Option<Token>>,
    /// Held by the one caller that is asking the provider.
    renewal: Mutex<()>,
}

#[derive(Debug, Clone)]
struct Token {
    header: HeaderValue,
    renew_at: Instant,
    expires_at: Instant,
}

#[derive(Deserialize)]
struct TokenDto {
    access_token: SecretString,
    expires_in: Option<f64>,
}

impl Authenticator {
    pub(super) fn new(credentials: Credentials, clock: SharedClock) -> Result<Self, TokenError> {
        let scheme = match credentials {
            Credentials::None => Scheme::None,
            Credentials::Basic { username, password } => Scheme::Basic(basic(&username, password.expose_secret())?),
            Credentials::ClientCredentials(grant) => {
                Scheme::Bearer(Box::new(TokenSource { grant, current: RwLock::new(None), renewal: Mutex::new(()) }))
            }
        };
        Ok(Self { scheme, clock })
    }

    /// The header for a request that is about to be sent.
    pub(super) async fn header(&self, http: &reqwest::Client) -> Result<Option<HeaderValue>, TokenError> {
        match &self.scheme {
            Scheme::None => Ok(None),
            Scheme::Basic(header) => Ok(Some(header.clone())),
            Scheme::Bearer(source) => source.header(http, &self.clock).await.map(Some),
        }
    }

    /// Another header after the engine answered 401 to `rejected`, if there can be one.
    pub(super) async fn header_after_401(
        &self,
        http: &reqwest::Client,
        rejected: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, TokenError> {
        match &self.scheme {
            Scheme::None | Scheme::Basic(_) => Ok(None),
            Scheme::Bearer(source) => source.replace(http, &self.clock, rejected).await.map(Some),
        }
    }
}

impl TokenSource {
    async fn header(&self, http: &reqwest::Client, clock: &SharedClock) -> Result<HeaderValue, TokenError> {
        let now = clock.instant();
        let Some(token) = self.current().filter(|token| now < token.expires_at) else {
            let _one_at_a_time = self.renewal.lock().await;
            return match self.current().filter(|token| clock.instant() < token.expires_at) {
                Some(token) => Ok(token.header),
                None => self.renew(http, clock).await,
            };
        };
        if now < token.renew_at {
            return Ok(token.header);
        }
        let Ok(_one_at_a_time) = self.renewal.try_lock() else { return Ok(token.header) };
        match self.renew(http, clock).await {
            Ok(header) => Ok(header),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the engine token could not be renewed yet; the old one is still good");
                let renew_at = clock.instant() + RENEWAL_PAUSE;
                self.store(Token { renew_at, ..token.clone() });
                Ok(token.header)
            }
        }
    }

    async fn replace(
        &self,
        http: &reqwest::Client,
        clock: &SharedClock,
        rejected: Option<&HeaderValue>,
    ) -> Result<HeaderValue, TokenError> {
        let _one_at_a_time = self.renewal.lock().await;
        // Somebody else may have replaced it while this caller waited.
        match self.current() {
            Some(token) if Some(&token.header) != rejected => Ok(token.header),
            _ => self.renew(http, clock).await,
        }
    }

    async fn renew(&self, http: &reqwest::Client, clock: &SharedClock) -> Result<HeaderValue, TokenError> {
        let renewed = self.ask(http, clock).await;
        let outcome = if renewed.is_ok() { "ok" } else { "error" };
        counter!(ENGINE_TOKEN_REQUESTS, "outcome" => outcome).increment(1);
        let token = renewed?;
        self.store(token.clone());
        Ok(token.header)
    }

    async fn ask(&self, http: &reqwest::Client, clock: &SharedClock) -> Result<Token, TokenError> {
        let grant = &self.grant;
        let secret = grant.client_secret.expose_secret();
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(grant.scope.as_deref().map(|scope| ("scope", scope)));
        form.extend(grant.audience.as_deref().map(|audience| ("audience", audience)));
        let mut request = http.post(grant.token_url.clone()).timeout(grant.timeout);
        match grant.secret_placement {
            SecretPlacement::Header => {
                // RFC 6749, section 2.3.1: both are form-encoded before they become user name and password.
                request = request.header(AUTHORIZATION, basic(&form_encoded(&grant.client_id), &form_encoded(secret))?);
            }
            SecretPlacement::Form => form.extend([("client_id", grant.client_id.as_str()), ("client_secret", secret)]),
        }
        // Counted from before the request: the token cannot be older than that.
        let asked_at = clock.instant();
        let mut answer = request.form(&form).send().await.map_err(TokenError::Network)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(TokenError::Network)? {
            if body.len() + chunk.len() > MOST_TOKEN_BYTES {
                return Err(TokenError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            // A provider may quote what it was sent.
            let quoted = redacted(&String::from_utf8_lossy(&body), secret);
            return Err(TokenError::Status { status: status.as_u16(), excerpt: text::excerpt(quoted.as_bytes(), 200) });
        }
        let dto: TokenDto = serde_json::from_slice(&body).map_err(TokenError::Unreadable)?;
        let life = dto.expires_in.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(UNSTATED_LIFE);
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", dto.access_token.expose_secret())).map_err(|_| TokenError::NotAHeader)?;
        header.set_sensitive(true);
        Ok(Token { header, renew_at: asked_at + life - MOST_MARGIN.min(life / 5), expires_at: asked_at + life })
    }

    fn current(&self) -> Option<Token> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn store(&self, token: Token) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }
}

fn basic(username: &str, password: &str) -> Result<HeaderValue, TokenError> {
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).map_err(|_| TokenError::NotAHeader)?;
    header.set_sensitive(true);
    Ok(header)
}

/// A text without a secret, as it is and in both ways in which a form may have it.
fn redacted(text: &str, secret: &str) -> String {
    let encoded = form_encoded(secret);
    let ways = [secret.to_owned(), encoded.replace("%20", "+"), encoded];
    ways.iter().filter(|way| !way.is_empty()).fold(text.to_owned(), |text, way| text.replace(way, "[redacted]"))
}

/// `application/x-www-form-urlencoded`, strict: everything but letters, digits and `-._` becomes an escape.
fn form_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_show_in_debug_output() {
        let credentials = Credentials::Basic { username: "demo".into(), password: "hunter2".into() };
        let authenticator = Authenticator::new(credentials.clone(), crate::clock::SystemClock::shared()).unwrap();
        let shown = format!("{credentials:?} {authenticator:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(&STANDARD.encode("demo:hunter2")), "{shown}");
    }

    #[test]
    fn a_secret_with_any_character_survives_the_form_encoding() {
        assert_eq!(form_encoded("a b:c%ü-._~"), "a%20b%3Ac%25%C3%BC-._%7E");
    }

    #[test]
    fn only_a_clear_refusal_of_the_provider_is_final() {
        let status = |status| TokenError::Status { status, excerpt: String::new() }.refused_with();
        assert_eq!(status(401), Some(401));
        assert_eq!((status(429), status(503)), (None, None));
    }
}
