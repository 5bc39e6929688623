//! The daemon: the release binary as a child, with the settings as shipped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::Failure;
use crate::database::Database;
use crate::inventory::Inventory;
use crate::orders::{Engine, Tenant};

/// What cargo has built for this benchmark.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_holdfast");
/// Between the log line that it runs and the moment when both of its polls are parked and its loops have gone round.
const SETTLING: Duration = Duration::from_millis(700);

/// Starts daemons.
pub(crate) struct Daemons {
    folder: PathBuf,
    config: PathBuf,
    database_url: String,
    started: AtomicUsize,
}

/// A running daemon; dropping it kills it.
pub(crate) struct Daemon {
    pub(crate) pid: u32,
    child: Child,
    log: PathBuf,
}

impl Daemons {
    pub(crate) fn new(folder: &Path, engine: &Engine, database: &Database, inventory: &Inventory) -> Result<Self, Failure> {
        let config = folder.join("holdfast.toml");
        // Addresses only; everything else is as shipped.
        let text = format!(
            "[engine]\nurl = \"{}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n[sources.main]\nadapter = \"http\"\nprofile = \"plain\"\nbase_url = \"{}\"\n",
            engine.url, inventory.url
        );
        std::fs::write(&config, text)?;
        Ok(Self { folder: folder.to_owned(), config, database_url: database.url.clone(), started: AtomicUsize::new(0) })
    }

    /// Starts a daemon for one tenant and waits until it polls.
    pub(crate) async fn start(&self, tenant: &Tenant, log_level: &str) -> Result<Daemon, Failure> {
        self.start_with(tenant, log_level, &[]).await
    }

    /// The same, with these settings as environment variables.
    pub(crate) async fn start_with(&self, tenant: &Tenant, log_level: &str, settings: &[(&str, &str)]) -> Result<Daemon, Failure> {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let log = self.folder.join(format!("daemon-{number}.log"));
        let child = Command::new(BINARY)
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .env("HOLDFAST__DATABASE__URL", &self.database_url)
            .env("HOLDFAST__ENGINE__TENANTS", &tenant.0)
            .env("HOLDFAST__LOG__LEVEL", log_level)
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or("the daemon ended at once")?;
        let daemon = Daemon { pid, child, log };
        for _ in 0..250 {
            if daemon.log()?.contains("\"running\"") {
                tokio::time::sleep(SETTLING).await;
                return Ok(daemon);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("the daemon did not start: {}", daemon.log()?).into())
    }
}

impl Daemon {
    /// What it has logged so far.
    pub(crate) fn log(&self) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// SIGKILL, and waits until the process is gone.
    pub(crate) async fn kill(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(())
    }
}
