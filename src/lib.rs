//! The inventory work of Camunda 7 order processes.

pub mod domain;
pub mod store;
pub mod supplier;
