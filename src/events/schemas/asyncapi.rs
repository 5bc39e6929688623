//! The AsyncAPI document: the topics, who sends what on them, and what each message looks like in each format.

use serde_json::{Map, Value, json};

use crate::events::envelope::{cloudevents_type, payload_schema_id};
use crate::events::schemas::{Channel, EVENTS, PublishedEvent, schema_of};

const SCHEMA_FORMAT: &str = "application/schema+json;version=draft-2020-12";
/// The headers of the format `envelope`.
const ENVELOPE: [&str; 6] = ["content-type", "eventId", "eventType", "eventVersion", "tenantId", "sequence"];
/// The attributes of a CloudEvent that every one has.
const ATTRIBUTES: [&str; 13] = [
    "specversion",
    "id",
    "type",
    "source",
    "subject",
    "time",
    "dataschema",
    "tenantid",
    "aggregatetype",
    "sequence",
    "correlationid",
    "causationid",
    "partitionkey",
];
/// The one that a fact has which is told again.
const TOLD_AGAIN: &str = "replayedat";

/// The channels: a name, and what is said of it. The addresses are those of `config/default.toml`.
const CHANNELS: [(Channel, &str, &str, &str); 2] = [
    (Channel::Facts, "facts", "holdfast.events", "The topic of the setting `events.topic`."),
    (
        Channel::DeadLetters,
        "deadLetters",
        "holdfast.inventory-events.dead-letters",
        "The topic of the setting `inventory_events.dead_letter_topic`.",
    ),
];
const KEY: &str = "The key is the order, or the aggregate where there is none (`events.key` = \"order\"), or always the aggregate (\"reservation\"). \
Every message comes in the format that `events.format` names, and in no other.";

/// The document, in version 3.
#[must_use]
pub fn asyncapi() -> Value {
    let mut messages = Map::new();
    let mut schemas = Map::new();
    for event in EVENTS {
        schemas.insert(name_of(event), json!({"schemaFormat": SCHEMA_FORMAT, "schema": schema_of(event)}));
        messages.extend(forms(event));
    }
    let mut channels = Map::new();
    let mut operations = Map::new();
    for (channel, name, address, says) in CHANNELS {
        let sent: Vec<String> =
            EVENTS.iter().filter(|event| event.channel == channel).flat_map(|event| forms(event).map(|(name, _)| name)).collect();
        let in_channel: Map<String, Value> =
            sent.iter().map(|message| (message.clone(), json!({"$ref": format!("#/components/messages/{message}")}))).collect();
        channels.insert(name.to_owned(), json!({"address": address, "description": format!("{says} {KEY}"), "messages": in_channel}));
        let sent: Vec<Value> = sent.iter().map(|message| json!({"$ref": format!("#/channels/{name}/messages/{message}")})).collect();
        let operation = json!({"action": "send", "channel": {"$ref": format!("#/channels/{name}")}, "messages": sent});
        operations.insert(format!("tell{}{}", name[..1].to_uppercase(), &name[1..]), operation);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "holdfast",
            "version": "1",
            "description": "Facts about holds, availability and customers' products. Each is told at least once; the facts of one aggregate first come in the order of their sequence.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn name_of(event: &PublishedEvent) -> String {
    format!("{}.v{}", event.event_type, event.version)
}

/// An event's message in each format, by its name in this document.
fn forms(event: &PublishedEvent) -> [(String, Value); 3] {
    let name = name_of(event);
    let whole = json!({"$ref": format!("#/components/schemas/{name}")});
    let payload = json!({"$ref": format!("#/components/schemas/{name}/schema/properties/payload")});
    let form = |suffix: &str, content_type: &str, headers: Value, payload: Value| {
        let message = json!({
            "name": name,
            "title": event.event_type,
            "summary": event.means,
            "contentType": content_type,
            "headers": headers,
            "payload": payload,
            "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
        });
        (format!("{name}{suffix}"), message)
    };
    let with_format = |schema: Value| json!({"schemaFormat": SCHEMA_FORMAT, "schema": schema});
    let (mut headers, mut value) = (attributes(event, "ce_"), attributes(event, ""));
    require(&mut headers, "content-type", json!({"const": "application/json"}));
    require(&mut value, "datacontenttype", json!({"const": "application/json"}));
    require(&mut value, "data", payload.clone());
    let mut structured = json!({"type": "object", "properties": {}, "required": []});
    require(&mut structured, "content-type", json!({"type": "string"}));
    [
        form("", "application/json", envelope_headers(event), whole),
        form(".cloudevents-binary", "application/json", headers, with_format(payload)),
        form(".cloudevents-structured", "application/cloudevents+json", structured, with_format(value)),
    ]
}

fn envelope_headers(event: &PublishedEvent) -> Value {
    let mut headers = json!({"type": "object", "properties": {}, "required": []});
    for name in ENVELOPE {
        let value = match name {
            "content-type" => json!({"const": "application/json"}),
            "eventType" => json!({"const": event.event_type}),
            "eventVersion" => json!({"const": event.version.to_string()}),
            _ => json!({"type": "string"}),
        };
        require(&mut headers, name, value);
    }
    headers
}

/// The attributes of a CloudEvent, each with this in front of its name.
fn attributes(event: &PublishedEvent, prefix: &str) -> Value {
    let mut schema = json!({"type": "object", "properties": {}, "required": []});
    for name in ATTRIBUTES {
        let value = match name {
            "specversion" => json!({"const": "1.0"}),
            "type" => json!({"const": cloudevents_type(event.event_type, event.version)}),
            "dataschema" => json!({"const": payload_schema_id(event.event_type, event.version)}),
            "aggregatetype" => json!({"const": event.aggregate_type}),
            "time" => json!({"type": "string", "format": "date-time"}),
            _ => json!({"type": "string"}),
        };
        require(&mut schema, &format!("{prefix}{name}"), value);
    }
    schema["properties"][format!("{prefix}{TOLD_AGAIN}")] = json!({"type": "string", "format": "date-time"});
    schema
}

/// Adds a property that is never missing.
fn require(schema: &mut Value, name: &str, value: Value) {
    schema["properties"][name] = value;
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(json!(name));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::DateTime;

    use super::*;
    use crate::events::envelope::tests::{fact, publishing};
    use crate::events::{Format, Key};
    use crate::store::WaitingFact;

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = asyncapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        // In its channel and its operation, each form; and the schema that each rests on.
        assert_eq!(found.len(), 9 * EVENTS.len() + CHANNELS.len());
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn what_is_sent_in_each_format_is_what_the_document_says() {
        let document = asyncapi();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
        for (format, suffix) in [
            (Format::Envelope, ""),
            (Format::CloudeventsBinary, ".cloudevents-binary"),
            (Format::CloudeventsStructured, ".cloudevents-structured"),
        ] {
            let message = publishing(Key::Order, format).message(&WaitingFact { replayed_at: Some(DateTime::UNIX_EPOCH), ..fact() });
            let said = &document["components"]["messages"][format!("ReservationCreated.v1{suffix}")];
            let headers: BTreeSet<String> = message.headers.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(headers, names(&said["headers"]["properties"]));
            let content_type = message.headers.iter().find(|(name, _)| *name == "content-type").unwrap();
            assert!(content_type.1.starts_with(said["contentType"].as_str().unwrap()));
            for (name, value) in &message.headers {
                let wanted = &said["headers"]["properties"][name]["const"];
                assert!(wanted.is_null() || wanted == value, "{name}: {value}");
            }
            let value: Value = serde_json::from_slice(&message.value).unwrap();
            match format {
                Format::Envelope => assert_eq!(names(&value), names(&schema_of(&EVENTS[3])["properties"])),
                Format::CloudeventsBinary => assert_eq!(value, fact().payload),
                Format::CloudeventsStructured => assert_eq!(names(&value), names(&said["payload"]["schema"]["properties"])),
            }
        }
    }
}
