//! A counter at which availability is asked for, without an engine: operations on a database and an inventory of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{SubsecRound as _, TimeDelta, Utc};
use holdfast::cache::{Cache, CacheOptions, RedisOptions};
use holdfast::clock::{ManualClock, SharedClock};
use holdfast::domain::{OrderLine, OrderLineId, Quantity, QuoteId, SourceName, Subject, TenantId};
use holdfast::operations::{CheckAvailability, Operations, new_session};
use holdfast::simulator::{self, Fault, FaultMatch, FaultRequest, FaultScope, Operation, Simulator, SimulatorConfig};
use holdfast::store::{Store, StoreOptions};
use holdfast::supplier::Suppliers;
use secrecy::SecretString;
use sqlx::types::Json;
use uuid::Uuid;

use super::database::Database;

/// A tenant, its inventory and its database. Time stands still until it is moved.
pub(crate) struct Counter {
    pub(crate) database: Database,
    pub(crate) inventory: Simulator,
    pub(crate) tenant: TenantId,
    pub(crate) clock: ManualClock,
    settings: String,
}

impl Counter {
    /// A counter with enough of everything.
    pub(crate) async fn open() -> Self {
        Self::open_with("").await
    }

    /// The same with other settings of the source, as TOML lines.
    pub(crate) async fn open_with(settings: &str) -> Self {
        let config = SimulatorConfig { default_stock: Some(1_000.into()), ..SimulatorConfig::default() };
        let (database, inventory) = tokio::join!(Database::fresh(), simulator::start(config));
        #[expect(clippy::disallowed_methods, reason = "the clock has to begin somewhere")]
        let clock = ManualClock::at(Utc::now().trunc_subsecs(6));
        Self { database, inventory: inventory.unwrap(), tenant: TenantId(Uuid::new_v4()), clock, settings: settings.to_owned() }
    }

    /// What one replica does here.
    pub(crate) async fn replica(&self, cache: Cache) -> Operations {
        let session = new_session();
        let store = Store::connect(&StoreOptions { session, ..self.database.store_options() }).await.unwrap();
        let source = format!("base_url = '{}'\nconnect_timeout_ms = 200\n{}", self.inventory.url(), self.settings);
        let suppliers = Suppliers::build(&BTreeMap::from([("main".to_owned(), toml::from_str(&source).unwrap())])).unwrap();
        let worker = format!("counter/{session}");
        let lease = store.open_session(&worker, "a test", "0").await.unwrap();
        let clock: SharedClock = Arc::new(self.clock.clone());
        Operations::new(store, Arc::new(suppliers), clock, Arc::new(lease), &worker).with_cache(cache)
    }

    /// A question for a quote: two phones and a SIM card.
    pub(crate) fn quote(&self) -> CheckAvailability {
        self.check(Subject::Quote(QuoteId(Uuid::new_v4()), 1), vec![line("phone", "2"), line("sim", "1")])
    }

    /// A question.
    pub(crate) fn check(&self, subject: Subject, lines: Vec<OrderLine>) -> CheckAvailability {
        CheckAvailability {
            tenant: self.tenant,
            source: SourceName::parse("main").unwrap(),
            subject,
            lines,
            customer: None,
            location: None,
            channel: None,
            request: None,
            fresh_enough: None,
        }
    }

    /// Sets what there is of a product.
    pub(crate) fn stock(&self, sku: &str, on_hand: u32) {
        self.inventory.set_stock(&self.tenant.to_string(), sku, on_hand);
    }

    /// How often the inventory was asked what is available.
    pub(crate) fn calls(&self) -> usize {
        self.inventory.ledger().iter().filter(|entry| entry.operation == Operation::Check).count()
    }

    /// Arms a fault for the first `times` checks, or for all of them.
    pub(crate) fn arm(&self, times: Option<u64>, fault: Fault) -> u64 {
        self.inventory.arm(FaultRequest {
            operation: FaultScope::Check,
            matching: FaultMatch::default(),
            skip: 0,
            times,
            chance: None,
            fault,
        })
    }

    /// How often that fault struck.
    pub(crate) fn fired(&self, number: u64) -> u64 {
        self.inventory.faults().iter().find(|fault| fault.id == number).unwrap().fired
    }

    /// How many rows of evidence there are.
    pub(crate) async fn rows(&self) -> i64 {
        sqlx::query_scalar("select count(*) from availability_evidence").fetch_one(self.database.pool()).await.unwrap()
    }

    /// The facts that were told: type and payload.
    pub(crate) async fn facts(&self) -> Vec<(String, serde_json::Value)> {
        let rows: Vec<(String, Json<serde_json::Value>)> =
            sqlx::query_as("select event_type, payload from outbox order by outbox_id").fetch_all(self.database.pool()).await.unwrap();
        rows.into_iter().map(|(kind, payload)| (kind, payload.0)).collect()
    }

    /// Lets time go by.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A shared clock that stands where this one stands.
    pub(crate) fn shared_clock(&self) -> SharedClock {
        Arc::new(self.clock.clone())
    }
}

/// A line of so many of a product.
pub(crate) fn line(product: &str, quantity: &str) -> OrderLine {
    OrderLine {
        order_line: OrderLineId(Uuid::new_v4()),
        product_offering: product.to_owned(),
        quantity: Quantity::parse(quantity).unwrap(),
        location: None,
    }
}

/// How the caches under test are.
pub(crate) fn cache_options() -> CacheOptions {
    CacheOptions { evidence_for: TimeDelta::seconds(1), most_entries: 1_000 }
}

/// A cache in a Redis. Its patience is longer than a busy machine is slow, except where a test wants it short.
pub(crate) fn redis_cache(url: &str, timeout: Duration, clock: SharedClock) -> Cache {
    let options = RedisOptions { url: SecretString::from(url), timeout, failures_to_pause: 3, pause: Duration::from_millis(500) };
    Cache::redis(cache_options(), &options, clock).unwrap()
}
