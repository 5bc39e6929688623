//! The AsyncAPI document: the topic, who sends what on it, and the schema of each message.

use serde_json::{Map, Value, json};

use crate::events::schemas::{EVENTS, schema_of};

/// The channel by which everything is sent; its address is the setting `events.topic`.
const CHANNEL: &str = "facts";

/// The document, in version 3.
#[must_use]
pub fn asyncapi() -> Value {
    let mut messages = Map::new();
    let mut in_channel = Map::new();
    let mut sent = Vec::new();
    for event in EVENTS {
        let name = format!("{}.v{}", event.event_type, event.version);
        messages.insert(
            name.clone(),
            json!({
                "name": name,
                "title": event.event_type,
                "summary": event.means,
                "contentType": "application/json",
                "headers": headers(),
                "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": schema_of(event)},
                "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
            }),
        );
        in_channel.insert(name.clone(), json!({"$ref": format!("#/components/messages/{name}")}));
        sent.push(json!({"$ref": format!("#/channels/{CHANNEL}/messages/{name}")}));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "holdfast",
            "version": "1",
            "description": "Facts about holds, availability and customers' products. Each is told at least once; the facts of one aggregate first come in the order of their sequence.",
        },
        "defaultContentType": "application/json",
        "channels": {
            CHANNEL: {
                "address": "holdfast.events",
                "description": "The topic of the setting `events.topic`. The key is the order, or the aggregate where there is none.",
                "messages": in_channel,
            },
        },
        "operations": {
            "tellFacts": {"action": "send", "channel": {"$ref": format!("#/channels/{CHANNEL}")}, "messages": sent},
        },
        "components": {"messages": messages},
    })
}

fn headers() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "content-type": text, "eventId": text, "eventType": text, "eventVersion": text, "tenantId": text, "sequence": text,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(found.len(), 2 * EVENTS.len() + 1);
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }
}
