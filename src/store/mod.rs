//! PostgreSQL, by table: the only room that writes SQL, and the only place where the truth is.
//!
//! **Invariant:** no remote call happens while a transaction of this room is open; it cannot reach engine or suppliers.
//! **Invariant:** every transaction that touches a tenant's rows names its tenants first; row-level security does the rest.
//! **Invariant:** time comes in as a parameter. The one exception is a session's lease, which is judged by the database's
//! clock because that is the only clock all replicas share.

mod answered;
mod batch;
mod census;
mod checkup;
mod claims;
mod commands;
mod customer_products;
mod dead_letters;
mod engine_tasks;
mod error;
mod evidence;
mod evidence_expiry;
mod evidence_reads;
mod fallout;
mod holdings;
mod idempotency;
mod inbox;
mod lease_connection;
mod migrate;
mod notices;
mod offsets;
mod outbox;
mod pool;
mod product_facts;
mod products;
mod provision;
mod reservations;
mod retention;
mod rows;
mod sessions;
mod settlements;
mod tenants;
mod timeline;
mod unborn;

pub use census::{Census, StateCount};
pub use checkup::{Checkup, Connections, Rights, Role, Table, check_up};
pub use claims::{Asking, Claimed, FreshClaim, Terms, Unasked, Wanted};
pub use commands::{About, CommandRecord, NewCommand, Put, Tried};
pub use customer_products::ProjectedProduct;
pub use dead_letters::{DeadLetter, DeadLetterFilter, Message, NOBODY, Unusable};
pub use engine_tasks::WaitingTask;
pub use error::StoreError;
pub use fallout::{AnsweredCase, FalloutCase, Heard, Word};
pub use holdings::LooseCall;
pub use idempotency::{Begun, KeptAnswer, NewRequest, RequestAttempt, RequestName};
pub use inbox::{Batch, Content, Delivery, InventoryEvent, Taken, TakenIn};
pub use migrate::migrate;
pub use notices::Notice;
pub use offsets::{Partition, Progress};
pub use outbox::{
    AvailabilityEvidencePayload, AvailabilityLinePayload, DeadLetterHeaderPayload, DeadLetterPayload, HeldShard, NewFact, OutboxCensus,
    ProductInstancePayload, Reading, ReplayScope, Replayed, ReservationLinePayload, ReservationPayload, SHARDS, SetAside, Told,
    WaitingFact,
};
pub use pool::{Store, StoreOptions};
pub use provision::{Provision, provision};
pub use reservations::{Find, SettledHold};
pub use retention::Forgotten;
pub use sessions::{DeadSession, SessionLease};
pub use settlements::Ended;
pub(crate) use settlements::SettleJob;
pub use timeline::{Timeline, TimelineEntry, TimelinePart, TimelinePlace};
pub use unborn::Unborn;
