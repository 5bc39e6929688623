//! `holdfast doctor`: looks over everything that the daemon needs, changes nothing, and says what to do.

mod api;
mod clocks;
mod configuration;
mod database;
mod engine;
mod events;
mod finding;
mod inventories;
mod models;
mod visit;

pub(crate) use visit::Doctor;
