//! The shipped models on a real engine: every path ends where the picture says, and every node is passed by some path.
//!
//! Nobody works here but the test, which plays the worker: what the daemon answers is given, and what the model makes of it is
//! asserted from the engine's history. Each path has a tenant of its own. Timers are fired by hand.

mod cancelling;
mod confirming;
mod coverage;
mod fulfilling;
mod order;
mod path;
mod reserving;
mod resolving;
mod stage;
