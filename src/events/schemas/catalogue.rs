//! Every type of event that this daemon is the source of.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::domain::Fact;
use crate::store::{AvailabilityEvidencePayload, DeadLetterPayload, ProductInstancePayload, ReservationPayload};

/// Where an event is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The topic of facts.
    Facts,
    /// The topic of dead letters.
    DeadLetters,
}

/// A type of event, in one version.
#[derive(Debug, Clone, Copy)]
pub struct PublishedEvent {
    /// Its name.
    pub event_type: &'static str,
    /// The version of its schema.
    pub version: i32,
    /// What it is about.
    pub aggregate_type: &'static str,
    /// What has become true.
    pub means: &'static str,
    /// By which channel it is sent.
    pub channel: Channel,
    payload: fn() -> Value,
}

impl PublishedEvent {
    /// The schema of what it says.
    #[must_use]
    pub fn payload_schema(&self) -> Value {
        (self.payload)()
    }
}

const RESERVATION: &str = "Reservation";
const EVIDENCE: &str = "AvailabilityEvidence";
const PRODUCT: &str = "InventoryProductInstance";
const DEAD_LETTER: &str = "DeadLetter";

const fn of_reservation(fact: Fact, means: &'static str) -> PublishedEvent {
    PublishedEvent {
        event_type: fact.event_type(),
        version: 1,
        aggregate_type: RESERVATION,
        means,
        channel: Channel::Facts,
        payload: schema::<ReservationPayload>,
    }
}

/// All of them, in the order of the specification.
pub const EVENTS: &[PublishedEvent] = &[
    PublishedEvent {
        event_type: "AvailabilityEvidenceCreated",
        version: 1,
        aggregate_type: EVIDENCE,
        means: "An inventory has said what it believes to be available.",
        channel: Channel::Facts,
        payload: schema::<AvailabilityEvidencePayload>,
    },
    PublishedEvent {
        event_type: "AvailabilityEvidenceExpired",
        version: 1,
        aggregate_type: EVIDENCE,
        means: "What an inventory had said may no longer be used.",
        channel: Channel::Facts,
        payload: schema::<AvailabilityEvidencePayload>,
    },
    of_reservation(Fact::ReservationRequested, "The wish for a hold is on record; the inventory may not have been asked yet."),
    of_reservation(Fact::ReservationCreated, "The inventory holds."),
    of_reservation(Fact::ReservationRejected, "The inventory has refused to hold."),
    of_reservation(Fact::ReservationOutcomeUnknown, "Nobody knows whether the inventory holds; it will be found out."),
    of_reservation(Fact::ReservationConfirmed, "The hold has become a commitment."),
    of_reservation(Fact::ReservationReleaseRequested, "The hold is to be let go; the inventory may not have been asked yet."),
    of_reservation(Fact::ReservationReleased, "The hold is gone: it was let go, has run out, or was found gone."),
    of_reservation(Fact::ReservationReleaseOutcomeUnknown, "Nobody knows whether the inventory has let go; it will be found out."),
    PublishedEvent {
        event_type: "InventoryProductInstanceCreated",
        version: 1,
        aggregate_type: PRODUCT,
        means: "A product of a customer is known that was not known before.",
        channel: Channel::Facts,
        payload: schema::<ProductInstancePayload>,
    },
    PublishedEvent {
        event_type: "InventoryProductInstanceUpdated",
        version: 1,
        aggregate_type: PRODUCT,
        means: "Something about a product of a customer has changed.",
        channel: Channel::Facts,
        payload: schema::<ProductInstancePayload>,
    },
    PublishedEvent {
        event_type: "InventoryEventDeadLettered",
        version: 1,
        aggregate_type: DEAD_LETTER,
        means: "A message of an inventory could not be used.",
        channel: Channel::DeadLetters,
        payload: schema::<DeadLetterPayload>,
    },
];

/// The schema of a payload as it is written, with everything in place rather than behind references.
fn schema<T: schemars::JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("title");
    }
    schema
}
