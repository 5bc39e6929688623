//! The two faces: the inventory that clients see, and the one for whoever runs the test.

mod admin;
mod caller;
mod client;
mod holds;

pub(crate) use admin::admin_router;
pub(crate) use client::client_router;
