//! What a command needs to read what is on record, or to act on it: under a session of its own, like any boot of the daemon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::app::{AppError, engine_settings};
use crate::cli::error::CliError;
use crate::cli::output::complain;
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::domain::TenantId;
use crate::engine::EngineClient;
use crate::operations::{Operations, new_session};
use crate::ops::heartbeat;
use crate::shutdown::Shutdown;
use crate::store::{SessionLease, Store, StoreOptions};
use crate::supplier::Suppliers;

/// The rooms of the daemon, opened for one command.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) operations: Operations,
    pub(crate) engine: EngineClient,
    pub(crate) clock: SharedClock,
    /// The name under which this command appears in timelines and at the engine.
    pub(crate) worker_id: String,
    shutdown: Shutdown,
    beating: Option<JoinHandle<()>>,
}

impl Session {
    /// For a command that changes nothing: it has no lease, so that nothing can be sent.
    pub(crate) async fn reading(config: Config) -> Result<Self, CliError> {
        Self::open(config, false).await
    }

    /// For a command that acts: its session is on record, and its lease is renewed until the command is done.
    pub(crate) async fn acting(config: Config) -> Result<Self, CliError> {
        Self::open(config, true).await
    }

    async fn open(config: Config, acts: bool) -> Result<Self, CliError> {
        let clock: SharedClock = SystemClock::shared();
        let suppliers = Arc::new(Suppliers::build(&config.sources).map_err(AppError::from)?);
        let engine = EngineClient::new(engine_settings(&config.engine)?, Arc::clone(&clock))?;
        let store = open_store(&config, 4).await?;
        let worker_id = format!("holdfast-cli/{}", store.session());
        let lease = if acts {
            store.open_session(&worker_id, "command line", env!("CARGO_PKG_VERSION")).await?
        } else {
            SessionLease::starting(Instant::now())
        };
        let operations = Operations::new(store.clone(), suppliers, Arc::clone(&clock), Arc::new(lease), &worker_id);
        let shutdown = Shutdown::new();
        let beating = acts.then(|| {
            let (operations, shutdown) = (operations.clone(), shutdown.clone());
            tokio::spawn(async move {
                if heartbeat(&operations, &shutdown).await.is_err() {
                    complain("this command's session ran out (was it paused?): nothing more is sent; run it again");
                }
            })
        });
        Ok(Self { config, store, operations, engine, clock, worker_id, shutdown, beating })
    }

    /// The tenants that the command is about: the one that was named, else those of the configuration, else all.
    pub(crate) fn tenants(&self, named: Option<&str>) -> Result<Vec<TenantId>, CliError> {
        match named {
            Some(text) => Ok(vec![tenant(text)?]),
            None => Ok(self.config.tenants()?),
        }
    }

    /// Says goodbye: whatever was claimed and not settled is the daemon's to find out.
    pub(crate) async fn close(self) -> Result<(), CliError> {
        self.shutdown.request_hard();
        if let Some(beating) = self.beating {
            drop(beating.await);
            self.store.end_session().await?;
        }
        self.store.close().await;
        Ok(())
    }
}

/// Opens the database under a new session, with at most so many connections.
pub(crate) async fn open_store(config: &Config, most: u32) -> Result<Store, CliError> {
    use secrecy::ExposeSecret as _;
    if config.database.url.expose_secret().is_empty() {
        return Err(CliError::Said("setting `database.url` must be set (HOLDFAST__DATABASE__URL)".to_owned()));
    }
    let options = StoreOptions {
        url: config.database.url.clone(),
        max_connections: most,
        acquire_timeout: Duration::from_millis(config.database.acquire_timeout_ms),
        session: new_session(),
    };
    Ok(Store::connect(&options).await?)
}

/// The tenant that a command line names.
pub(crate) fn tenant(text: &str) -> Result<TenantId, CliError> {
    TenantId::parse(text).map_err(|must| CliError::Said(format!("--tenant {must}, it is `{text}`")))
}
