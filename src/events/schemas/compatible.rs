//! Whether a changed schema breaks whoever knows the old one, and why.
//!
//! It knows the keywords that our schemas use, and nothing else: one that it does not know is a breach, because nobody could say what
//! its change means.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

/// Who knows the old schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Those who read what we send: they must understand everything that the new schema allows.
    Sent,
    /// Those who send what we read: everything that the old schema allowed must still be taken.
    Received,
}

/// One change that breaks somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Where, as a JSON pointer into the document that the schema describes.
    pub at: String,
    /// What has changed, and whom it breaks.
    pub why: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the whole" } else { &self.at };
        write!(f, "{at}: {}", self.why)
    }
}

/// Says nothing about what a document may be.
const SILENT: [&str; 5] = ["$schema", "title", "description", "default", "examples"];
/// Upper and lower bounds.
const LOWER: [&str; 3] = ["minimum", "minLength", "minItems"];
const UPPER: [&str; 3] = ["maximum", "maxLength", "maxItems"];
/// What cannot be compared but for equality.
const OPAQUE: [&str; 4] = ["$id", "const", "format", "pattern"];
/// What this file compares one by one.
const COMPARED: [&str; 6] = ["type", "enum", "properties", "required", "additionalProperties", "items"];

/// Compares a schema with the one that somebody knows; every breach is one sentence.
#[must_use]
pub fn compare_schemas(known: &Value, now: &Value, direction: Direction) -> Vec<Breach> {
    let mut comparison = Comparison { direction, breaches: Vec::new() };
    comparison.schemas("", known, now);
    comparison.breaches
}

struct Comparison {
    direction: Direction,
    breaches: Vec<Breach>,
}

impl Comparison {
    fn breach(&mut self, at: &str, why: impl Into<String>) {
        self.breaches.push(Breach { at: at.to_owned(), why: why.into() });
    }

    fn schemas(&mut self, at: &str, known: &Value, now: &Value) {
        let (Value::Object(known), Value::Object(now)) = (known, now) else {
            if known != now {
                self.breach(at, format!("the schema was {known} and is {now}"));
            }
            return;
        };
        for keyword in known.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            let name = keyword.as_str();
            if ![&SILENT[..], &LOWER, &UPPER, &OPAQUE, &COMPARED].iter().any(|known| known.contains(&name)) {
                self.breach(
                    at,
                    format!("the keyword `{name}` is not known to this check: teach it what a change of it means, or do without"),
                );
            }
        }
        self.types(at, known, now);
        self.opaque(at, known, now);
        self.bounds(at, known, now);
        self.enums(at, known, now);
        self.required(at, known, now);
        self.additional(at, known, now);
        self.properties(at, known, now);
        if let (Some(known), Some(now)) = (known.get("items"), now.get("items")) {
            self.schemas(&format!("{at}/[]"), known, now);
        } else if known.contains_key("items") != now.contains_key("items") {
            self.breach(at, "what the list holds was described in one version only");
        }
    }

    fn types(&mut self, at: &str, known: &Map<String, Value>, now: &Map<String, Value>) {
        let (before, after) = (texts(known.get("type")), texts(now.get("type")));
        if before.is_empty() && after.is_empty() {
            return;
        }
        let wider: Vec<_> = after.difference(&before).filter(|name| !is_number_of(&before, name)).cloned().collect();
        let narrower: Vec<_> = before.difference(&after).filter(|name| !is_number_of(&after, name)).cloned().collect();
        if self.direction == Direction::Sent && (!wider.is_empty() || after.is_empty()) {
            self.breach(at, format!("may now be {}, which its readers do not expect", listed(&wider, "anything")));
        }
        if self.direction == Direction::Received && (!narrower.is_empty() || before.is_empty()) {
            self.breach(at, format!("may no longer be {}, which its senders may send", listed(&narrower, "anything")));
        }
    }

    fn opaque(&mut self, at: &str, known: &Map<String, Value>, now: &Map<String, Value>) {
        for keyword in OPAQUE {
            match (known.get(keyword), now.get(keyword)) {
                (before, after) if before == after => {}
                // A promise more about what we send harms no reader, and one less about what we read no sender.
                (None, Some(_)) if self.direction == Direction::Sent => {}
                (Some(_), None) if self.direction == Direction::Received => {}
                (before, after) => {
                    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                    self.breach(at, format!("its `{keyword}` was {} and is {}", shown(before), shown(after)));
                }
            }
        }
    }

    fn bounds(&mut self, at: &str, known: &Map<String, Value>, now: &Map<String, Value>) {
        for (keywords, is_lower) in [(LOWER, true), (UPPER, false)] {
            for keyword in keywords {
                let number = |schema: &Map<String, Value>| schema.get(keyword).and_then(Value::as_f64);
                let (before, after) = (number(known), number(now));
                let wider = match (before, after) {
                    (None, _) => false,
                    (Some(_), None) => true,
                    (Some(before), Some(after)) => {
                        if is_lower {
                            after < before
                        } else {
                            after > before
                        }
                    }
                };
                let narrower = match (before, after) {
                    (_, None) => false,
                    (None, Some(_)) => true,
                    (Some(before), Some(after)) => {
                        if is_lower {
                            after > before
                        } else {
                            after < before
                        }
                    }
                };
                if self.direction == Direction::Sent && wider {
                    self.breach(at, format!("its `{keyword}` was loosened: readers may meet values that they were told not to expect"));
                }
                if self.direction == Direction::Received && narrower {
                    self.breach(at, format!("its `{keyword}` was tightened: senders may send values that are now refused"));
                }
            }
        }
    }

    fn enums(&mut self, at: &str, known: &Map<String, Value>, now: &Map<String, Value>) {
        let values = |schema: &Map<String, Value>| {
            schema.get("enum").and_then(Value::as_array).map(|values| values.iter().map(ToString::to_string).collect::<BTreeSet<_>>())
        };
        match (values(known), values(now), self.direction) {
            (Some(before), Some(after), Direction::Sent) => {
                let more: Vec<_> = after.difference(&before).cloned().collect();
                if !more.is_empty() {
                    self.breach(at, format!("may now be {}, and its readers were given a closed list", more.join(", ")));
                }
            }
            (Some(before), Some(after), Direction::Received) => {
                let less: Vec<_> = before.difference(&after).cloned().collect();
                if !less.is_empty() {
                    self.breach(at, format!("may no longer be {}, which its senders may send", less.join(", ")));
                }
            }
            (Some(_), None, Direction::Sent) => self.breach(at, "was a closed list for its readers and is open now"),
            (None, Some(_), Direction::Received) => self.breach(at, "was open to its senders and is a closed list now"),
            _ => {}
        }
    }

    fn required(&mut self, at: &str, known: &Map<String, Value>, now: &Map<String, Value>) {
        let (before, after) = (texts(known.get("required")), texts(now.get("required")));
        match self.direction {
            Direction::Sent => before.difference(&after).for_each(|name| {
                self.breach(&format!("{at}/{name}"), "was always there and may be missing now: readers count on it");
            }),
            Direction::Received => after.difference(&before).for_each(|name| {
                self.breach(&format!("{at}/{name}"), "must be there now, and senders do not know that");
            }),
        }
    }

    fn additional(&mut self, at: &str, known: &Map<String, Value>, now: &Map<String, Value>) {
        let open = |schema: &Map<String, Value>| schema.get("additionalProperties").is_none_or(|value| *value == Value::Bool(true));
        match self.direction {
            Direction::Sent if !open(known) && known.get("additionalProperties") != now.get("additionalProperties") => {
                self.breach(at, "readers were told to expect no further properties, or only some, and that has changed");
            }
            Direction::Received if !open(now) && known.get("additionalProperties") != now.get("additionalProperties") => {
                self.breach(at, "senders could add properties that are now refused");
            }
            Direction::Sent | Direction::Received => {}
        }
    }

    fn properties(&mut self, at: &str, known: &Map<String, Value>, now: &Map<String, Value>) {
        let none = Map::new();
        let of =
            |schema: &'_ Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_else(|| none.clone());
        let (before, after) = (of(known), of(now));
        let closed = known.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, schema) in &before {
            let inside = format!("{at}/{name}");
            match after.get(name) {
                Some(now) => self.schemas(&inside, schema, now),
                None => self.breach(&inside, "is gone: whoever reads or sends it is not understood any more"),
            }
        }
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            if self.direction == Direction::Sent && closed {
                self.breach(&format!("{at}/{name}"), "is new, and readers were told to expect no further properties");
            }
        }
    }
}

/// An integer is a number.
fn is_number_of(types: &BTreeSet<String>, name: &str) -> bool {
    name == "integer" && types.contains("number")
}

fn texts(value: Option<&Value>) -> BTreeSet<String> {
    match value {
        Some(Value::String(text)) => BTreeSet::from([text.clone()]),
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

fn listed(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(" or ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known() -> Value {
        json!({
            "title": "Thing", "type": "object", "required": ["id", "count"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "count": {"type": "integer", "minimum": 1},
                "colour": {"enum": ["red", "green"]},
                "note": {"type": ["string", "null"]},
                "parts": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
            },
        })
    }

    /// The breaches of one change at a place in the known schema, for readers and for senders.
    fn after(pointer: &str, change: Value) -> (Vec<String>, Vec<String>) {
        let mut now = known();
        match change {
            Value::Null => {
                let (parent, name) = pointer.rsplit_once('/').unwrap();
                now.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
            }
            change => match now.pointer_mut(pointer) {
                Some(place) => *place = change,
                None => {
                    let (parent, name) = pointer.rsplit_once('/').unwrap();
                    now.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), change);
                }
            },
        }
        let shown = |direction| compare_schemas(&known(), &now, direction).iter().map(ToString::to_string).collect();
        (shown(Direction::Sent), shown(Direction::Received))
    }

    fn breaks(pointer: &str, change: Value) -> (bool, bool) {
        let (readers, senders) = after(pointer, change);
        (!readers.is_empty(), !senders.is_empty())
    }

    #[test]
    fn what_says_nothing_may_change() {
        assert_eq!(breaks("/title", json!("Another")), (false, false));
        assert_eq!(breaks("/properties/id/description", json!("what it is")), (false, false));
    }

    #[test]
    fn a_property_may_come_and_none_may_go() {
        assert_eq!(breaks("/properties/size", json!({"type": "integer"})), (false, false));
        assert_eq!(breaks("/properties/note", Value::Null), (true, true));
    }

    #[test]
    fn what_is_required_may_become_more_for_readers_and_less_for_senders() {
        assert_eq!(breaks("/required", json!(["id", "count", "note"])), (false, true));
        assert_eq!(breaks("/required", json!(["id"])), (true, false));
    }

    #[test]
    fn types_may_become_narrower_for_readers_and_wider_for_senders() {
        assert_eq!(breaks("/properties/note/type", json!("string")), (false, true));
        assert_eq!(breaks("/properties/id/type", json!(["string", "null"])), (true, false));
        assert_eq!(breaks("/properties/count/type", json!("number")), (true, false), "an integer is a number, but not the other way");
        assert_eq!(breaks("/properties/parts/items/properties/name/type", json!("integer")), (true, true));
    }

    #[test]
    fn bounds_and_lists_follow_the_same_rule() {
        assert_eq!(breaks("/properties/count/minimum", json!(5)), (false, true));
        assert_eq!(breaks("/properties/count/minimum", json!(0)), (true, false));
        assert_eq!(breaks("/properties/count/minimum", Value::Null), (true, false));
        assert_eq!(breaks("/properties/colour/enum", json!(["red", "green", "blue"])), (true, false));
        assert_eq!(breaks("/properties/colour/enum", json!(["red"])), (false, true));
    }

    #[test]
    fn constants_formats_and_names_stay() {
        assert_eq!(breaks("/properties/id/format", json!("uri")), (true, true));
        assert_eq!(breaks("/properties/id/format", Value::Null), (true, false));
        assert_eq!(breaks("/$id", json!("urn:other")), (false, true));
    }

    #[test]
    fn a_keyword_that_it_does_not_know_is_never_waved_through() {
        let (readers, _) = after("/properties/note/contentEncoding", json!("base64"));
        assert_eq!(readers.len(), 1);
        assert!(readers[0].contains("/note") && readers[0].contains("`contentEncoding`"), "{readers:?}");
    }

    #[test]
    fn a_breach_says_where_what_and_whom() {
        let (readers, _) = after("/required", json!(["id"]));
        assert_eq!(readers, ["/count: was always there and may be missing now: readers count on it"]);
    }
}
