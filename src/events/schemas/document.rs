//! The schema of an event: the specification's envelope around its payload, and the files that hold it.

use serde_json::{Value, json};

use crate::events::envelope::schema_id;
use crate::events::schemas::{EVENTS, PublishedEvent, asyncapi};

/// A file of what is published, below `docs/events/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its name, with its folder.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The schema of an event in the format `envelope`.
#[must_use]
pub fn schema_of(event: &PublishedEvent) -> Value {
    let uuid = |what: &str| json!({"description": what, "type": "string", "format": "uuid"});
    let text = |what: &str| json!({"description": what, "type": "string"});
    let instant = |what: &str| json!({"description": what, "type": "string", "format": "date-time"});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id(event.event_type, event.version),
        "title": event.event_type,
        "description": event.means,
        "type": "object",
        "properties": {
            "eventId": uuid("The same fact has the same id, however often it is told."),
            "eventType": {"const": event.event_type},
            "eventVersion": {"const": event.version},
            "tenantId": uuid("Whose it is."),
            "aggregateType": {"const": event.aggregate_type},
            "aggregateId": uuid("What it is about."),
            "sequence": {"description": "Counts the facts of this aggregate from 1, without gaps.", "type": "integer", "minimum": 1},
            "occurredAt": instant("When it became true."),
            "correlationId": text("What belongs together, such as everything for an order."),
            "causationId": text("What caused it, such as a call to an inventory."),
            "replayedAt": instant("When somebody asked for this fact to be told again; absent where nobody did."),
            "payload": event.payload_schema(),
        },
        "required": [
            "eventId", "eventType", "eventVersion", "tenantId", "aggregateType", "aggregateId", "sequence", "occurredAt", "correlationId",
            "causationId", "payload",
        ],
    })
}

/// Everything that is published, as files.
#[must_use]
pub fn published_files() -> Vec<PublishedFile> {
    let schemas = EVENTS.iter().map(|event| PublishedFile {
        name: format!("schemas/{}.v{}.json", event.event_type, event.version),
        text: written(&schema_of(event)),
    });
    schemas.chain([PublishedFile { name: "asyncapi.json".to_owned(), text: written(&asyncapi()) }]).collect()
}

fn written(document: &Value) -> String {
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::events::schemas::{Direction, compare_schemas};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events")
    }

    /// With `HOLDFAST_WRITE_DOCS` set, the copies are written anew in place of being compared.
    #[test]
    fn the_published_copies_are_what_the_code_says() {
        #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
        let write = std::env::var_os("HOLDFAST_WRITE_DOCS").is_some();
        let mut wanted = BTreeSet::new();
        for file in published_files() {
            let path = folder().join(&file.name);
            if write {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &file.text).unwrap();
            }
            let copy = fs::read_to_string(&path).unwrap_or_default();
            assert!(copy == file.text, "{} is not what the code says: run `holdfast events schemas --write docs/events`", path.display());
            wanted.insert(path);
        }
        for entry in fs::read_dir(folder().join("schemas")).unwrap() {
            let path = entry.unwrap().path();
            assert!(wanted.contains(&path), "{} describes an event that the code does not know", path.display());
        }
    }

    /// The released schemas are never written anew: they are what consumers were promised.
    #[test]
    fn no_change_breaks_whoever_reads_by_a_released_schema() {
        let mut broken = Vec::new();
        let mut promised = BTreeSet::new();
        for entry in fs::read_dir(folder().join("released")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            promised.insert(name.clone());
            let released: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let Some(file) = published_files().into_iter().find(|file| file.name == format!("schemas/{name}")) else {
                broken.push(format!("{name}: the event is no longer published; whoever waits for it waits for ever"));
                continue;
            };
            let now: Value = serde_json::from_str(&file.text).unwrap();
            broken.extend(compare_schemas(&released, &now, Direction::Sent).into_iter().map(|breach| format!("{name}: {breach}")));
        }
        for event in EVENTS {
            let name = format!("{}.v{}.json", event.event_type, event.version);
            if !promised.contains(&name) {
                broken.push(format!("{name}: nobody was promised anything: copy it from docs/events/schemas/ to docs/events/released/"));
            }
        }
        assert!(broken.is_empty(), "a released event may not change like this; make it a new version instead:\n{}", broken.join("\n"));
    }

    #[test]
    fn every_fact_of_a_reservation_is_published() {
        let facts: BTreeSet<&str> = crate::domain::ReservationStatus::ALL
            .iter()
            .flat_map(|status| crate::domain::Cause::ALL.map(|cause| crate::domain::fact_of(*status, cause)))
            .flatten()
            .map(crate::domain::Fact::event_type)
            .chain(["ReservationRequested"])
            .collect();
        let published: BTreeSet<&str> =
            EVENTS.iter().filter(|event| event.aggregate_type == "Reservation").map(|event| event.event_type).collect();
        assert_eq!(published, facts);
    }
}
