//! The configuration: every setting, its layers, and the checks that compare settings with each other.
//!
//! `config/default.toml` holds every key with its default; a file is laid over it, environment variables over that.

mod cache;
mod events;
mod http;
mod orders;
mod retention;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::domain::{SourceName, TenantId};
use crate::events::InventoryEventsConfig;
use crate::supplier::SourceConfig;
use crate::topics::RetryConfig;
use crate::words::Words;

pub use cache::{CacheConfig, CacheMode};
pub use events::{EventsConfig, EventsMode};
pub use http::HttpConfig;
pub use orders::OrdersConfig;
pub use retention::RetentionConfig;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The engine.
    pub engine: EngineConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// What holds where processes do not say.
    pub reservations: ReservationsConfig,
    /// The reconciler.
    pub reconciler: ReconcilerConfig,
    /// Copies of recent answers.
    pub cache: CacheConfig,
    /// The events.
    pub events: EventsConfig,
    /// Product events of inventories.
    pub inventory_events: InventoryEventsConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// Health and metrics.
    pub admin: AdminConfig,
    /// The API.
    pub http: HttpConfig,
    /// The processes of orders.
    pub orders: OrdersConfig,
    /// Stopping.
    pub shutdown: ShutdownConfig,
    /// Logging.
    pub log: LogConfig,
    /// The inventories by name.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceConfig>,
}

/// How the engine is reached and polled.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// The root of its REST API.
    pub url: String,
    /// How we show who we are.
    pub auth: EngineAuth,
    /// For `basic`.
    #[serde(default)]
    pub username: String,
    /// For `basic`.
    #[serde(default)]
    pub password: SecretString,
    /// For `oauth2`.
    #[serde(default)]
    pub token_url: String,
    /// For `oauth2`.
    #[serde(default)]
    pub client_id: String,
    /// For `oauth2`.
    #[serde(default)]
    pub client_secret: SecretString,
    /// For `oauth2`.
    #[serde(default)]
    pub scope: Option<String>,
    /// For `oauth2`.
    #[serde(default)]
    pub audience: Option<String>,
    /// The tenants that are served; empty for all.
    pub tenants: Words,
    /// How long a fetched task is locked, 1 s to 30 min.
    pub lock_duration_ms: u64,
    /// How long a poll is parked, at most 30 s.
    pub long_poll_ms: u64,
    /// Tasks in flight that start something.
    pub permits_starts: usize,
    /// Tasks in flight that end something.
    pub permits_ends: usize,
    /// The oldest task first.
    pub oldest_first: bool,
    /// The highest priority first.
    pub by_priority: bool,
    /// Retries where the model has none.
    pub retry: String,
}

/// How we show the engine who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineAuth {
    /// Not at all.
    None,
    /// User name and password.
    Basic,
    /// A token of an identity provider.
    OAuth2,
}

/// How the database is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The runtime role's URL.
    pub url: SecretString,
    /// The owner's URL, for migrations.
    pub owner_url: SecretString,
    /// The most connections.
    pub max_connections: u32,
    /// How long to wait for one.
    pub acquire_timeout_ms: u64,
}

/// What holds where processes do not say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservationsConfig {
    /// The inventory; empty for none.
    pub default_source: String,
    /// The tenant; empty for none.
    pub default_tenant: String,
    /// How long to hold.
    pub hold_for_s: i64,
}

/// How often the reconciler looks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconcilerConfig {
    /// Between two looks for due rows.
    pub period_ms: u64,
    /// Rows at once.
    pub batch: i64,
}

/// Where health and metrics are served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// Address and port; empty for none.
    pub listen: String,
}

/// How stopping goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownConfig {
    /// How long work in flight may go on.
    pub limit_ms: u64,
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A level or a filter.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// For people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable cannot be read, has an unknown key or a wrong type.
    #[error("the configuration{} cannot be read", .file.as_ref().map(|f| format!(" (with {})", f.display())).unwrap_or_default())]
    Unreadable {
        /// The file that was laid over the defaults.
        file: Option<PathBuf>,
        /// What is wrong.
        #[source]
        source: Box<config::ConfigError>,
    },
    /// A setting that can be read, but not used.
    #[error("setting `{key}` {must}")]
    Bad {
        /// Which one.
        key: String,
        /// What it must be, beginning with "must".
        must: String,
    },
}

impl Config {
    /// Reads the defaults, lays a file over them, and the environment over that.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key and what it must be.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: file.map(Path::to_owned), source: Box::new(source) };
        let mut layers = config::Config::builder().add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
        if let Some(file) = file {
            layers = layers.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        // Values stay texts until they are read: a password such as 007 is not a number.
        let environment = config::Environment::with_prefix("HOLDFAST").prefix_separator("__").separator("__");
        let config: Self = layers.add_source(environment).build().and_then(config::Config::try_deserialize).map_err(unreadable)?;
        config.validate()?;
        Ok(config)
    }

    /// The tenants that are served; empty for all.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] for a tenant that is no UUID.
    pub fn tenants(&self) -> Result<Vec<TenantId>, ConfigError> {
        let tenant = |word: &String| TenantId::parse(word).map_err(|must| bad("engine.tenants", must));
        self.engine.tenants.0.iter().map(tenant).collect()
    }

    /// How often and how soon a task is offered again when nothing was sent.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] for a text that is no retry configuration.
    pub fn retry(&self) -> Result<RetryConfig, ConfigError> {
        RetryConfig::parse(&self.engine.retry).map_err(|error| bad("engine.retry", format!("must be a retry configuration: {error}")))
    }

    /// The inventory of processes that name none.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] for a name that is none, or that is not configured.
    pub fn default_source(&self) -> Result<Option<SourceName>, ConfigError> {
        match self.reservations.default_source.as_str() {
            // With a single inventory there is nothing to choose.
            "" => match self.sources.keys().collect::<Vec<_>>().as_slice() {
                [only] => SourceName::parse(only).map(Some).map_err(|must| bad("sources", must)),
                _ => Ok(None),
            },
            name if self.sources.contains_key(name) => {
                SourceName::parse(name).map(Some).map_err(|must| bad("reservations.default_source", must))
            }
            name => {
                let known = self.sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                Err(bad("reservations.default_source", format!("must be one of the configured sources ({known}), it is `{name}`")))
            }
        }
    }

    /// Checks each setting, and compares them with each other.
    fn validate(&self) -> Result<(), ConfigError> {
        self.tenants()?;
        self.default_source()?;
        if !self.reservations.default_tenant.is_empty() {
            TenantId::parse(&self.reservations.default_tenant).map_err(|must| bad("reservations.default_tenant", must))?;
        }
        self.retry()?;
        let engine = &self.engine;
        for (key, url) in [("engine.url", &engine.url), ("engine.token_url", &engine.token_url)] {
            let authority = url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or("");
            require(
                !authority.contains('@'),
                key,
                "must not carry a user or a password, because it is logged: set engine.auth and its credentials",
            )?;
        }
        require((1_000..=1_800_000).contains(&engine.lock_duration_ms), "engine.lock_duration_ms", "must be 1000 to 1800000")?;
        require(
            (100..=30_000).contains(&engine.long_poll_ms),
            "engine.long_poll_ms",
            "must be 100 to 30000: tasks that a human retries wait so long",
        )?;
        require(
            engine.long_poll_ms < self.shutdown.limit_ms,
            "shutdown.limit_ms",
            "must be more than engine.long_poll_ms: a parked poll is waited out",
        )?;
        require((1..=1_000).contains(&engine.permits_starts), "engine.permits_starts", "must be 1 to 1000")?;
        require((1..=1_000).contains(&engine.permits_ends), "engine.permits_ends", "must be 1 to 1000")?;
        require(
            self.database.max_connections >= 4,
            "database.max_connections",
            "must be at least 4: claims, settlements, loops and one to spare",
        )?;
        require((1..=10 * 31_536_000).contains(&self.reservations.hold_for_s), "reservations.hold_for_s", "must be 1 second to ten years")?;
        require(self.reconciler.period_ms >= 50, "reconciler.period_ms", "must be at least 50")?;
        require((1..=1_000).contains(&self.reconciler.batch), "reconciler.batch", "must be 1 to 1000")?;
        self.cache.validate()?;
        self.http.validate()?;
        self.orders.validate()?;
        self.events.validate()?;
        self.inventory_events.validate().map_err(|(key, must)| bad(&key, must))?;
        if self.inventory_events.consume {
            self.events.kafka.check().map_err(|(key, must)| bad(&format!("events.kafka.{key}"), must))?;
        }
        self.retention.validate()?;
        match engine.auth {
            EngineAuth::None => Ok(()),
            EngineAuth::Basic => require(!engine.username.is_empty(), "engine.username", "must be set for auth = \"basic\""),
            EngineAuth::OAuth2 => {
                require(!engine.token_url.is_empty(), "engine.token_url", "must be set for auth = \"oauth2\"")?;
                require(!engine.client_id.is_empty(), "engine.client_id", "must be set for auth = \"oauth2\"")?;
                require(
                    !engine.client_secret.expose_secret().is_empty(),
                    "engine.client_secret",
                    "must be set for auth = \"oauth2\" (by environment)",
                )
            }
        }
    }
}

fn bad(key: &str, must: impl std::fmt::Display) -> ConfigError {
    ConfigError::Bad { key: key.to_owned(), must: must.to_string() }
}

fn require(holds: bool, key: &str, must: &str) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(bad(key, must)) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn with(toml: &str) -> Result<Config, ConfigError> {
        let file = std::env::temp_dir().join(format!("holdfast-config-{}", uuid::Uuid::new_v4()));
        std::fs::write(&file, toml).unwrap();
        let config = Config::load(Some(&file));
        std::fs::remove_file(&file).unwrap();
        config
    }

    #[test]
    fn the_defaults_are_a_configuration() {
        assert_eq!(Config::load(None).unwrap().engine.lock_duration_ms, 60_000);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = with("[engine]\nlok_duration_ms = 1").unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("lok_duration_ms"));
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused_with_a_sentence() {
        let error = with("[shutdown]\nlimit_ms = 500").unwrap_err().to_string();
        assert_eq!(error, "setting `shutdown.limit_ms` must be more than engine.long_poll_ms: a parked poll is waited out");
        assert!(with("[engine]\nretry = 'often'").unwrap_err().to_string().contains("engine.retry"));
        assert!(with("[engine]\nauth = 'basic'").unwrap_err().to_string().contains("engine.username"));
        assert!(with("[reservations]\ndefault_source = 'nowhere'").unwrap_err().to_string().contains("nowhere"));
    }

    #[test]
    fn secrets_do_not_show() {
        let config = with("[database]\nurl = 'postgres://a:s3cr3t@h/d'").unwrap();
        assert!(!format!("{config:?}").contains("s3cr3t"));
        let error = with("[engine]\nurl = 'https://a:s3cr3t@h/engine-rest'").unwrap_err().to_string();
        assert!(error.contains("engine.url") && !error.contains("s3cr3t"), "{error}");
        assert!(with("[engine]\nurl = 'https://h/engine-rest?by=a@b'").is_ok());
    }
}
