//! The HTTP client of one source: one attempt per call, no redirect, no proxy from the environment, TLS by rustls.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Url};
use secrecy::{ExposeSecret, SecretString};

use crate::cryptography;

/// How a source is reached.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Where its API begins; a path is kept, a trailing slash does not matter.
    pub(crate) base_url: String,
    /// Who we are there.
    pub(crate) credentials: Credentials,
    /// Certificates to trust beside the system's, as PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// How long connecting may take, name resolution and TLS included.
    pub(crate) connect_timeout: Duration,
    /// How long an idle connection is kept.
    ///
    /// Short on purpose: a server that closes a connection just as the next request goes out on it leaves an outcome that is
    /// honestly unknown, so it is better that this side closes first.
    pub(crate) idle_timeout: Duration,
}

/// Who we are to a source.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// Nobody.
    None,
    /// HTTP Basic.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// A bearer token.
    Bearer(SecretString),
    /// A header of its own, such as an API key.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: SecretString,
    },
}

/// Why a source has no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not a usable address.
    #[error("base_url must be an http:// or https:// address without user, query and fragment")]
    BadUrl,
    /// The CA file cannot be read.
    #[error("ca_file {} cannot be read", path.display())]
    CaUnreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The CA file has no certificate in it.
    #[error("ca_file {} has no PEM certificate", path.display())]
    CaEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The header cannot be sent.
    #[error("auth cannot be sent: the header's name must be a header name, its value printable ASCII")]
    BadCredentials,
    /// The client cannot be built.
    #[error("the HTTP client cannot be built")]
    Build(#[source] reqwest::Error),
}

/// A client with what every request of its source carries.
#[derive(Debug)]
pub(super) struct SourceClient {
    pub(super) client: Client,
    pub(super) base: String,
    /// Every text that must not be written down, longest first.
    pub(super) secrets: Vec<SecretString>,
}

/// Builds the client of one source.
pub(super) fn build(connection: &Connection) -> Result<SourceClient, ClientError> {
    let base = base_url(&connection.base_url)?;
    let (header, secrets) = authorization(&connection.credentials)?;
    cryptography::install();
    let mut builder = Client::builder()
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .default_headers(header)
        // HTTP/2 would send the head of a request ahead of its body, and the body is what watches the clock (fence.rs).
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(connection.connect_timeout)
        .pool_idle_timeout(connection.idle_timeout)
        .tcp_nodelay(true);
    builder = match &connection.ca_file {
        // Without TLS no certificate is ever looked at, so that a machine without any can do this too.
        _ if base.starts_with("http://") => builder.tls_certs_only([]),
        Some(path) => builder.tls_certs_merge(certificates(path)?),
        None => builder,
    };
    Ok(SourceClient { client: builder.build().map_err(ClientError::Build)?, base, secrets })
}

fn base_url(text: &str) -> Result<String, ClientError> {
    let url = Url::parse(text.trim()).map_err(|_| ClientError::BadUrl)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(ClientError::BadUrl);
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn certificates(path: &PathBuf) -> Result<Vec<Certificate>, ClientError> {
    let pem = std::fs::read(path).map_err(|source| ClientError::CaUnreadable { path: path.clone(), source })?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() { Err(ClientError::CaEmpty { path: path.clone() }) } else { Ok(found) }
}

fn authorization(credentials: &Credentials) -> Result<(HeaderMap, Vec<SecretString>), ClientError> {
    let (name, value, secrets) = match credentials {
        Credentials::None => return Ok((HeaderMap::new(), Vec::new())),
        Credentials::Basic { username, password } => {
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{}", password.expose_secret()));
            (AUTHORIZATION, format!("Basic {pair}"), vec![SecretString::from(pair), password.clone()])
        }
        Credentials::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.expose_secret()), vec![token.clone()]),
        Credentials::Header { name, value } => {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ClientError::BadCredentials)?;
            (name, value.expose_secret().to_owned(), vec![value.clone()])
        }
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| ClientError::BadCredentials)?;
    value.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(name, value);
    Ok((headers, secrets))
}
