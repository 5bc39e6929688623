//! The simulator's tests on their own; the door is `tests/it/simulator/mod.rs`.

#[path = "it/simulator/mod.rs"]
mod simulator;
