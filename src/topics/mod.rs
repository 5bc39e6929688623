//! One file per BPMN topic: variables in, an operation, an exit out.
//!
//! `registry.rs` lists the topics, `exit.rs` is the one table from what an operation came to what the engine hears, and
//! `tell.rs` says it.
//!
//! **Invariant:** no SQL, no inventory and no policy here: a topic reads variables, runs an operation and chooses an exit.
//! **Invariant:** a task delivered twice gets the same answer from the row, without a call to the inventory.

mod confirm;
mod diff;
mod exit;
mod extend;
mod handler;
mod incident;
mod input;
mod lines;
mod order;
mod question;
mod recheck;
mod reconcile;
mod registry;
mod release;
mod reserve;
mod retry_config;
mod runbook;
mod sweep;
mod tell;
mod waiting;

pub use exit::{Exit, Say};
pub use handler::Topics;
pub use input::{Defaults, InputError};
pub use registry::{ALL_TOPICS, Class, Code, RECONCILER_SUFFIX, Topic};
pub use retry_config::{RetryConfig, RetryConfigError};
