//! What an event says of itself: as a CloudEvent (binary or structured), in TMF's envelope, or in the plain one.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::events::inventory::scalar::{Oddities, instant, text};
use crate::store::Message;

/// Names of a plain header that carries the tenant.
const TENANT_HEADERS: [&str; 4] = ["tenantid", "tenant-id", "tenant_id", "x-tenant-id"];

/// Why there is no envelope to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoEnvelope {
    /// The message has no body: it says that a key is gone, which means nothing here.
    NoBody,
    /// The body is not what it should be.
    Unreadable(String),
}

/// An event's own words about itself. Nothing has been checked yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) id: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) at: Option<DateTime<Utc>>,
    /// Every tenant that is named anywhere; they should be one.
    pub(crate) tenants: Vec<String>,
    pub(crate) correlation: Option<String>,
    /// The count that the event carries outside of the product.
    pub(crate) sequence: Option<Value>,
    pub(crate) product: Option<Map<String, Value>>,
}

/// Reads the envelope of a message.
pub(crate) fn envelope(message: &Message, odd: &mut Oddities) -> Result<Envelope, NoEnvelope> {
    let body = message.body.as_deref().ok_or(NoEnvelope::NoBody)?;
    let json: Value = serde_json::from_slice(body).map_err(|error| NoEnvelope::Unreadable(format!("the body is not JSON: {error}")))?;
    let Value::Object(mut body) = json else {
        return Err(NoEnvelope::Unreadable("the body is not a JSON object".to_owned()));
    };
    let content_type = header(message, "content-type").unwrap_or_default().to_ascii_lowercase();
    let mut envelope = if content_type.starts_with("application/cloudevents-batch") {
        return Err(NoEnvelope::Unreadable("a batch of CloudEvents in one message is not supported".to_owned()));
    } else if content_type.starts_with("application/cloudevents") {
        let attributes = std::mem::take(&mut body);
        let outer = cloud_event(|name| attributes.get(name).cloned(), odd);
        body = match attributes.get("data") {
            Some(Value::Object(data)) => data.clone(),
            _ => return Err(NoEnvelope::Unreadable("the CloudEvent has no `data` that is a JSON object".to_owned())),
        };
        outer
    } else if header(message, "ce_id").is_some() {
        cloud_event(|name| header(message, &format!("ce_{name}")).map(|value| Value::String(value.to_owned())), odd)
    } else {
        Envelope::default()
    };
    let is_cloud_event = envelope.id.is_some();
    envelope.tenants.extend(
        message
            .headers
            .iter()
            .filter(|(name, _)| TENANT_HEADERS.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(_, value)| value.clone()),
    );
    inner(&mut envelope, body, is_cloud_event, odd);
    Ok(envelope)
}

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The attributes of a CloudEvent. Its identity is its source and its id together.
fn cloud_event(attribute: impl Fn(&str) -> Option<Value>, odd: &mut Oddities) -> Envelope {
    let mut words = |name: &str| attribute(name).and_then(|value| text(&value, odd));
    let id = words("id").map(|id| match words("source") {
        Some(source) => format!("{source} {id}"),
        None => id,
    });
    let (event_type, correlation, tenant) = (words("type"), words("correlationid"), words("tenantid"));
    Envelope {
        id,
        event_type,
        at: attribute("time").and_then(|value| instant(&value, odd)),
        tenants: tenant.into_iter().collect(),
        correlation,
        sequence: attribute("sequence"),
        product: None,
    }
}

/// What the body says: TMF's envelope with `event.product`, the plain one with `product`, or in a CloudEvent the product alone.
fn inner(envelope: &mut Envelope, mut body: Map<String, Value>, is_cloud_event: bool, odd: &mut Oddities) {
    let mut words = |name: &str| body.get(name).and_then(|value| text(value, odd));
    let (id, event_type) = (words("eventId"), words("eventType"));
    envelope.correlation = envelope.correlation.take().or(words("correlationId"));
    envelope.tenants.extend(words("tenantId"));
    envelope.id = envelope.id.take().or(id);
    // TMF's own name says more than a type that was made for a broker.
    envelope.event_type = event_type.or(envelope.event_type.take());
    // One of the standard's spellings has a letter too few.
    for name in ["eventTime", "occurredAt", "timeOccurred", "timeOcurred"] {
        if envelope.at.is_none() {
            envelope.at = body.get(name).and_then(|value| instant(value, odd));
        }
    }
    envelope.sequence = envelope.sequence.take().or_else(|| body.get("sequence").cloned());
    let product = match body.get_mut("event") {
        Some(Value::Object(event)) => event.remove("product"),
        _ => body.remove("product"),
    };
    envelope.product = match product {
        Some(Value::Object(product)) => Some(product),
        None if is_cloud_event && body.contains_key("id") => Some(body),
        _ => None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Partition;
    use serde_json::json;

    fn message(headers: &[(&str, &str)], body: &Value) -> Message {
        Message {
            partition: Partition { group: "g".into(), topic: "t".into(), number: 0 },
            offset: 0,
            key: None,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Some(body.to_string().into_bytes()),
        }
    }

    fn read(headers: &[(&str, &str)], body: &Value) -> Envelope {
        envelope(&message(headers, body), &mut Vec::new()).unwrap()
    }

    #[test]
    fn the_same_event_is_read_in_all_four_envelopes() {
        let product = json!({"id": "p-1", "status": "active"});
        let tmf = json!({"eventId": "e-1", "eventTime": "2026-07-02T12:00:00Z", "eventType": "ProductStateChangeEvent", "tenantId": "t-1",
            "correlationId": "c-1", "event": {"product": product}});
        let plain = json!({"eventId": "e-1", "occurredAt": "2026-07-02T12:00:00Z", "eventType": "ProductStateChangeEvent", "tenantId": "t-1",
            "correlationId": "c-1", "product": product});
        let structured = json!({"specversion": "1.0", "id": "e-1", "source": "/inventory", "type": "ProductStateChangeEvent",
            "time": "2026-07-02T12:00:00Z", "tenantid": "t-1", "correlationid": "c-1", "data": product});
        let binary = [
            ("ce_specversion", "1.0"),
            ("ce_id", "e-1"),
            ("ce_source", "/inventory"),
            ("ce_type", "ProductStateChangeEvent"),
            ("ce_time", "2026-07-02T12:00:00Z"),
            ("ce_tenantid", "t-1"),
            ("ce_correlationid", "c-1"),
            ("content-type", "application/json"),
        ];

        let wanted = read(&[], &tmf);
        assert_eq!(wanted.tenants, ["t-1"]);
        assert_eq!(wanted.product.as_ref().unwrap()["id"], "p-1");
        assert_eq!(read(&[], &plain), wanted);
        let of_source = Envelope { id: Some("/inventory e-1".to_owned()), ..wanted };
        assert_eq!(read(&[("Content-Type", "Application/CloudEvents+JSON; charset=UTF-8")], &structured), of_source);
        assert_eq!(read(&binary, &product), of_source);
    }

    #[test]
    fn what_is_no_envelope_says_why() {
        let unreadable = |body: &[u8]| {
            let message = Message { body: Some(body.to_vec()), ..message(&[], &json!(null)) };
            envelope(&message, &mut Vec::new()).unwrap_err()
        };
        assert!(matches!(unreadable(b"{\"a\":"), NoEnvelope::Unreadable(why) if why.starts_with("the body is not JSON")));
        assert!(matches!(unreadable(b"[1]"), NoEnvelope::Unreadable(why) if why.contains("not a JSON object")));
        let nobody = Message { body: None, ..message(&[], &json!(null)) };
        assert_eq!(envelope(&nobody, &mut Vec::new()), Err(NoEnvelope::NoBody));
    }
}
