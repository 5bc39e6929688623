//! The client itself: its connections, its credentials, its times.

use std::sync::Arc;

use reqwest::redirect;

use super::auth::Authenticator;
use super::error::EngineError;
use super::parked::ParkedTasks;
use super::settings::EngineSettings;
use crate::clock::SharedClock;
use crate::cryptography;

/// A client of one engine; cheap to clone, one connection pool.
#[derive(Debug, Clone)]
pub struct EngineClient {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    pub(super) auth: Authenticator,
    pub(super) settings: EngineSettings,
    pub(super) clock: SharedClock,
    pub(super) parked: ParkedTasks,
}

impl EngineClient {
    /// A client that speaks to the engine of these settings. Nothing is sent yet.
    ///
    /// # Errors
    /// When the settings cannot work: an address that is no base for others, a certificate that is not PEM,
    /// credentials that do not fit into a header.
    pub fn new(settings: EngineSettings, clock: SharedClock) -> Result<Self, EngineError> {
        const DOING: &str = "set up the engine client";
        let unwritable = |source: Box<dyn std::error::Error + Send + Sync>| EngineError::Unwritable { doing: DOING, source };
        if settings.base_url.cannot_be_a_base() {
            return Err(unwritable("the engine's address must look like http://host:port/engine-rest".into()));
        }
        let http = connections(&settings).map_err(|error| unwritable(Box::new(error)))?;
        let auth = Authenticator::new(settings.credentials.clone(), Arc::clone(&clock)).map_err(|error| unwritable(Box::new(error)))?;
        Ok(Self { inner: Arc::new(Inner { http, auth, settings, clock, parked: ParkedTasks::default() }) })
    }

    /// The clock that this client counts locks and tokens by.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }
}

fn connections(settings: &EngineSettings) -> Result<reqwest::Client, reqwest::Error> {
    cryptography::install();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        // A redirect would carry credentials elsewhere, and a log-in page would pass for an answer.
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.idle_timeout)
        .tcp_keepalive(std::time::Duration::from_secs(15))
        .tcp_nodelay(true);
    let roots = settings.extra_root_certificates.iter().map(|pem| reqwest::Certificate::from_pem(pem));
    let roots = roots.collect::<Result<Vec<_>, _>>()?;
    builder = if settings.needs_no_tls() {
        // Without this an image that has no certificates could not even speak plain HTTP.
        builder.tls_certs_only([])
    } else {
        builder.tls_certs_merge(roots)
    };
    builder.build()
}
