//! Where the engine is and how long we wait for it.

use std::time::Duration;

use reqwest::Url;

use super::auth::Credentials;

/// Everything that [`EngineClient::new`](super::EngineClient::new) needs to know.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The root of the REST API, such as `http://engine:8080/engine-rest`; append `/engine/<name>` for a named engine.
    pub base_url: Url,
    /// How we show who we are.
    pub credentials: Credentials,
    /// Certificates in PEM that are trusted beside the system's, for an engine behind a company's own authority.
    pub extra_root_certificates: Vec<Vec<u8>>,
    /// The longest a connection may take to come about.
    pub connect_timeout: Duration,
    /// The longest any call may take, but a long poll.
    pub call_timeout: Duration,
    /// How much longer than its own time we wait for a long poll, before the connection counts as dead.
    pub long_poll_margin: Duration,
    /// How long an idle connection is kept. Shorter than the engine's own keep-alive (Tomcat: 20 s), so that a
    /// request is rarely written to a connection that is about to close.
    pub idle_timeout: Duration,
    /// The largest answer that is read.
    pub most_response_bytes: usize,
}

impl EngineSettings {
    /// An engine without authentication, with the usual times.
    #[must_use]
    pub fn new(base_url: Url) -> Self {
        Self {
            base_url,
            credentials: Credentials::None,
            extra_root_certificates: Vec::new(),
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(10),
            long_poll_margin: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(10),
            most_response_bytes: 64 * 1024 * 1024,
        }
    }

    /// The same engine, with credentials.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Whether neither the engine nor its identity provider is reached over TLS.
    pub(super) fn needs_no_tls(&self) -> bool {
        let token_url = match &self.credentials {
            Credentials::ClientCredentials(grant) => Some(&grant.token_url),
            Credentials::None | Credentials::Basic { .. } => None,
        };
        [Some(&self.base_url), token_url].into_iter().flatten().all(|url| url.scheme() == "http")
    }
}
