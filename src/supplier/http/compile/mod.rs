//! Turns a profile as written into one ready for use, or says at which place it cannot.
//!
//! `profile` goes through the operations; `request` readies what is sent, `reading` what comes back; `fault` is all that can be
//! wrong.

mod fault;
mod profile;
mod reading;
mod request;

pub(super) use profile::compile;
