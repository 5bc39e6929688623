//! Inventories: one port, several adapters, and nothing of what they answer is hidden.
//!
//! **Invariant:** an adapter makes one attempt per call. It never retries an effect, never follows a redirect with one, and
//! calls an outcome [`Answer::NotSent`](crate::domain::Answer::NotSent) only if no byte of the request can have left this host.
//! **Invariant:** an inventory's own words stop at this door; behind it there is only [`crate::domain`].

mod breaker;
mod guarded;
mod http;
mod limit;
mod port;
mod registry;
#[cfg(test)]
mod sample;
mod source_config;
mod source_rules;
mod turns;
mod webhook_config;

pub use http::{ClientError, ProfileError};
pub use port::{AvailabilityAnswer, CheckAsk, HoldAsk, ListAsk, ListMark, ListedPage, Listing, Question, Reply, Supplier};
pub use registry::{Source, SourceError, Suppliers};
pub use source_config::{Adapter, Auth, AuthKind, AutoExtendConfig, BreakerConfig, SourceConfig};
pub use source_rules::SourceFault;
pub use turns::SharedTurns;
pub use webhook_config::WebhookConfig;
