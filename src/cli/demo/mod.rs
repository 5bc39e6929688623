//! `holdfast demo`: orders of every kind through the real engine, and what became of each by three accounts.
//!
//! The scenarios are data (`scenarios.rs`). Each is played (`play.rs`), what happened is fetched from the engine, the database and
//! the inventory's ledger (`observe.rs`), and a pure function says whether the three agree (`judge.rs`).
//!
//! **Invariant:** the demo works nothing off itself. The daemon and the inventories are children of the same binary, and stay up.

mod children;
mod command;
mod engine_desk;
mod facts;
mod files;
mod installed;
mod inventory;
mod judge;
mod links;
mod observe;
mod play;
mod progress;
mod scenario;
mod scenarios;
mod settings;
mod setup;
mod stage;
mod story;
mod table;
mod told;
mod watch;

pub(crate) use command::Demo;
