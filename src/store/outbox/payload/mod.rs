//! What facts say, in the form in which they are kept and published.
//!
//! The published schemas are made from these types. What is added here must be something that consumers may ignore, and what is
//! there stays: `docs/events.md` says what counts as a breaking change, and a test refuses one.

mod dead_letter;
mod evidence;
mod product;
mod reservation;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

pub use dead_letter::{DeadLetterHeaderPayload, DeadLetterPayload};
pub use evidence::{AvailabilityEvidencePayload, AvailabilityLinePayload};
pub use product::ProductInstancePayload;
pub use reservation::{ReservationLinePayload, ReservationPayload};

/// An instant as everything published has it: UTC, with milliseconds.
fn instant<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The same where there may be none.
fn instant_or_null<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => instant(at, serializer),
        None => serializer.serialize_none(),
    }
}
