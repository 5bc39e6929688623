//! The daemon under test: in this process, or as the real binary in a process of its own.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::time::Duration;

use holdfast::app::{App, Ended};
use holdfast::config::Config;
use holdfast::engine::{ExternalTask, TaskQuery, WorkerId};
use holdfast::shutdown::Shutdown;
use serde_json::Value as JsonValue;
use tokio::task::JoinHandle;

use super::shop::Shop;
use super::wait::until;

/// How long a daemon may take to come up or to go.
const COMING_OR_GOING: Duration = Duration::from_secs(20);
/// What a session's loops add to its worker id.
pub(crate) const LOOPS: [&str; 3] = ["starts", "ends", "reconciler"];

/// A daemon inside the test's process.
pub(crate) struct Daemon {
    pub(crate) worker_id: String,
    shutdown: Shutdown,
    running: Option<JoinHandle<Ended>>,
}

impl Daemon {
    /// Starts the shop's daemon.
    pub(crate) async fn start(shop: &Shop) -> Self {
        Self::start_with(shop, &[]).await
    }

    /// The same, with these settings.
    pub(crate) async fn start_with(shop: &Shop, settings: &[(&str, toml::Value)]) -> Self {
        show_logs_of_failed_tests();
        let config = Config::load(Some(&shop.config_file(settings))).unwrap();
        let app = App::build(config, None).await.unwrap();
        let (worker_id, shutdown) = (app.worker_id().to_owned(), Shutdown::new());
        let running = tokio::spawn(app.run(shutdown.clone()));
        Self { worker_id, shutdown, running: Some(running) }
    }

    /// Stops it the way SIGTERM does, and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        self.shutdown.request_soft();
        let running = self.running.take().unwrap();
        assert_eq!(tokio::time::timeout(COMING_OR_GOING, running).await.unwrap().unwrap(), Ended::Stopped);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.shutdown.request_hard();
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

/// The real binary in a process of its own, killed when it is dropped.
pub(crate) struct Process {
    pub(crate) worker_id: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `holdfast run` for the shop, and waits until it says that it runs.
    pub(crate) async fn start(shop: &Shop) -> Self {
        Self::start_with(shop, &[]).await
    }

    /// The same, with these settings.
    pub(crate) async fn start_with(shop: &Shop, settings: &[(&str, toml::Value)]) -> Self {
        let config = shop.config_file(settings);
        let log = config.with_extension("log");
        let written = File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .arg("run")
            .arg("--config")
            .arg(&config)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(written.try_clone().unwrap())
            .stderr(written)
            .spawn()
            .unwrap();
        let mut process = Self { worker_id: String::new(), child, log };
        process.worker_id = until("the daemon says that it runs", COMING_OR_GOING, async || {
            assert!(process.child.try_wait().unwrap().is_none(), "the daemon ended before it ran");
            process.logged("running").and_then(|line| Some(line.get("worker.id")?.as_str()?.to_owned()))
        })
        .await;
        process
    }

    /// SIGKILL: nothing in it gets another word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        until("the daemon has ended", COMING_OR_GOING, async || self.child.try_wait().unwrap()).await
    }

    /// The first line of its log with this message.
    pub(crate) fn logged(&self, message: &str) -> Option<JsonValue> {
        let log = fs::read_to_string(&self.log).unwrap();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<JsonValue>(line).ok());
        lines.find(|line| line.get("message").and_then(JsonValue::as_str) == Some(message))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // By its own process id, and only while that is still its own.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            println!("The log of {}:\n{}", self.worker_id, fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

/// The tasks that the engine keeps locked for a daemon.
pub(crate) async fn locked_for(shop: &Shop, worker_id: &str) -> Vec<ExternalTask> {
    let mut found = Vec::new();
    for suffix in LOOPS {
        let worker_id = Some(WorkerId::from(format!("{worker_id}#{suffix}")));
        found.extend(shop.engine.client.list_tasks(&TaskQuery { worker_id, locked: true, ..TaskQuery::default() }).await.unwrap());
    }
    found
}

/// The logs of daemons inside this process are shown with the output of the test that fails.
fn show_logs_of_failed_tests() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::new("warn,holdfast=info");
        let _ = tracing_subscriber::fmt().with_test_writer().with_ansi(false).with_env_filter(filter).try_init();
    });
}
