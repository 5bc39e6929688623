//! Putting the daemon together: the only place that sees every room. Building binds and connects; running runs.

mod turns;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusHandle;
use reqwest::Url;
use tokio::task::JoinSet;

use crate::cache::{Cache, CacheError};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, ConfigError, EngineAuth, EngineConfig};
use crate::domain::{SourceName, TenantId};
use crate::engine::{
    ClientCredentials, Credentials, EngineClient, EngineError, EngineSettings, FetchOrder, HeldTask, LoopStatus, Poller, PollerSettings,
    RefillPolicy, SecretPlacement, TaskHandler, WorkerId,
};
use crate::events::{ConsumerError, ConsumerStatus, InventoryConsumer, InventoryEventsConfig, Reader, Relay, RelayStatus};
use crate::http::{AuthMode, AuthSetupError, Gate, HttpError, HttpServer, WebhookSource, WebhookSources};
use crate::operations::{Feeds, Operations, new_session};
use crate::ops::{
    Admin, AdminError, Commander, Fenced, OrderProcess, Probe, Probes, Reconciler, Rescuer, evidence_expiry, heartbeat, housekeeping,
    retention,
};
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError, StoreOptions};
use crate::supplier::{SourceConfig, SourceError, Suppliers};
use crate::topics::{Class, Defaults, Topics};

/// How long the loops have after a hard stop to let go of what they hold.
const LETTING_GO: Duration = Duration::from_secs(6);
/// How long the server that gives tokens for the engine may take.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A setting cannot be used.
    #[error("use the configuration")]
    Config(#[from] ConfigError),
    /// The database cannot be used.
    #[error("use the database")]
    Store(#[from] StoreError),
    /// The cache cannot be used as it is configured.
    #[error("use the configured cache")]
    Cache(#[from] CacheError),
    /// An inventory cannot be used.
    #[error("use the configured inventories")]
    Source(#[from] SourceError),
    /// The engine client cannot be made.
    #[error("talk to the engine")]
    Engine(#[from] EngineError),
    /// Product events cannot be read.
    #[error("use the configured topics")]
    Consumer(#[from] ConsumerError),
    /// Health and metrics cannot be served.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Tokens cannot be verified.
    #[error("tell callers of the API apart")]
    Auth(#[from] AuthSetupError),
    /// The API cannot be served.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As it was asked to.
    Stopped,
    /// Its session ran out: it must begin anew under another one.
    Fenced,
}

/// The daemon, connected and bound, not running yet.
pub struct App {
    config: Config,
    tenants: Vec<TenantId>,
    operations: Operations,
    topics: Topics,
    engine: EngineClient,
    store: Store,
    relay: Option<Relay>,
    consumers: Vec<InventoryConsumer>,
    pollers: Vec<Poller>,
    statuses: Vec<LoopStatus>,
    admin: Option<Admin>,
    http: Option<HttpServer>,
    worker_id: String,
}

impl App {
    /// Connects to the database, puts the session on record, binds the listeners. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`AppError`], with what to do about it.
    pub async fn build(config: Config, metrics: Option<PrometheusHandle>) -> Result<Self, AppError> {
        use secrecy::ExposeSecret as _;
        let clock: SharedClock = SystemClock::shared();
        let tenants = config.tenants()?;
        if config.database.url.expose_secret().is_empty() {
            return Err(ConfigError::Bad {
                key: "database.url".to_owned(),
                must: "must be set: the daemon keeps the truth in PostgreSQL (HOLDFAST__DATABASE__URL)".to_owned(),
            }
            .into());
        }
        let cache = Cache::build(config.cache.plan(), Arc::clone(&clock))?;
        let suppliers = Arc::new(Suppliers::build_sharing(&config.sources, turns::shared(&cache).as_ref())?);
        let engine = EngineClient::new(engine_settings(&config.engine)?, Arc::clone(&clock))?;
        let session = new_session();
        let store = Store::connect(&StoreOptions {
            url: config.database.url.clone(),
            max_connections: config.database.max_connections,
            acquire_timeout: Duration::from_millis(config.database.acquire_timeout_ms),
            session,
        })
        .await?;
        let host = host_name();
        let short = session.to_string().chars().take(8).collect::<String>();
        let worker_id = format!("holdfast/{host}/{short}");
        let lease = Arc::new(store.open_session(&worker_id, &host, env!("CARGO_PKG_VERSION")).await?);
        let relay = config.events.relay().map(|settings| Relay::new(store.clone(), Arc::clone(&lease), Arc::clone(&clock), settings));
        let reader = Reader::new(&config.inventory_events.feeds, tenants.clone());
        let consumers = config
            .inventory_events
            .consumers(&config.events.kafka)
            .into_iter()
            .map(|settings| InventoryConsumer::new(store.clone(), Arc::clone(&clock), reader.clone(), settings))
            .collect::<Result<Vec<_>, _>>()?;
        let operations = Operations::new(store.clone(), suppliers, Arc::clone(&clock), lease, &worker_id)
            .with_cache(cache)
            .fed_by(feeds(&config.inventory_events));
        let topics = topics(&config, &operations, &engine, &clock, &worker_id)?;
        let pollers: Vec<Poller> =
            [Class::Starts, Class::Ends].map(|class| poller(&config.engine, &engine, &topics, &worker_id, class)).into();
        let statuses: Vec<LoopStatus> = pollers.iter().map(Poller::status).collect();
        let admin = match config.admin.listen.as_str() {
            "" => None,
            address => {
                let reading = consumers.iter().map(InventoryConsumer::status).collect();
                let probes = probes(&store, &operations, &statuses, relay.as_ref().map(Relay::status), reading);
                Some(Admin::bind(address, probes, metrics).await?)
            }
        };
        let http = match config.http.settings()? {
            None => None,
            Some(mut settings) => {
                settings.default_source = config.default_source()?;
                Some(HttpServer::bind(&settings, &operations, gate(&config, &tenants, &clock)?, webhooks(&config)).await?)
            }
        };
        Ok(Self { config, tenants, operations, topics, engine, store, relay, consumers, pollers, statuses, admin, http, worker_id })
    }

    /// Where the API is served.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().and_then(HttpServer::address)
    }

    /// The name under which this boot appears in Cockpit, before the `#` of its loops.
    #[must_use]
    pub fn worker_id(&self) -> &str {
        &self.worker_id
    }

    /// How the poll loops are, for tests and benchmarks.
    #[must_use]
    pub fn loops(&self) -> &[LoopStatus] {
        &self.statuses
    }

    /// Runs until it is asked to stop. Stopping goes: not ready, fetch no more, finish what is in flight, hand back what never
    /// began, end the session, close.
    pub async fn run(self, shutdown: Shutdown) -> Ended {
        let Self { config, tenants, operations, topics, engine, store, relay, consumers, pollers, admin, http, worker_id, .. } = self;
        let address = http.as_ref().and_then(HttpServer::address).map(|address| address.to_string());
        tracing::info!(worker.id = worker_id, engine.url = config.engine.url, http.address = address, "running");
        let mut loops = JoinSet::new();
        if let Some(admin) = admin {
            keep(&mut loops, &shutdown, |shutdown| admin.serve(shutdown));
        }
        let mut polling = JoinSet::new();
        for poller in pollers {
            keep(&mut polling, &shutdown, |shutdown| poller.run(shutdown));
        }
        let commander = Commander {
            operations: operations.clone(),
            engine: engine.clone(),
            tenants: tenants.clone(),
            process: OrderProcess { key: config.orders.process.clone(), cancel_message: config.orders.cancel_message.clone() },
            defaults: Arc::clone(&topics.defaults),
        };
        let rescuer = Rescuer::new(operations.clone(), engine, Duration::from_millis(config.engine.long_poll_ms));
        let reconciler = Reconciler {
            operations: operations.clone(),
            topics,
            tenants: tenants.clone(),
            period: Duration::from_millis(config.reconciler.period_ms),
            batch: config.reconciler.batch,
        };
        let mut keeping = JoinSet::new();
        if let Some(http) = http {
            keep(&mut keeping, &shutdown, |shutdown| http.serve(shutdown));
        }
        keep(&mut keeping, &shutdown, |shutdown| async move { rescuer.run(&shutdown).await });
        keep(&mut keeping, &shutdown, |shutdown| async move { commander.run(&shutdown).await });
        keep(&mut keeping, &shutdown, |shutdown| async move { reconciler.run(&shutdown).await });
        for consumer in consumers {
            keep(&mut keeping, &shutdown, |shutdown| async move { consumer.run(&shutdown).await });
        }
        let (ours, served) = (operations.clone(), tenants.clone());
        keep(&mut keeping, &shutdown, |shutdown| async move { evidence_expiry(&ours, &served, &shutdown).await });
        let (ours, retained) = (operations.clone(), config.retention.retention());
        keep(&mut keeping, &shutdown, |shutdown| async move { retention(&ours, &retained, &shutdown).await });
        let (ours, most_rows) = (operations.clone(), config.events.keep());
        keep(&mut keeping, &shutdown, move |shutdown| async move { housekeeping(&ours, &tenants, most_rows, &shutdown).await });
        // It is the last to stop: what the others have settled on their way out is told, too.
        let relaying = Shutdown::new();
        let mut relays = JoinSet::new();
        if let Some(relay) = relay {
            keep(&mut relays, &relaying, |relaying| async move { relay.run(&relaying).await });
        }
        let beating = heartbeat(&operations, &shutdown);
        let ended = {
            let finishing = async {
                while polling.join_next().await.is_some() {}
                while keeping.join_next().await.is_some() {}
                relaying.request_soft();
                tokio::select! {
                    () = shutdown.hard() => relaying.request_hard(),
                    () = async { while relays.join_next().await.is_some() {} } => {}
                }
            };
            tokio::select! {
                beat = beating => match beat {
                    Err(Fenced) => {
                        shutdown.request_hard();
                        Ended::Fenced
                    }
                    Ok(()) => Ended::Stopped,
                },
                () = finishing => Ended::Stopped,
            }
        };
        // After a hard stop the loops get a moment to let go of what they hold.
        relaying.request_hard();
        let letting_go = async {
            while relays.join_next().await.is_some() {}
            while polling.join_next().await.is_some() {}
            while keeping.join_next().await.is_some() {}
        };
        if tokio::time::timeout(LETTING_GO, letting_go).await.is_err() {
            tracing::warn!("some loops did not end in time");
        }
        if let Err(error) = operations.end_session().await {
            tracing::warn!(error = %error, "the session could not be ended; its lease runs out by itself");
        }
        shutdown.request_hard();
        while loops.join_next().await.is_some() {}
        store.close().await;
        tracing::info!(worker.id = worker_id, ?ended, "ended");
        ended
    }
}

/// Has something run beside the rest until it ends, with a stop signal in its own hands.
fn keep<Running>(running: &mut JoinSet<()>, shutdown: &Shutdown, run: impl FnOnce(Shutdown) -> Running)
where
    Running: Future<Output = ()> + Send + 'static,
{
    running.spawn(run(shutdown.clone()));
}

/// Hands each task of a poll to its topic.
struct Dispatch(Topics);

#[async_trait]
impl TaskHandler for Dispatch {
    async fn handle(&self, batch: Vec<HeldTask>) {
        // Each task on its own: the permit goes back as soon as it is done, and one that panics takes no neighbour with it.
        let mut tasks: JoinSet<()> = batch
            .into_iter()
            .map(|held| {
                let topics = self.0.clone();
                async move { topics.handle(&held.task, held.hold.lease()).await }
            })
            .collect();
        while let Some(done) = tasks.join_next().await {
            if let Err(error) = done
                && error.is_panic()
            {
                tracing::error!(error = %error, "a task's work panicked; its row tells what is known, and the task comes again");
            }
        }
    }
}

/// Who may use the API.
fn gate(config: &Config, tenants: &[TenantId], clock: &SharedClock) -> Result<Gate, AuthSetupError> {
    match config.http.auth.mode {
        AuthMode::None => {
            let default_tenant = TenantId::parse(&config.reservations.default_tenant).ok();
            Ok(Gate::Open { default_tenant, tenants: tenants.to_vec() })
        }
        AuthMode::Jwt => Gate::tokens(&config.http.auth, tenants, Arc::clone(clock)),
    }
}

/// The inventories that may send word, each with its secrets.
fn webhooks(config: &Config) -> WebhookSources {
    let source = |(name, source): (&String, &SourceConfig)| {
        let webhook = source.webhook.as_ref()?;
        let (reference, key) = (webhook.reference.clone(), webhook.key.clone());
        Some((SourceName::parse(name).ok()?, WebhookSource { keys: webhook.keys(), reference, key }))
    };
    config.sources.iter().filter_map(source).collect()
}

fn poller(config: &EngineConfig, engine: &EngineClient, topics: &Topics, worker_id: &str, class: Class) -> Poller {
    let permits = match class {
        Class::Starts => config.permits_starts,
        Class::Ends => config.permits_ends,
    };
    #[cfg(feature = "planted-bugs")]
    let worker_id = if crate::fault_points::is_planted("shared_worker_id") { "holdfast/shared" } else { worker_id };
    let settings = PollerSettings {
        name: class.suffix().to_owned(),
        worker_id: WorkerId::new(format!("{worker_id}#{}", class.suffix())),
        topics: topics.subscriptions(class, Duration::from_millis(config.lock_duration_ms)),
        permits,
        long_poll: Duration::from_millis(config.long_poll_ms),
        order: FetchOrder { by_priority: config.by_priority, oldest_first: config.oldest_first },
        refill: RefillPolicy::default(),
    };
    Poller::new(engine.clone(), settings, Arc::new(Dispatch(topics.clone())))
}

/// All topics with what they need, for the daemon and for commands that tell the engine something.
///
/// # Errors
/// [`AppError::Config`].
pub fn topics(
    config: &Config,
    operations: &Operations,
    engine: &EngineClient,
    clock: &SharedClock,
    worker_id: &str,
) -> Result<Topics, AppError> {
    let defaults = Defaults {
        source: config.default_source()?,
        hold_for: TimeDelta::seconds(config.reservations.hold_for_s),
        tenants: config.tenants()?,
        tenant: TenantId::parse(&config.reservations.default_tenant).ok(),
    };
    Ok(Topics::new(operations.clone(), engine.clone(), Arc::clone(clock), defaults, config.retry()?, worker_id))
}

/// What the engine client needs, from the settings.
///
/// # Errors
/// [`AppError::Config`].
pub fn engine_settings(config: &EngineConfig) -> Result<EngineSettings, AppError> {
    let url = |key: &str, text: &str| {
        Url::parse(text).map_err(|_| ConfigError::Bad {
            key: key.to_owned(),
            must: format!("must be a URL such as https://engine.example/engine-rest, it is `{text}`"),
        })
    };
    let credentials = match config.auth {
        EngineAuth::None => Credentials::None,
        EngineAuth::Basic => Credentials::Basic { username: config.username.clone(), password: config.password.clone() },
        EngineAuth::OAuth2 => Credentials::ClientCredentials(ClientCredentials {
            token_url: url("engine.token_url", &config.token_url)?,
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            scope: config.scope.clone(),
            audience: config.audience.clone(),
            secret_placement: SecretPlacement::default(),
            timeout: TOKEN_TIMEOUT,
        }),
    };
    Ok(EngineSettings::new(url("engine.url", &config.url)?).with_credentials(credentials))
}

fn probes(
    store: &Store,
    operations: &Operations,
    loops: &[LoopStatus],
    relay: Option<RelayStatus>,
    reading: Vec<ConsumerStatus>,
) -> Probes {
    let (store, operations, loops) = (store.clone(), operations.clone(), loops.to_vec());
    Arc::new(move || {
        let (store, operations, loops) = (store.clone(), operations.clone(), loops.clone());
        let (relay, reading) = (relay.clone(), reading.clone());
        Box::pin(async move {
            let mut parts = Vec::new();
            let database = store.ping().await;
            parts.push(Probe {
                part: "database".to_owned(),
                ok: database.is_ok(),
                says: database.err().map_or_else(|| "answers".to_owned(), |error| error.to_string()),
            });
            let now = std::time::Instant::now();
            let leased = operations.lease_until() > now;
            parts.push(Probe {
                part: "session".to_owned(),
                ok: leased,
                says: if leased { "has its lease".to_owned() } else { "its lease was not renewed in time: nothing is sent".to_owned() },
            });
            if let Some((well, says)) = operations.cache_health().await {
                // Never a reason to be taken out of service: without it everything goes on, and only slower.
                parts.push(Probe { part: "cache".to_owned(), ok: true, says: if well { says } else { format!("ill: {says}") } });
            }
            for status in loops {
                let snapshot = status.snapshot(now);
                let says = snapshot.last_error.unwrap_or_else(|| format!("{} of {} in flight", snapshot.in_flight, snapshot.permits));
                parts.push(Probe { part: format!("engine, loop {}", snapshot.name), ok: snapshot.failures == 0, says });
            }
            // A broker that is away keeps nobody from working: facts wait in the outbox.
            parts.extend(relay.map(|relay| Probe { part: "events".to_owned(), ok: true, says: relay.says() }));
            // Nor does it keep anybody from working when the projection of customers' products grows old: it says how old it is.
            parts.extend(reading.into_iter().map(|reading| Probe {
                part: format!("inventory events, topic {}", reading.topic()),
                ok: true,
                says: reading.says(),
            }));
            parts
        })
    })
}

/// What the projection of customers' products is fed from.
fn feeds(config: &InventoryEventsConfig) -> Feeds {
    let topics = if config.consume { config.feeds.iter().map(|feed| feed.topic.clone()).collect() } else { Vec::new() };
    Feeds { group: config.group.clone(), topics }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')).take(64).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}
