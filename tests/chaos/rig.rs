//! Everything that one case needs, each part real and its own: database, inventory, tenant in the engine, links, daemons.

use std::borrow::Cow;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdfast::engine::{DeploymentId, NewDeployment, Resource};
use holdfast::simulator::{self, CreateMode, Simulator, SimulatorConfig};

use crate::case::{Case, Inventory, Link, Operation};
use crate::daemon::{Boot, Daemon};
use crate::database::Database;
use crate::link::{self, Book, Door, EngineWatcher, SupplierWatcher};
use crate::model;
use crate::support::engine::{Engine, TestEngine};
use crate::support::http::http;
use crate::support::kafka::Topic;
use crate::support::template;

/// How long a process is halted: longer than its lease, and longer than the engine's locks in such a case.
pub(crate) const FREEZE: Duration = Duration::from_millis(5_500);
/// The engine's locks where a process is halted.
const SHORT_LOCK_MS: u64 = 4_000;
/// The engine's locks elsewhere: what waits for them to run out is late.
const LONG_LOCK_MS: u64 = 60_000;

/// The parts of one case.
pub(crate) struct Rig {
    pub(crate) engine: TestEngine,
    pub(crate) database: Database,
    pub(crate) inventory: Simulator,
    pub(crate) book: Arc<Book>,
    pub(crate) watcher: Arc<SupplierWatcher>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) folder: PathBuf,
    /// Where facts go, if anywhere.
    pub(crate) topic: Option<Topic>,
    bug: Option<&'static str>,
    deployment: DeploymentId,
    /// How many daemons were started.
    pub(crate) boots: usize,
}

/// One daemon with its links. A process that ends is followed by another one on the same links.
pub(crate) struct Replica {
    pub(crate) daemon: Daemon,
    supplier: Arc<Door>,
    engine: Arc<Door>,
    database: Arc<Door>,
    config: PathBuf,
    /// The logs of the processes before this one.
    pub(crate) logs: Vec<PathBuf>,
}

impl Replica {
    pub(crate) fn door(&self, link: Link) -> Arc<Door> {
        Arc::clone(match link {
            Link::Supplier => &self.supplier,
            Link::Engine => &self.engine,
            Link::Database => &self.database,
        })
    }
}

impl Rig {
    /// Puts the parts together and waits until the daemons run.
    pub(crate) async fn build(case: &Case, bug: Option<&'static str>, root: &Path) -> Self {
        let engine = TestEngine::on(Engine::Camunda);
        let folder = root.join(engine.tenant.as_str());
        fs::create_dir_all(folder.join("points")).unwrap();
        fs::write(folder.join("case"), case.to_string()).unwrap();
        let config = SimulatorConfig {
            create: if case.inventory == Inventory::Strict { CreateMode::Duplicating } else { CreateMode::Idempotent },
            swallow_limit_ms: 60_000,
            ..SimulatorConfig::default()
        };
        let deployment = NewDeployment {
            name: "holdfast chaos".to_owned(),
            source: Some("holdfast chaos".to_owned()),
            tenant: Some(engine.tenant.clone()),
            filter_duplicates: false,
            changed_only: false,
            resources: vec![Resource { name: "chaos-order.bpmn".to_owned(), content: Cow::Owned(model::bpmn().into_bytes()) }],
        };
        let (database, inventory, deployed) = tokio::join!(Database::fresh(), simulator::start(config), engine.client.deploy(&deployment));
        let (inventory, deployment) = (inventory.unwrap(), deployed.unwrap().id);
        let topic = if case.operation == Operation::Publish { Some(Topic::fresh().await) } else { None };
        let (book, watcher) = (Arc::new(Book::default()), Arc::new(SupplierWatcher::new(database.pool.clone())));
        let mut rig = Self { engine, database, inventory, book, watcher, replicas: Vec::new(), folder, topic, bug, deployment, boots: 0 };
        for replica in 0..case.replicas {
            rig.add_replica(case, replica);
        }
        for replica in &mut rig.replicas {
            replica.daemon.runs().await;
        }
        rig
    }

    fn add_replica(&mut self, case: &Case, number: usize) {
        let base = reqwest::Url::parse(self.inventory.url()).unwrap();
        let supplier = link::http(address(&base), number, Arc::clone(&self.book), self.watcher.clone());
        let engine = link::http(address(&self.engine.base_url), number, Arc::clone(&self.book), Arc::new(EngineWatcher));
        let database = link::postgres(SocketAddr::from(([127, 0, 0, 1], template::port())), number, Arc::clone(&self.book));
        let config = self.folder.join(format!("{number}.toml"));
        let text = config_text(case, self, supplier.address, engine.address, database.address.port());
        fs::write(&config, text).unwrap();
        let daemon = self.boot(&config);
        self.replicas.push(Replica { daemon, supplier, engine, database, config, logs: Vec::new() });
    }

    fn boot(&mut self, config: &Path) -> Daemon {
        self.boots += 1;
        let log = self.folder.join(format!("{}.log", self.boots));
        Daemon::start(Boot { config, points: &self.points(), bug: self.bug, log })
    }

    /// Starts a process in the place of one that has ended.
    pub(crate) fn reboot(&mut self, replica: usize) {
        let config = self.replicas[replica].config.clone();
        let daemon = self.boot(&config);
        let replica = &mut self.replicas[replica];
        let before = std::mem::replace(&mut replica.daemon, daemon);
        replica.logs.push(before.log.clone());
    }

    /// Where armed fault points lie.
    pub(crate) fn points(&self) -> PathBuf {
        self.folder.join("points")
    }

    /// Whether any daemon's log has this text.
    pub(crate) fn logged(&self, text: &str) -> bool {
        let logs = self.replicas.iter().flat_map(|replica| replica.logs.iter().chain([&replica.daemon.log]));
        logs.into_iter().any(|log| fs::read_to_string(log).unwrap_or_default().contains(text))
    }

    /// Takes everything down; the files stay if they are wanted.
    pub(crate) async fn tear_down(self, keep_files: bool) {
        let Self { engine, database, inventory, replicas, folder, deployment, .. } = self;
        drop(replicas);
        inventory.stop().await;
        let url = format!("{}/deployment/{deployment}?cascade=true&skipCustomListeners=true&skipIoMappings=true", engine.base_url);
        let _ = http().delete(url).send().await;
        database.drop().await;
        if !keep_files {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn address(url: &reqwest::Url) -> SocketAddr {
    url.socket_addrs(|| None).unwrap()[0]
}

fn config_text(case: &Case, rig: &Rig, supplier: SocketAddr, engine: SocketAddr, database: u16) -> String {
    let profile = match case.inventory {
        Inventory::Idempotent => "plain".to_owned(),
        Inventory::Strict => {
            let plain = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/profiles/plain.toml")).unwrap();
            let path = rig.folder.join("strict.toml");
            fs::write(&path, plain.replace("idempotent_create = true", "idempotent_create = false")).unwrap();
            path.display().to_string()
        }
    };
    let (events, topic, brokers) = match &rig.topic {
        Some(topic) => ("kafka", topic.name.as_str(), topic.brokers.as_str()),
        None => ("off", "unused", ""),
    };
    let lock_ms = if case.faults.iter().any(crate::case::Fault::freezes) { SHORT_LOCK_MS } else { LONG_LOCK_MS };
    format!(
        r#"
[engine]
url = "http://{engine}{path}"
tenants = ["{tenant}"]
lock_duration_ms = {lock_ms}
long_poll_ms = 1000
permits_starts = 4
permits_ends = 4
retry = "R30/PT1S"
[database]
url = "{url}"
max_connections = 4
acquire_timeout_ms = 5000
[reservations]
default_source = "main"
hold_for_s = 3600
[reconciler]
period_ms = 100
[events]
mode = "{events}"
topic = "{topic}"
[events.kafka]
brokers = "{brokers}"
[admin]
listen = ""
[shutdown]
limit_ms = 5000
[sources.main]
profile = "{profile}"
base_url = "http://{supplier}/v1"
accept_partial = false
timeout_ms = 2500
check_timeout_ms = 2500
connect_timeout_ms = 1000
# Longer than a request is delayed (`LATE`) and a busy machine is slow together: one that acts later breaks the inventory's own word.
linger_ms = 8000
absent_looks = 2
first_check_ms = 100
slowest_check_ms = 400
manual_after_ms = 120000
expiry_grace_ms = 500
orphan_after_ms = 300
breaker = {{ failures = 0, pause_ms = 1000 }}
"#,
        path = rig.engine.base_url.path(),
        tenant = rig.engine.tenant,
        url = rig.database.url(database),
    )
}
