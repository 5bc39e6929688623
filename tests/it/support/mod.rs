//! What the tests share: the engines, small models, fakes, waiting with a bound; and for tests of the daemon itself
//! a shop with an inventory and a database of its own, orders in it, and a judge of what became of them.

pub(crate) mod bpmn;
pub(crate) mod broker;
pub(crate) mod command;
pub(crate) mod counter;
pub(crate) mod daemon;
pub(crate) mod database;
pub(crate) mod engine;
pub(crate) mod fake;
pub(crate) mod gate;
pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod judge;
pub(crate) mod kafka;
pub(crate) mod order;
#[cfg(feature = "fault-points")]
pub(crate) mod points;
pub(crate) mod port;
pub(crate) mod redis;
pub(crate) mod rows;
pub(crate) mod shop;
pub(crate) mod tear_down;
pub(crate) mod template;
pub(crate) mod wait;
pub(crate) mod wire;
