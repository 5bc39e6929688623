//! What is published, in writing: one JSON Schema for each type of event and version, the AsyncAPI document, and the check that a
//! change of either breaks nobody.
//!
//! All of it is made from the code. The copies under `docs/events/` are compared with it by a test; `holdfast events schemas --write`
//! writes them anew.

mod asyncapi;
mod catalogue;
mod compatible;
mod document;

pub use asyncapi::asyncapi;
pub use catalogue::{Channel, EVENTS, PublishedEvent};
pub use compatible::{Breach, Direction, compare_schemas};
pub use document::{PublishedFile, published_files, schema_of};
