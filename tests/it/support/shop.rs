//! A shop of a test's own: a tenant with the shipped models, an inventory, a database, and the configuration of its daemons.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast::cache::Cache;
use holdfast::clock::SystemClock;
use holdfast::config::Config;
use holdfast::engine::{DeploymentId, NewDeployment, Resource};
use holdfast::operations::Operations;
use holdfast::simulator::{self, Fault, FaultMatch, FaultRequest, FaultScope, FaultStatus, LedgerEntry, Simulator, SimulatorConfig};
use holdfast::store::Store;
use holdfast::supplier::Suppliers;
use toml::Table;

use super::database::Database;
use super::engine::{Engine, TestEngine};
use super::http::http;
use super::rows;
use super::tear_down::on_a_thread;

/// What an order needs: the order itself, the settling of unknown outcomes, and the form.
pub(crate) const DEPLOYED: [&str; 3] = ["order-fulfilment.bpmn", "reservation-resolution.bpmn", "decide-reservation.form"];
/// What there is of every product that has no other number.
const STOCK: u32 = 1_000;

/// How a shop differs from the usual one.
pub(crate) struct Setup {
    /// The inventory.
    pub(crate) simulator: SimulatorConfig,
    /// What the daemon is told about it.
    pub(crate) profile: Table,
    config: Table,
}

/// One tenant's shop.
pub(crate) struct Shop {
    pub(crate) engine: TestEngine,
    pub(crate) inventory: Simulator,
    pub(crate) database: Database,
    pub(crate) folder: PathBuf,
    config: Table,
    deployments: std::sync::Mutex<Vec<DeploymentId>>,
}

impl Setup {
    /// Sets a key of the daemons' configuration, such as `engine.long_poll_ms`.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        set(&mut self.config, key, value.into());
    }

    /// An inventory that must answer quickly, and outcomes that are looked at soon: for tests in which an answer gets lost.
    pub(crate) fn hasty(&mut self) {
        self.set("sources.main.timeout_ms", 600);
        self.set("sources.main.connect_timeout_ms", 200);
        self.set("sources.main.linger_ms", 1_500);
    }

    /// An inventory that holds again when a create is repeated, and can only be asked by key.
    pub(crate) fn duplicating(&mut self) {
        self.simulator.create = simulator::CreateMode::Duplicating;
        set(&mut self.profile, "capabilities.idempotent_create", false.into());
    }

    /// Both: an answer gets lost, and only asking may find out what became of it.
    pub(crate) fn hasty_and_duplicating(&mut self) {
        self.hasty();
        self.duplicating();
    }

    /// An inventory that cannot be asked what it holds.
    pub(crate) fn mute(&mut self) {
        self.duplicating();
        self.simulator.lookup = simulator::LookupMode::None;
        set(&mut self.profile, "capabilities.idempotent_release", false.into());
        for operation in ["lookup_by_key", "lookup_by_reference", "list"] {
            self.profile.remove(operation);
        }
    }

    /// An inventory that keeps no key: what it holds is only found in the list of all, by order, lines and time.
    pub(crate) fn unkeyed(&mut self) {
        self.simulator.create = simulator::CreateMode::Duplicating;
        self.simulator.lookup = simulator::LookupMode::None;
        self.profile = toml::from_str(&file("config/profiles/unkeyed.toml")).unwrap();
    }

    fn usual() -> Self {
        let mut setup = Self {
            simulator: SimulatorConfig { default_stock: Some(STOCK.into()), ..SimulatorConfig::default() },
            profile: toml::from_str(&file("config/profiles/plain.toml")).unwrap(),
            config: Table::new(),
        };
        for (key, value) in [
            ("engine.lock_duration_ms", 60_000),
            ("engine.long_poll_ms", 1_000),
            ("engine.permits_starts", 16),
            ("engine.permits_ends", 16),
            ("database.max_connections", 6),
            ("database.acquire_timeout_ms", 10_000),
            ("reconciler.period_ms", 100),
            ("shutdown.limit_ms", 8_000),
            ("sources.main.timeout_ms", 5_000),
            ("sources.main.check_timeout_ms", 5_000),
            ("sources.main.connect_timeout_ms", 1_000),
            ("sources.main.linger_ms", 5_000),
            ("sources.main.first_check_ms", 150),
            ("sources.main.slowest_check_ms", 500),
            ("sources.main.absent_looks", 2),
            ("sources.main.manual_after_ms", 60_000),
            ("sources.main.expiry_grace_ms", 200),
            ("sources.main.orphan_after_ms", 500),
            ("sources.main.breaker.pause_ms", 500),
        ] {
            setup.set(key, value);
        }
        setup.set("engine.retry", "R20/PT1S");
        setup.set("admin.listen", "");
        setup.set("log.format", "json");
        setup
    }
}

impl Shop {
    /// The usual shop: a patient daemon, a well-behaved inventory with enough of everything.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// A shop that differs from it.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::usual();
        change(&mut setup);
        let engine = TestEngine::on(Engine::Camunda);
        let (database, inventory) = tokio::join!(Database::fresh(), simulator::start(setup.simulator.clone()));
        let inventory = inventory.unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(engine.tenant.as_str());
        fs::create_dir_all(&folder).unwrap();
        let profile = folder.join("profile.toml");
        fs::write(&profile, toml::to_string(&setup.profile).unwrap()).unwrap();
        setup.set("engine.url", engine.base_url.as_str());
        setup.set("engine.tenants", vec![engine.tenant.to_string()]);
        setup.set("database.url", database.daemon_url());
        setup.set("sources.main.base_url", inventory.url());
        setup.set("sources.main.profile", profile.display().to_string());
        let shop = Self { engine, inventory, database, folder, config: setup.config, deployments: std::sync::Mutex::default() };
        shop.deploy_for(&shop.engine).await;
        shop
    }

    /// Deploys the shipped models for a tenant. Failed tasks come back after a second, not after the model's minute.
    pub(crate) async fn deploy_for(&self, engine: &TestEngine) {
        let resource = |name: &&str| {
            let text = file(&format!("bpmn/{name}")).replace("R3/PT1M", "R20/PT1S");
            Resource { name: (*name).to_owned(), content: text.into_bytes().into() }
        };
        let deployment = NewDeployment {
            name: "the shipped models, with short retries".to_owned(),
            source: Some("holdfast tests".to_owned()),
            tenant: Some(engine.tenant.clone()),
            filter_duplicates: false,
            changed_only: false,
            resources: DEPLOYED.iter().map(resource).collect(),
        };
        let deployed = engine.client.deploy(&deployment).await.unwrap();
        self.deployments.lock().unwrap().push(deployed.id);
    }

    /// Deploys something of a test's own; it goes with the shop.
    pub(crate) async fn deploy(&self, deployment: &NewDeployment) {
        let deployed = self.engine.client.deploy(deployment).await.unwrap();
        self.deployments.lock().unwrap().push(deployed.id);
    }

    /// Whoever asks beside the daemon: the same operations on the same database, without a cache.
    pub(crate) async fn desk(&self) -> Operations {
        let config = Config::load(Some(&self.config_file(&[]))).unwrap();
        let options = self.database.store_options();
        let store = Store::connect(&options).await.unwrap();
        let lease = store.open_session(&format!("desk/{}", options.session), "a test", "0").await.unwrap();
        let suppliers = Suppliers::build(&config.sources).unwrap();
        Operations::new(store, suppliers.into(), SystemClock::shared(), lease.into(), "desk").with_cache(Cache::Off)
    }

    /// The tenant's id, as the inventory and the database know it.
    pub(crate) fn tenant(&self) -> &str {
        self.engine.tenant.as_str()
    }

    /// Writes the configuration of a daemon, with these keys set differently.
    pub(crate) fn config_file(&self, changes: &[(&str, toml::Value)]) -> PathBuf {
        let mut config = self.config.clone();
        for (key, value) in changes {
            set(&mut config, key, value.clone());
        }
        let path = self.folder.join(format!("{}.toml", uuid::Uuid::new_v4()));
        fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
        path
    }

    /// Arms a fault for the first `times` requests of one operation, or for all of them; returns its number.
    pub(crate) fn arm(&self, operation: FaultScope, times: Option<u64>, fault: Fault) -> u64 {
        self.arm_after(0, operation, times, fault)
    }

    /// The same, but the first `skip` requests pass unharmed.
    pub(crate) fn arm_after(&self, skip: u64, operation: FaultScope, times: Option<u64>, fault: Fault) -> u64 {
        self.inventory.arm(FaultRequest { operation, matching: FaultMatch::default(), skip, times, chance: None, fault })
    }

    /// The next hold is placed and not answered, and until the second of these faults is taken away nobody can look it up.
    pub(crate) fn arm_a_lost_hold(&self) -> (u64, u64) {
        let swallow = self.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
        (swallow, self.arm(FaultScope::Lookup, None, Fault::Unavailable { retry_after: 1 }))
    }

    /// A fault's counts: `fired` is the proof that it struck.
    pub(crate) fn fault(&self, number: u64) -> FaultStatus {
        self.inventory.faults().into_iter().find(|fault| fault.id == number).unwrap()
    }

    /// Takes a fault away; it must have struck.
    pub(crate) async fn disarm(&self, number: u64) {
        assert!(self.fault(number).fired > 0, "a fault that never struck proves nothing");
        let answer = http().delete(format!("{}/faults/{number}", self.inventory.admin_url())).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Arms a fault for the first request about one product.
    pub(crate) fn arm_for(&self, sku: &str, operation: FaultScope, fault: Fault) -> u64 {
        let matching = FaultMatch { sku: Some(sku.to_owned()), ..FaultMatch::default() };
        self.inventory.arm(FaultRequest { operation, matching, skip: 0, times: Some(1), chance: None, fault })
    }

    /// Somebody else does something to a hold, behind everybody's back: `consume`, `release`, `expire` or `forget`.
    pub(crate) async fn behind_our_back(&self, reference: &str, what: &str) {
        let answer = http().post(format!("{}/holds/{reference}/{what}", self.inventory.admin_url())).send().await.unwrap();
        assert!(answer.status().is_success(), "{what}: {}", answer.text().await.unwrap());
    }

    /// The ledger of one order.
    pub(crate) fn ledger(&self, order_id: &str) -> Vec<LedgerEntry> {
        let entries = self.inventory.ledger();
        entries.iter().filter(|entry| entry.order_id.as_deref() == Some(order_id)).map(|entry| (**entry).clone()).collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("The shop's files are in {}", self.folder.display());
            for entry in self.inventory.ledger() {
                println!("ledger {}", serde_json::to_string(&*entry).unwrap_or_default());
            }
            let url = self.database.pool().connect_options();
            let story = on_a_thread(async move { rows::story((*url).clone()).await });
            println!("{}", story.unwrap_or_default());
            return;
        }
        let (base, deployments) = (self.engine.base_url.clone(), std::mem::take(&mut *self.deployments.lock().unwrap()));
        on_a_thread(async move {
            let client = http();
            for deployment in deployments {
                // Its instances go with it, so that no later run meets their tasks and timers.
                client
                    .delete(format!("{base}/deployment/{deployment}?cascade=true&skipCustomListeners=true&skipIoMappings=true"))
                    .send()
                    .await?;
            }
            Ok::<_, reqwest::Error>(())
        });
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn set(table: &mut Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Table::new().into());
            set(inner.as_table_mut().unwrap(), rest, value);
        }
    }
}

/// A file of this repository.
fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
