//! Small models for the tests of the rules, with a diagram drawn for whatever they contain.

use std::fmt::Write as _;

use roxmltree::Document;

use crate::model::element::is;
use crate::model::{OnlyWhen, Resource, Throw, Topic, check};

const TOPICS: [Topic<'_>; 3] = [
    Topic { name: "inventory.reserve", has_effect: true, throws: &[Throw { code: "REJECTED", only_when: None }] },
    Topic {
        name: "inventory.look",
        has_effect: false,
        throws: &[Throw { code: "LOST", only_when: Some(OnlyWhen { parameter: "mode", value: "far", is_default: false }) }],
    },
    Topic { name: "inventory.reconcile", has_effect: true, throws: &[] },
];

/// A model with these elements in its process `sample`, and this diagram.
pub(super) fn bare(elements: &str, diagram: &str) -> String {
    format!(
        r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
  xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:di="http://www.omg.org/spec/DD/20100524/DI"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="sample">
  <process id="sample" isExecutable="true" camunda:historyTimeToLive="P1D">{elements}</process>
  <error id="Error_Rejected" errorCode="REJECTED"/><error id="Error_Other" errorCode="OTHER"/>
  <message id="Message_Named" name="Named"/><message id="Message_Nameless"/>
  <bpmndi:BPMNDiagram><bpmndi:BPMNPlane bpmnElement="sample">{diagram}</bpmndi:BPMNPlane></bpmndi:BPMNDiagram>
</definitions>"#
    )
}

/// A model with these elements, all of them drawn.
pub(super) fn model(elements: &str) -> String {
    let undrawn = bare(elements, "");
    let document = Document::parse(&undrawn).expect("the sample is well-formed");
    let mut diagram = String::new();
    for node in document.descendants().filter(|node| node.is_element()) {
        let Some(id) = node.attribute("id") else { continue };
        let written = if is(node, "sequenceFlow") {
            write!(diagram, r#"<bpmndi:BPMNEdge bpmnElement="{id}"><di:waypoint x="0" y="0"/><di:waypoint x="9" y="9"/></bpmndi:BPMNEdge>"#)
        } else {
            write!(diagram, r#"<bpmndi:BPMNShape bpmnElement="{id}"><dc:Bounds x="0" y="0" width="36" height="36"/></bpmndi:BPMNShape>"#)
        };
        written.expect("writing to a string cannot fail");
    }
    bare(elements, &diagram)
}

/// What is wrong with one model, a line each.
pub(super) fn problems(model: &str) -> String {
    all_problems(&[("sample.bpmn", model)])
}

/// What is wrong with the resources of one deployment, a line each.
pub(super) fn all_problems(resources: &[(&str, &str)]) -> String {
    let resources: Vec<Resource<'_>> = resources.iter().map(|(name, text)| Resource { name, text }).collect();
    check(&resources, &TOPICS).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
