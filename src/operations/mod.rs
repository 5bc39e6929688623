//! What the daemon does, whoever asks: a topic, HTTP, or one of its own loops.
//!
//! Every effect is three acts: **claim** (one transaction: the row, its move, the record of the call), **ask** (no transaction
//! is open), **settle** (one transaction, guarded by the claim's epoch). `drive.rs` is the one place that does them.
//!
//! **Invariant:** an operation does not know who asked: no engine, no HTTP, no broker can be reached from here.
//! **Invariant:** repeating an operation is safe. A settled row answers again, without a call.

mod accept_notice;
mod apply_plan;
mod check_availability;
mod commands;
mod compare_holds;
mod conclusion;
mod customer_products;
mod decide;
mod drive;
mod errand;
mod evidence;
mod flights;
mod forget;
mod ids;
mod look_after;
mod look_in_list;
mod release;
mod requests;
mod reserve;
mod sessions;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use accept_notice::NoticeOutcome;
pub use apply_plan::{Applied, Applier, PlannedStep, Stale, new_call};
pub use check_availability::{CheckAvailability, CheckError, EvidenceView, Provenance};
pub use compare_holds::{CompareError, Reading};
pub use conclusion::{Conclusion, OperationError};
pub use customer_products::{CustomerProduct, CustomerProducts, Feeds, Staleness};
pub use decide::Decided;
pub use errand::Errand;
pub use evidence::{QuoteAvailability, Rechecked};
pub use forget::Retention;
pub use ids::session as new_session;
pub use look_after::{Due, SettledWaiting};
pub use release::{Attempt, Release};
pub use reserve::Reserve;

pub use crate::store::{
    About, AnsweredCase, Begun, CommandRecord, DeadSession, FalloutCase, Find, Forgotten, KeptAnswer, NewCommand, Notice, ProjectedProduct,
    Put, RequestAttempt, RequestName, SettledHold, Timeline, TimelineEntry, TimelinePart, TimelinePlace, Tried, WaitingTask, Word,
};

use crate::cache::Cache;
use crate::clock::SharedClock;
use crate::domain::Reservation;
use crate::operations::flights::Flights;
use crate::store::{SessionLease, Store, Terms};
use crate::supplier::Suppliers;

/// Everything that an operation needs.
#[derive(Clone)]
pub struct Operations {
    pub(crate) store: Store,
    pub(crate) suppliers: Arc<Suppliers>,
    pub(crate) clock: SharedClock,
    pub(crate) lease: Arc<SessionLease>,
    pub(crate) cache: Cache,
    pub(crate) flights: Flights,
    hints: Arc<tokio::sync::Notify>,
    actor: Arc<str>,
    feeds: Arc<Feeds>,
}

impl Operations {
    /// Puts the parts together. `actor` is the name under which this boot appears in timelines.
    #[must_use]
    pub fn new(store: Store, suppliers: Arc<Suppliers>, clock: SharedClock, lease: Arc<SessionLease>, actor: &str) -> Self {
        Self {
            store,
            suppliers,
            clock,
            lease,
            cache: Cache::Off,
            flights: Flights::default(),
            hints: Arc::default(),
            actor: Arc::from(actor),
            feeds: Arc::default(),
        }
    }

    /// The same, with a cache.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { cache, ..self }
    }

    /// What there is to say of the cache's health; nothing for one that cannot be ill.
    pub async fn cache_health(&self) -> Option<(bool, String)> {
        self.cache.health().await
    }

    /// The time, by the clock that operations go by.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The same, knowing which topics the projection of customers' products is fed from.
    #[must_use]
    pub fn fed_by(self, feeds: Feeds) -> Self {
        Self { feeds: Arc::new(feeds), ..self }
    }

    /// The same operations over connections to the database of their own, so many.
    #[must_use]
    pub fn apart(&self, max_connections: u32) -> Self {
        Self { store: self.store.apart(max_connections), ..self.clone() }
    }

    /// The inventories that are configured.
    #[must_use]
    pub fn suppliers(&self) -> &Suppliers {
        &self.suppliers
    }

    /// The terms of a row's inventory; nothing if that inventory is no longer configured.
    fn terms(&self, row: &Reservation) -> Option<Terms> {
        let source = self.suppliers.get(&row.source)?;
        Some(Terms { capabilities: source.supplier.capabilities(), policy: source.policy })
    }
}
