//! Misbehaviour on request: which requests it strikes, what it does to them, and proof that it did.

mod body;
mod book;
mod kind;
mod perform;
mod request;

pub(crate) use book::{FaultBook, Fired};
pub use kind::{Fault, WrongShape};
pub(crate) use perform::{respond, serve};
pub(crate) use request::Facts;
pub use request::{FaultMatch, FaultRequest, FaultScope, FaultStatus};
