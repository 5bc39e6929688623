//! The inventory work of Camunda 7 order processes.

pub mod clock;
pub mod domain;
pub mod engine;
pub mod metrics;
pub mod retry;
pub mod shutdown;
pub mod supplier;
