//! The links between a daemon and what it depends on: proxies that lose, delay, cut, double and garble what passes.

mod book;
mod door;
mod http;
mod message;
mod postgres;
mod watchers;

pub(crate) use book::Book;
pub(crate) use door::Door;
pub(crate) use http::start as http;
pub(crate) use postgres::start as postgres;
pub(crate) use watchers::{EngineWatcher, SupplierWatcher};
