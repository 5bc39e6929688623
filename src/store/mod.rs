//! PostgreSQL, by table: the only room that writes SQL, and the only place where the truth is.
//!
//! **Invariant:** no remote call happens while a transaction of this room is open; it cannot reach engine or suppliers.
//! **Invariant:** every transaction that touches a tenant's rows names its tenants first; row-level security does the rest.
//! **Invariant:** time comes in as a parameter. The one exception is a session's lease, which is judged by the database's
//! clock because that is the only clock all replicas share.

mod batch;
mod census;
mod checkup;
mod claims;
mod engine_tasks;
mod error;
mod evidence;
mod evidence_reads;
mod holdings;
mod lease_connection;
mod migrate;
mod notices;
mod outbox;
mod pool;
mod provision;
mod reservations;
mod rows;
mod sessions;
mod settlements;
mod timeline;
mod unborn;

pub use census::{Census, StateCount};
pub use checkup::{Checkup, Connections, Rights, Role, Table, check_up};
pub use claims::{Asking, Claimed, FreshClaim, Terms, Wanted};
pub use engine_tasks::WaitingTask;
pub use error::StoreError;
pub use holdings::LooseCall;
pub use migrate::migrate;
pub use notices::Notice;
pub use pool::{Store, StoreOptions};
pub use provision::{Provision, provision};
pub use reservations::Find;
pub use sessions::{DeadSession, SessionLease};
pub use settlements::Ended;
pub(crate) use settlements::SettleJob;
pub use timeline::{Timeline, TimelineEntry};
pub use unborn::Unborn;
