//! The simulator over real HTTP: the profile, every fault with its proof in the ledger, and the admin interface.

mod admin;
mod bench;
mod faults;
mod page;
mod profile;
mod random;
mod webhook;
