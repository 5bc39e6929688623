//! The API's section.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, bad, require};
use crate::http::{AuthConfig, AuthMode, HttpSettings};

/// Where and how the API is served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; empty for none.
    pub listen: String,
    /// How callers are told apart.
    pub auth: AuthConfig,
    /// Requests that are worked on at once.
    pub max_in_flight: usize,
    /// Connections to the database for requests.
    pub database_connections: u32,
    /// Callers that may be connected at once.
    pub max_connections: usize,
    /// How long a request may take.
    pub request_timeout_ms: u64,
    /// The largest body.
    pub max_body_bytes: usize,
}

impl HttpConfig {
    /// The settings, if there is to be an API. The default inventory is not among them: it is in another section.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] for an address that is none.
    pub fn settings(&self) -> Result<Option<HttpSettings>, ConfigError> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let must = "must be empty, or an address and a port such as 127.0.0.1:8081";
        Ok(Some(HttpSettings {
            listen: self.listen.parse::<SocketAddr>().map_err(|_| bad("http.listen", must))?,
            max_in_flight: self.max_in_flight,
            database_connections: self.database_connections,
            max_connections: self.max_connections,
            request_timeout: Duration::from_millis(self.request_timeout_ms),
            max_body_bytes: self.max_body_bytes,
            default_source: None,
        }))
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if let Some(settings) = self.settings()? {
            require(
                self.auth.mode != AuthMode::None || settings.listen.ip().is_loopback(),
                "http.listen",
                "must be an address of this machine alone, such as 127.0.0.1:8081, while http.auth.mode is \"none\": nobody is asked who they are",
            )?;
        }
        self.auth.validate().map_err(|fault| bad(&format!("http.auth.{}", fault.key), fault.must))?;
        require((1..=100_000).contains(&self.max_in_flight), "http.max_in_flight", "must be 1 to 100000")?;
        require((1..=1_000).contains(&self.database_connections), "http.database_connections", "must be 1 to 1000")?;
        require((1..=100_000).contains(&self.max_connections), "http.max_connections", "must be 1 to 100000")?;
        require((100..=300_000).contains(&self.request_timeout_ms), "http.request_timeout_ms", "must be 100 to 300000")?;
        require((1_024..=16_777_216).contains(&self.max_body_bytes), "http.max_body_bytes", "must be 1024 to 16777216")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(listen: &str) -> HttpConfig {
        let mut config = crate::config::Config::load(None).unwrap().http;
        listen.clone_into(&mut config.listen);
        config
    }

    #[test]
    fn without_authentication_the_api_is_served_to_this_machine_alone() {
        for listen in ["", "127.0.0.1:8081", "[::1]:8080", "127.8.8.8:0"] {
            with(listen).validate().unwrap();
        }
        for listen in ["0.0.0.0:8080", "10.0.0.1:8080", "[::]:8080"] {
            let error = with(listen).validate().unwrap_err().to_string();
            assert!(error.contains("http.listen") && error.contains("this machine alone"), "{error}");
        }
        assert!(with("localhost").validate().unwrap_err().to_string().contains("127.0.0.1:8081"));
    }
}
