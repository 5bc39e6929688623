//! The inventory work of Camunda 7 order processes.
