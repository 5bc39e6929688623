//! A fact as it is published: the specification's envelope, or a CloudEvent, each with the key that decides its partition.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::store::WaitingFact;

/// The form in which facts are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The envelope as the value, and what is needed to sort it out as headers.
    Envelope,
    /// A CloudEvent with its attributes as headers and the payload as the value.
    CloudeventsBinary,
    /// A CloudEvent as the value.
    CloudeventsStructured,
}

/// What decides the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Key {
    /// The order, for whoever follows orders; the aggregate where there is none.
    Order,
    /// The aggregate: the reservation, the evidence, the product.
    Reservation,
}

/// How facts are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publishing {
    /// The topic.
    pub topic: String,
    /// What decides the partition.
    pub key: Key,
    /// The form.
    pub format: Format,
    /// The attribute `source` of CloudEvents: who says so.
    pub source: String,
}

/// A message, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub topic: String,
    /// What decides the partition.
    pub key: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// What it says.
    pub value: Vec<u8>,
}

impl Message {
    /// How many bytes it has, about as the broker counts them.
    #[must_use]
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + self.value.len() + headers
    }
}

/// The envelope, in the order of the specification.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    event_id: Uuid,
    event_type: &'a str,
    event_version: i32,
    tenant_id: Uuid,
    aggregate_type: &'a str,
    aggregate_id: Uuid,
    sequence: i64,
    occurred_at: String,
    correlation_id: &'a str,
    causation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed_at: Option<String>,
    payload: &'a Value,
}

impl Publishing {
    /// What decides a fact's partition.
    #[must_use]
    pub fn key(&self, fact: &WaitingFact) -> Uuid {
        match self.key {
            Key::Order => fact.order_id.unwrap_or(fact.aggregate_id),
            Key::Reservation => fact.aggregate_id,
        }
    }

    /// Where a fact goes to.
    #[must_use]
    pub fn topic(&self, fact: &WaitingFact) -> String {
        fact.topic.clone().unwrap_or_else(|| self.topic.clone())
    }

    /// Writes a fact as a message.
    #[must_use]
    pub fn message(&self, fact: &WaitingFact) -> Message {
        let (key, topic) = (self.key(fact), self.topic(fact));
        let (headers, value) = match self.format {
            Format::Envelope => (headers_of_envelope(fact), bytes(&envelope(fact))),
            Format::CloudeventsBinary => {
                let mut headers: Vec<_> = self.attributes(fact, &key).into_iter().map(|(name, value)| (header_name(name), value)).collect();
                headers.push(("content-type", "application/json".to_owned()));
                (headers, bytes(&fact.payload))
            }
            Format::CloudeventsStructured => {
                let mut event: Map<String, Value> =
                    self.attributes(fact, &key).into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
                event.insert("datacontenttype".to_owned(), json!("application/json"));
                event.insert("data".to_owned(), fact.payload.clone());
                (vec![("content-type", "application/cloudevents+json; charset=UTF-8".to_owned())], bytes(&event))
            }
        };
        Message { topic, key: key.to_string(), headers, value }
    }

    /// The attributes of a CloudEvent; names of extensions have lower-case letters and digits only.
    fn attributes(&self, fact: &WaitingFact, key: &Uuid) -> Vec<(&'static str, String)> {
        let mut attributes = vec![
            ("specversion", "1.0".to_owned()),
            ("id", fact.event_id.to_string()),
            ("type", cloudevents_type(&fact.event_type, fact.event_version)),
            ("source", self.source.clone()),
            ("subject", fact.aggregate_id.to_string()),
            ("time", instant(fact.occurred_at)),
            ("dataschema", payload_schema_id(&fact.event_type, fact.event_version)),
            ("tenantid", fact.tenant_id.to_string()),
            ("aggregatetype", fact.aggregate_type.clone()),
            ("sequence", fact.sequence.to_string()),
            ("correlationid", fact.correlation_id.clone()),
            ("causationid", fact.causation_id.clone()),
            ("partitionkey", key.to_string()),
        ];
        attributes.extend(fact.replayed_at.map(|at| ("replayedat", instant(at))));
        attributes
    }
}

fn envelope(fact: &WaitingFact) -> Envelope<'_> {
    Envelope {
        event_id: fact.event_id,
        event_type: &fact.event_type,
        event_version: fact.event_version,
        tenant_id: fact.tenant_id,
        aggregate_type: &fact.aggregate_type,
        aggregate_id: fact.aggregate_id,
        sequence: fact.sequence,
        occurred_at: instant(fact.occurred_at),
        correlation_id: &fact.correlation_id,
        causation_id: &fact.causation_id,
        replayed_at: fact.replayed_at.map(instant),
        payload: &fact.payload,
    }
}

fn headers_of_envelope(fact: &WaitingFact) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "application/json".to_owned()),
        ("eventId", fact.event_id.to_string()),
        ("eventType", fact.event_type.clone()),
        ("eventVersion", fact.event_version.to_string()),
        ("tenantId", fact.tenant_id.to_string()),
        ("sequence", fact.sequence.to_string()),
    ]
}

/// The attribute `type` of a CloudEvent.
pub(super) fn cloudevents_type(event_type: &str, version: i32) -> String {
    format!("holdfast.{event_type}.v{version}")
}

/// The name of an event's schema.
pub(super) fn schema_id(event_type: &str, version: i32) -> String {
    format!("urn:holdfast:events:{event_type}:{version}")
}

/// The name of the schema of an event's payload: a part of the event's own.
pub(super) fn payload_schema_id(event_type: &str, version: i32) -> String {
    format!("{}#/properties/payload", schema_id(event_type, version))
}

/// The Kafka header of a CloudEvents attribute.
fn header_name(attribute: &'static str) -> &'static str {
    match attribute {
        "specversion" => "ce_specversion",
        "id" => "ce_id",
        "type" => "ce_type",
        "source" => "ce_source",
        "subject" => "ce_subject",
        "time" => "ce_time",
        "dataschema" => "ce_dataschema",
        "tenantid" => "ce_tenantid",
        "aggregatetype" => "ce_aggregatetype",
        "sequence" => "ce_sequence",
        "correlationid" => "ce_correlationid",
        "causationid" => "ce_causationid",
        "partitionkey" => "ce_partitionkey",
        "replayedat" => "ce_replayedat",
        other => other,
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Maps with texts as keys and plain values: there is nothing in them that JSON cannot say.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn fact() -> WaitingFact {
        WaitingFact {
            outbox_id: 7,
            shard: 3,
            event_id: Uuid::from_u128(1),
            tenant_id: Uuid::from_u128(2),
            event_type: "ReservationCreated".to_owned(),
            event_version: 1,
            aggregate_type: "Reservation".to_owned(),
            aggregate_id: Uuid::from_u128(3),
            sequence: 2,
            order_id: Some(Uuid::from_u128(4)),
            occurred_at: DateTime::UNIX_EPOCH,
            correlation_id: "order-4".to_owned(),
            causation_id: "call-5".to_owned(),
            payload: json!({"reason": "hold_placed"}),
            topic: None,
            replayed_at: None,
            seen: 7,
            last: 7,
        }
    }

    pub(crate) fn publishing(key: Key, format: Format) -> Publishing {
        Publishing { topic: "facts".to_owned(), key, format, source: "/holdfast".to_owned() }
    }

    fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
        message.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_envelope_is_the_specifications() {
        let message = publishing(Key::Order, Format::Envelope).message(&fact());
        let expected = r#"{"eventId":"00000000-0000-0000-0000-000000000001","eventType":"ReservationCreated","eventVersion":1,"tenantId":"00000000-0000-0000-0000-000000000002","aggregateType":"Reservation","aggregateId":"00000000-0000-0000-0000-000000000003","sequence":2,"occurredAt":"1970-01-01T00:00:00.000Z","correlationId":"order-4","causationId":"call-5","payload":{"reason":"hold_placed"}}"#;
        assert_eq!(String::from_utf8(message.value.clone()).unwrap(), expected);
        assert_eq!((message.topic.as_str(), header(&message, "sequence")), ("facts", Some("2")));
    }

    #[test]
    fn the_key_is_the_order_or_the_aggregate_and_the_aggregate_where_there_is_no_order() {
        let key = |key, fact: &WaitingFact| publishing(key, Format::Envelope).message(fact).key;
        assert_eq!(key(Key::Order, &fact()), Uuid::from_u128(4).to_string());
        assert_eq!(key(Key::Reservation, &fact()), Uuid::from_u128(3).to_string());
        assert_eq!(key(Key::Order, &WaitingFact { order_id: None, ..fact() }), Uuid::from_u128(3).to_string());
    }

    #[test]
    fn a_binary_cloudevent_has_its_attributes_as_headers_and_the_payload_as_value() {
        let message = publishing(Key::Order, Format::CloudeventsBinary).message(&fact());
        assert_eq!(message.value, br#"{"reason":"hold_placed"}"#);
        assert_eq!(header(&message, "ce_type"), Some("holdfast.ReservationCreated.v1"));
        assert_eq!(header(&message, "ce_sequence"), Some("2"));
        assert_eq!(header(&message, "content-type"), Some("application/json"));
        assert!(message.headers.iter().all(|(name, _)| name.starts_with("ce_") || *name == "content-type"), "{:?}", message.headers);
    }

    #[test]
    fn a_structured_cloudevent_is_all_in_its_value() {
        let message = publishing(Key::Order, Format::CloudeventsStructured).message(&fact());
        let event: Value = serde_json::from_slice(&message.value).unwrap();
        assert_eq!((&event["id"], &event["data"]["reason"]), (&json!("00000000-0000-0000-0000-000000000001"), &json!("hold_placed")));
        assert!(header(&message, "content-type").unwrap().starts_with("application/cloudevents+json"));
    }

    #[test]
    fn a_fact_with_a_topic_of_its_own_goes_there_and_a_replayed_one_says_so() {
        let fact = WaitingFact { topic: Some("dead-letters".to_owned()), replayed_at: Some(DateTime::UNIX_EPOCH), ..fact() };
        let message = publishing(Key::Order, Format::Envelope).message(&fact);
        assert_eq!(message.topic, "dead-letters");
        assert!(String::from_utf8(message.value).unwrap().contains(r#""replayedAt":"1970-01-01T00:00:00.000Z""#));
    }
}
