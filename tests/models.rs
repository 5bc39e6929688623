//! The shipped models and forms as files: what reading them can tell, without an engine.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use holdfast::model::{Finding, OnlyWhen, Resource, Severity, Throw, Topic, check};
use roxmltree::{Document, Node};

const CAMUNDA: &str = "http://camunda.org/schema/1.0/bpmn";
const MODELER: &str = "http://camunda.org/schema/modeler/1.0";

const fn always(code: &str) -> Throw<'_> {
    Throw { code, only_when: None }
}

const fn in_mode(code: &'static str, value: &'static str, is_default: bool) -> Throw<'static> {
    Throw { code, only_when: Some(OnlyWhen { parameter: "recheckMode", value, is_default }) }
}

/// What the daemon serves, and what it may throw.
const TOPICS: [Topic<'_>; 6] = [
    Topic { name: "inventory.reserve", has_effect: true, throws: &[always("RESERVATION_REJECTED")] },
    Topic { name: "inventory.release", has_effect: true, throws: &[always("RELEASE_REFUSED")] },
    Topic {
        name: "inventory.recheck",
        has_effect: true,
        throws: &[in_mode("AVAILABILITY_CHANGED", "availability", true), in_mode("HOLD_LOST", "hold", false)],
    },
    Topic { name: "inventory.confirm", has_effect: true, throws: &[always("CONFIRM_REFUSED"), always("HOLD_LOST")] },
    Topic { name: "inventory.extend", has_effect: true, throws: &[always("EXTEND_REFUSED"), always("HOLD_LOST")] },
    Topic { name: "inventory.reconcile", has_effect: true, throws: &[] },
];

/// The files of `bpmn/`, by name.
fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpmn");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "bpmn" || ending == "form"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn shipped_models() -> Vec<(String, String)> {
    shipped().into_iter().filter(|(name, _)| name.ends_with(".bpmn")).collect()
}

fn findings(files: &[(String, String)]) -> Vec<Finding> {
    let resources: Vec<Resource<'_>> = files.iter().map(|(name, text)| Resource { name, text }).collect();
    check(&resources, &TOPICS)
}

fn camunda<'a>(node: Node<'a, '_>, attribute: &str) -> Option<&'a str> {
    node.attribute((CAMUNDA, attribute))
}

#[test]
fn the_shipped_models_and_forms_have_no_findings() {
    let found: Vec<String> = findings(&shipped()).iter().map(ToString::to_string).collect();
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(shipped().len(), 4, "three models and a form");
}

#[test]
fn every_code_is_caught_at_the_task_even_without_the_net_beneath_the_order() {
    let mut files = shipped();
    let (_, order) = files.iter_mut().find(|(name, _)| name == "order-fulfilment.bpmn").unwrap();
    let net = Document::parse(order).unwrap().descendants().find(|node| node.attribute("id") == Some("Sub_StopOrder")).unwrap().range();
    order.replace_range(net, "");
    let errors: Vec<Finding> = findings(&files).into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert_eq!(errors, Vec::new());
}

#[test]
fn a_boundary_event_that_is_taken_away_is_missed() {
    let resolution = shipped().into_iter().find(|(name, _)| name == "reservation-resolution.bpmn").unwrap();
    let order = shipped().into_iter().find(|(name, _)| name == "order-fulfilment.bpmn").unwrap();
    let document = Document::parse(&order.1).unwrap();
    let net = document.descendants().find(|node| node.attribute("id") == Some("Sub_StopOrder")).unwrap().range();
    let catching: Vec<Node<'_, '_>> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "boundaryEvent" && !net.contains(&node.range().start))
        .filter(|event| event.children().any(|child| child.tag_name().name() == "errorEventDefinition"))
        .collect();
    assert_eq!(catching.len(), 10);
    for event in catching {
        let mut without = order.1.clone();
        let mut ranges = [net.clone(), event.range()];
        ranges.sort_by_key(|range| std::cmp::Reverse(range.start));
        for range in ranges {
            without.replace_range(range, "");
        }
        let found = findings(&[(order.0.clone(), without), resolution.clone()]);
        let name = event.attribute("id").unwrap();
        assert!(found.iter().any(|finding| finding.problem.starts_with("nothing catches")), "nobody missed {name}");
    }
}

#[test]
fn every_model_says_which_engine_it_is_for_and_which_version_it_is() {
    for (name, text) in shipped_models() {
        let document = Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute((MODELER, "executionPlatform")), Some("Camunda Platform"), "{name}");
        assert_eq!(root.attribute((MODELER, "executionPlatformVersion")), Some("7.24.0"), "{name}");
        let process = document.descendants().find(|node| node.tag_name().name() == "process").unwrap();
        assert!(camunda(process, "versionTag").is_some(), "{name}");
        assert_eq!(process.attribute("id").map(|id| format!("{id}.bpmn")), Some(name));
    }
}

#[test]
fn every_external_task_keeps_its_effect_and_says_how_often_to_try() {
    for (name, text) in shipped_models() {
        let document = Document::parse(&text).unwrap();
        for task in document.descendants().filter(|node| camunda(*node, "type") == Some("external")) {
            let id = task.attribute("id").unwrap();
            assert_eq!(camunda(task, "asyncAfter"), Some("true"), "{name}, {id}");
            let retries =
                task.descendants().find(|node| node.has_tag_name((CAMUNDA, "property")) && node.attribute("name") == Some("RETRY_CONFIG"));
            assert_eq!(retries.and_then(|property| property.attribute("value")), Some("R3/PT1M"), "{name}, {id}");
        }
    }
}

#[test]
fn every_node_that_a_reader_sees_has_a_name_and_every_branch_a_condition() {
    for (name, text) in shipped_models() {
        let document = Document::parse(&text).unwrap();
        let defaults: BTreeSet<&str> = document.descendants().filter_map(|node| node.attribute("default")).collect();
        for node in document.descendants() {
            let kind = node.tag_name().name();
            let is_seen = kind.ends_with("Task") || kind.ends_with("Event") || kind.ends_with("Gateway") || kind == "callActivity";
            assert!(!is_seen || node.attribute("name").is_some_and(|name| !name.is_empty()), "{name}, {:?}", node.attribute("id"));
            let from_gateway = kind == "sequenceFlow" && node.attribute("sourceRef").is_some_and(|source| source.starts_with("Gateway_"));
            let is_decided = node.attribute("id").is_some_and(|id| defaults.contains(id))
                || node.children().any(|child| child.tag_name().name() == "conditionExpression");
            assert!(!from_gateway || is_decided, "{name}, {:?}", node.attribute("id"));
        }
    }
}

#[test]
fn the_form_offers_the_four_decisions_and_asks_for_the_reference_only_when_held() {
    let (_, text) = shipped().into_iter().find(|(name, _)| name == "decide-reservation.form").unwrap();
    let form: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(form["schemaVersion"], 8);
    let field = |key: &str| form["components"].as_array().unwrap().iter().find(|field| field["key"] == key).unwrap().clone();
    let values: Vec<String> =
        field("decision")["values"].as_array().unwrap().iter().map(|choice| choice["value"].as_str().unwrap().to_owned()).collect();
    assert_eq!(values, ["HELD", "NOT_HELD", "ASK_AGAIN", "GIVE_UP"]);
    assert_eq!(field("decisionReference")["conditional"]["hide"], "=decision != \"HELD\"");
    for shown in ["orderId", "reservationId", "reservationKey", "reconcileEvidence"] {
        assert_eq!(field(shown)["readonly"], true, "{shown}");
    }
}
