//! The daemon under test: in this process, or as the real binary in a process of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, Once};
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

/// Where a daemon serves its API right now: on a free port, it moves with every boot.
pub(crate) type HttpAddress = Arc<Mutex<Option<SocketAddr>>>;

/// A daemon inside the test's process. Like the real one it begins anew should its session run out, which it may on a busy machine.
pub(crate) struct Daemon {
    worker_ids: Arc<Mutex<Vec<String>>>,
    http: HttpAddress,
    shutdown: Shutdown,
    running: Option<JoinHandle<()>>,
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
        let mut app = App::build(config.clone(), None).await.unwrap();
        let (worker_ids, shutdown) = (Arc::new(Mutex::new(vec![app.worker_id().to_owned()])), Shutdown::new());
        let http = Arc::new(Mutex::new(app.http_address()));
        let running = tokio::spawn({
            let (worker_ids, http, shutdown) = (Arc::clone(&worker_ids), Arc::clone(&http), shutdown.clone());
            async move {
                loop {
                    let boot = Shutdown::new();
                    let asked = boot.follow(&shutdown);
                    let ended = app.run(boot).await;
                    asked.abort();
                    if ended == Ended::Stopped || shutdown.is_soft() {
                        return;
                    }
                    app = App::build(config.clone(), None).await.unwrap();
                    worker_ids.lock().unwrap().push(app.worker_id().to_owned());
                    *http.lock().unwrap() = app.http_address();
                }
            }
        });
        Self { worker_ids, http, shutdown, running: Some(running) }
    }

    /// The names under which it worked.
    pub(crate) fn worker_ids(&self) -> Vec<String> {
        self.worker_ids.lock().unwrap().clone()
    }

    /// Where its API is served, if it is.
    pub(crate) fn http_address(&self) -> HttpAddress {
        Arc::clone(&self.http)
    }

    /// Stops it the way SIGTERM does, and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        self.shutdown.request_soft();
        let running = self.running.take().unwrap();
        tokio::time::timeout(COMING_OR_GOING, running).await.unwrap().unwrap();
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
        Self::spawn(shop, settings, None).await
    }

    /// The same, a process that dies or halts at the places that are armed in this folder; it needs the feature `fault-points`.
    #[cfg(feature = "fault-points")]
    pub(crate) async fn start_armed(shop: &Shop, points: &Path) -> Self {
        Self::spawn(shop, &[], Some(points)).await
    }

    async fn spawn(shop: &Shop, settings: &[(&str, toml::Value)], points: Option<&Path>) -> Self {
        let config = shop.config_file(settings);
        let log = config.with_extension("log");
        let written = File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .arg("run")
            .arg("--config")
            .arg(&config)
            .env_clear()
            .envs(points.map(|points| ("HOLDFAST_FAULT_POINTS", points)))
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

    /// Where its API is served, as its log says.
    pub(crate) fn http_address(&self) -> HttpAddress {
        let address = self.logged("running").and_then(|line| line.get("http.address")?.as_str()?.parse().ok());
        Arc::new(Mutex::new(address))
    }

    /// SIGKILL: nothing in it gets another word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        until("the daemon has ended", COMING_OR_GOING, async || self.child.try_wait().unwrap()).await
    }

    /// Whether it has ended by now.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Everything that it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
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
