//! The inventory itself: stock, holds and rules, without any network or clock.
//!
//! **Invariant:** every change of a hold goes through `Inventory`, which writes it to the ledger in the same breath.

mod answer;
mod behind;
mod change;
mod read;
mod record;
mod reserve;
mod shelf;
mod state;
mod tenant;

pub(crate) use answer::{Answer, Refusal, json};
pub(crate) use behind::{Drift, Mishap};
pub use shelf::StockLevel;
pub(crate) use state::{Inventory, Manner, Moment};
