//! Orders through the shipped models on the real engine, with the daemon, PostgreSQL and the simulator at work.
//!
//! Each test has a shop of its own (`support/shop.rs`) and asserts from the engine's history, the database and the inventory's
//! ledger; `judge` then compares all three. A fault that is armed is proven to have struck.

mod cancelling;
mod database;
mod deciding;
mod extending;
mod fallout;
mod interference;
mod left_behind;
mod matching;
mod partial;
mod paths;
mod repeated;
mod sharing;
mod suspended;
mod sweeping;
mod unknown;
