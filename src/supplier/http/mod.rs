//! The declarative adapter: an inventory's HTTP API described by a profile, read without a line of code for it.
//!
//! Reading order: the profile as it is written (`form`), what its placeholders stand for (`values`, `template`, `body`), the
//! profile as it is used (`compile`, `profile`, `load`), one attempt over the wire (`client`, `fence`, `exchange`), what an answer means
//! (`pointer`, `line`, `rules`, `hold`, `list`, `active`, `availability`), and the port filled with all that (`adapter`).
//!
//! **Invariant:** an unmapped status, code or state, an unreadable body and a missing field are unknown outcomes, and the text
//! says what was seen. HTTP status alone never decides a refusal: the profile cannot even say so.

mod active;
mod adapter;
mod availability;
mod body;
mod client;
mod compile;
#[cfg(test)]
mod documented;
mod evidence;
mod exchange;
mod fence;
mod form;
mod hold;
mod line;
mod list;
mod load;
mod pointer;
mod profile;
mod rules;
mod template;
mod values;

pub(crate) use adapter::HttpInventory;
pub use client::ClientError;
pub(crate) use client::{Connection, Credentials};
pub use load::ProfileError;
pub(crate) use load::load;
