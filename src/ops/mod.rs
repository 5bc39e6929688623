//! Keeping it alive and visible: the loops without a caller, health, metrics, logs.
//!
//! **Invariant:** a loop takes no input: what it does after a restart is what it did before.

mod admin;
mod commands;
mod driver;
mod evidence_expiry;
mod heartbeat;
mod housekeeping;
mod reconciler;
mod rescuer;
mod retention;
mod telemetry;

pub use admin::{Admin, AdminError, Probe, Probes};
pub(crate) use commands::Commander;
pub use commands::OrderProcess;
pub(crate) use driver::{Loop, Round};
pub(crate) use evidence_expiry::evidence_expiry;
pub(crate) use heartbeat::{Fenced, heartbeat};
pub(crate) use housekeeping::housekeeping;
pub(crate) use reconciler::Reconciler;
pub(crate) use rescuer::Rescuer;
pub(crate) use retention::retention;
pub use telemetry::{LogSettings, start_logging};
