//! What can be said of a Camunda 7 process model by reading it: whether the work of this daemon will go well in it.
//!
//! The engine deploys models that fail later and quietly. Above all: an error code that nobody catches ends the instance without a
//! word. [`check`](check()) reads the models and forms of one deployment together and says what is wrong, where, and what to do.
//!
//! **Invariant:** text in, findings out. No file, no engine, and nothing else of this crate: which topics there are and which
//! codes each may throw is handed in.

mod check;
mod element;
mod finding;
mod models;
mod rules;
#[cfg(test)]
mod sample;
mod topic;

pub use check::check;
pub use finding::{Finding, Severity};
pub use models::Resource;
pub use topic::{OnlyWhen, Throw, Topic};
