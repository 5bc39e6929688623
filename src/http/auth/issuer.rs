//! Asks the issuer for its keys: one address from the configuration, no redirect, a bound on time and size.

use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Certificate, Client, Url};

use super::keys::Keys;
use super::settings::KeyPolicy;
use crate::cryptography;

/// No issuer's set is larger.
const MOST_BYTES: usize = 256 * 1024;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// No answer.
    #[error("ask the issuer for its keys")]
    Network(#[source] reqwest::Error),
    /// Another answer than 200.
    #[error("ask the issuer for its keys: it answered {0}")]
    Status(u16),
    /// An answer that is no set of keys, by its size.
    #[error("read the issuer's keys: they are more than {MOST_BYTES} bytes")]
    TooLarge,
    /// An answer that is no set of keys.
    #[error("read the issuer's keys: this is no JSON Web Key Set")]
    Unreadable(#[source] serde_json::Error),
    /// A set without a key that is of use here.
    #[error("read the issuer's keys: none of them can verify a signature")]
    Empty,
}

/// Why the issuer cannot even be asked.
#[derive(Debug, thiserror::Error)]
pub enum IssuerSetupError {
    /// The CA file cannot be read, or holds no certificate.
    #[error("setting `http.auth.ca_file` must be a readable file of PEM certificates, {} is none", .0.display())]
    Certificates(std::path::PathBuf),
    /// The HTTP client cannot be built.
    #[error("the HTTP client for the issuer's keys cannot be built")]
    Client(#[source] reqwest::Error),
}

/// The issuer, as far as its keys go.
#[derive(Debug)]
pub(super) struct Issuer {
    http: Client,
    url: Url,
}

impl Issuer {
    pub(super) fn new(policy: &KeyPolicy) -> Result<Self, IssuerSetupError> {
        cryptography::install();
        let mut builder = Client::builder()
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
            // Keys come from the configured address and from nowhere that it may point to.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .timeout(policy.timeout)
            .pool_idle_timeout(Duration::from_secs(5));
        builder = match &policy.ca_file {
            _ if policy.url.scheme() == "http" => builder.tls_certs_only([]),
            Some(path) => {
                let found = std::fs::read(path).ok().and_then(|pem| Certificate::from_pem_bundle(&pem).ok()).unwrap_or_default();
                if found.is_empty() {
                    return Err(IssuerSetupError::Certificates(path.clone()));
                }
                builder.tls_certs_merge(found)
            }
            None => builder,
        };
        Ok(Self { http: builder.build().map_err(IssuerSetupError::Client)?, url: policy.url.clone() })
    }

    /// Asks once.
    pub(super) async fn keys(&self) -> Result<Keys, IssuerError> {
        let request = self.http.get(self.url.clone()).header(ACCEPT, "application/jwk-set+json, application/json");
        let mut answer = request.send().await.map_err(IssuerError::Network)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(IssuerError::Status(answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(IssuerError::Network)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(IssuerError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let keys = Keys::parse(&body).map_err(IssuerError::Unreadable)?;
        if keys.len() == 0 { Err(IssuerError::Empty) } else { Ok(keys) }
    }
}
