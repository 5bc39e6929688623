//! Facts travel: the outbox to Kafka, and what is published of them.
//!
//! **Invariant:** this is the only room that can reach a broker, and it cannot reach an operation: what comes in is kept by the store
//! before anything is done about it.
//! **Invariant:** a row leaves the outbox after the broker's word and never before. A fact may be told twice; it is never skipped, and
//! the facts of one aggregate arrive in the order of their sequence.

mod decode;
mod envelope;
mod inventory;
mod kafka;
mod partitions;
mod producer;
mod relay;
pub mod schemas;
mod tail;

pub use decode::{SeenFact, read_fact};
pub use envelope::{Format, Key, Message, Publishing};
pub use inventory::{
    ConsumerError, ConsumerSettings, ConsumerStatus, FeedConfig, InventoryConsumer, InventoryEventsConfig, Oddity, OrderBy, Reader, Reading,
};
pub(crate) use kafka::check_topic;
pub use kafka::{KafkaConfig, SaslMechanism, Security};
pub use producer::{Producer, Refusal};
pub use relay::{Observer, Relay, RelaySettings, RelayStatus};
pub use tail::{Tail, TailError, TailFrom, TailedMessage};
