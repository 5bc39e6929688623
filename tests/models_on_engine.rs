//! The tests of the shipped models on their own; the door is `tests/it/models/mod.rs`.

#[cfg(test)]
#[path = "it/models/mod.rs"]
mod models;
