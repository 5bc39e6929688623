//! The inventory work of Camunda 7 order processes.

mod cryptography;
mod fault_points;

pub mod chain;
pub mod domain;

pub mod clock;
pub mod metrics;
pub mod retry;
pub mod shutdown;
pub mod words;

pub mod engine;
pub mod model;
pub mod store;
pub mod supplier;

pub mod cache;

pub mod events;

pub mod operations;
pub mod topics;

pub mod http;

pub mod ops;

pub mod config;

pub mod app;
pub mod cli;

pub mod simulator;
