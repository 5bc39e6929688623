//! What the other tests have already: the engine, and waiting with a bound.

#[path = "../it/support/engine.rs"]
pub(crate) mod engine;
#[path = "../it/support/wait.rs"]
pub(crate) mod wait;
