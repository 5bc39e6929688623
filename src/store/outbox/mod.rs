//! The outbox: facts on their way out. They are written in the transaction that makes them true, and leave when they were told.
//!
//! **Invariant:** whoever writes a fact holds the lock on its aggregate's row, so that the facts of one aggregate become visible in
//! the order of their sequence. That is what the relay's order rests on.
//!
//! A reservation's facts are written by its settlement (`fact.rs`). Every other aggregate uses `put::put_facts` in its own transaction,
//! with one of the payloads of `payload/`: the published schemas are made from those.

mod census;
mod evidence;
mod fact;
mod payload;
mod put;
mod replay;
mod set_aside;
mod shards;
mod waiting;

pub use census::OutboxCensus;
pub(crate) use evidence::{EvidenceFact, evidence_created};
pub(crate) use fact::{FactRow, facts, requested};
pub use payload::{
    AvailabilityEvidencePayload, AvailabilityLinePayload, DeadLetterHeaderPayload, DeadLetterPayload, ProductInstancePayload,
    ReservationLinePayload, ReservationPayload,
};
pub use put::NewFact;
pub(crate) use put::put_facts;
pub use replay::{ReplayScope, Replayed};
pub use set_aside::SetAside;
pub use shards::{HeldShard, SHARDS};
pub use waiting::{Reading, Told, WaitingFact};
