//! What the other tests have already: the engine, the broker, the template of a database, free ports, and waiting with a bound.

#[path = "../it/support/engine.rs"]
pub(crate) mod engine;
#[path = "../it/support/http.rs"]
pub(crate) mod http;
#[path = "../it/support/kafka.rs"]
pub(crate) mod kafka;
#[path = "../it/support/port.rs"]
pub(crate) mod port;
#[path = "../it/support/tear_down.rs"]
mod tear_down;
#[path = "../it/support/template.rs"]
pub(crate) mod template;
#[path = "../it/support/wait.rs"]
pub(crate) mod wait;
