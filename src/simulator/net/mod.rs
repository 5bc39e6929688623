//! The wire: a door that can be shut and opened again, and connections that can be reset.

mod gate;
mod listener;
mod stream;

pub(crate) use gate::Gate;
pub(crate) use listener::GatedListener;
pub(crate) use stream::Connection;
