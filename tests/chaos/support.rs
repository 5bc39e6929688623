//! What the other tests have already: the engine, the broker, and waiting with a bound.

#[path = "../it/support/engine.rs"]
pub(crate) mod engine;
#[path = "../it/support/kafka.rs"]
pub(crate) mod kafka;
#[path = "../it/support/tear_down.rs"]
mod tear_down;
#[path = "../it/support/wait.rs"]
pub(crate) mod wait;
