//! Product events of inventories: what they look like on the wire, and taking them in.
//!
//! **Invariant:** reading a message is pure and never fails: it is an event, nothing for us, or unusable with a reason.
//! **Invariant:** what the database says of a partition's place is the truth; what the broker says is a hint.

mod client;
mod consumer;
mod envelope;
mod oddity;
mod place;
mod product;
mod reader;
mod scalar;
mod settings;
mod status;

pub use consumer::{ConsumerError, ConsumerSettings, InventoryConsumer};
pub use oddity::Oddity;
pub use reader::{Reader, Reading};
pub use settings::{FeedConfig, InventoryEventsConfig, OrderBy};
pub use status::ConsumerStatus;
