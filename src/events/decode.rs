//! Reading what was published, in any of its forms.

use serde_json::Value;

/// A published fact, as far as a reader needs it to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFact {
    /// The event.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// What it is about.
    pub aggregate_id: String,
    /// Its number among the facts of that aggregate.
    pub sequence: String,
    /// Whose it is.
    pub tenant_id: String,
    /// When it became true.
    pub occurred_at: String,
    /// Whether it is told again.
    pub replayed: bool,
    /// What it says.
    pub payload: Value,
}

/// Reads a message; nothing if it is none of ours.
#[must_use]
pub fn read_fact(headers: &[(String, String)], value: &[u8]) -> Option<SeenFact> {
    let header = |name: &str| headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let value: Value = serde_json::from_slice(value).ok()?;
    if header("ce_specversion").is_some() {
        return of_cloudevent(|name| header(&format!("ce_{name}")).map(str::to_owned), value);
    }
    if header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/cloudevents")) {
        let data = value.get("data").cloned().unwrap_or_default();
        return of_cloudevent(|name| value.get(name).and_then(Value::as_str).map(str::to_owned), data);
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(SeenFact {
        event_id: text("eventId")?,
        event_type: text("eventType")?,
        aggregate_id: text("aggregateId")?,
        sequence: value.get("sequence")?.to_string(),
        tenant_id: text("tenantId")?,
        occurred_at: text("occurredAt")?,
        replayed: value.get("replayedAt").is_some(),
        payload: value.get("payload").cloned().unwrap_or_default(),
    })
}

fn of_cloudevent(attribute: impl Fn(&str) -> Option<String>, payload: Value) -> Option<SeenFact> {
    let kind = attribute("type")?;
    let name = kind.strip_prefix("holdfast.").and_then(|rest| rest.rsplit_once(".v")).map_or(kind.as_str(), |(name, _)| name);
    Some(SeenFact {
        event_id: attribute("id")?,
        event_type: name.to_owned(),
        aggregate_id: attribute("subject")?,
        sequence: attribute("sequence")?,
        tenant_id: attribute("tenantid")?,
        occurred_at: attribute("time")?,
        replayed: attribute("replayedat").is_some(),
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::envelope::tests::{fact, publishing};
    use crate::events::{Format, Key};

    #[test]
    fn the_three_forms_say_the_same() {
        let read = |format| {
            let message = publishing(Key::Order, format).message(&fact());
            let headers: Vec<_> = message.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            read_fact(&headers, &message.value).unwrap()
        };
        let envelope = read(Format::Envelope);
        assert_eq!((envelope.event_type.as_str(), envelope.sequence.as_str()), ("ReservationCreated", "2"));
        assert_eq!(read(Format::CloudeventsBinary), envelope);
        assert_eq!(read(Format::CloudeventsStructured), envelope);
    }

    #[test]
    fn a_message_of_somebody_else_is_none_of_ours() {
        assert_eq!(read_fact(&[], b"{\"a\": 1}"), None);
        assert_eq!(read_fact(&[], b"not JSON"), None);
    }
}
