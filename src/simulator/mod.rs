//! A real HTTP inventory that misbehaves on request, and writes down every effect: the oracle of all tests.
//!
//! **Invariant:** it imports nothing of the daemon, so that the two cannot share a mistake.

mod amount;
mod api;
mod clock;
mod command;
mod config;
mod entry;
mod faults;
mod handle;
mod hold;
mod inventory;
mod ledger;
mod net;
mod server;
mod shared;
mod webhook;

pub use amount::Amount;
pub use config::{CreateMode, LookupMode, SimulatorConfig};
pub use entry::{Answered, Asked, AskedLine, Effect, LedgerEntry, Operation, Origin};
pub use faults::{Fault, FaultMatch, FaultRequest, FaultScope, FaultStatus, WrongShape};
pub use handle::Simulator;
pub use hold::{Hold, HoldLine, HoldState};
pub use inventory::StockLevel;
pub use server::{SimulatorError, start};
pub use webhook::{WebhookStatus, WebhookTarget};
