//! The picture: Cockpit cannot show where an order stands if an element was never drawn.

use std::collections::HashSet;

use roxmltree::Node;

use crate::model::element::{flow_nodes, is, processes};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::topic::Topic;

const DIAGRAM: &str = "http://www.omg.org/spec/BPMN/20100524/DI";
const BOUNDS: &str = "http://www.omg.org/spec/DD/20100524/DC";
const WAYPOINT: &str = "http://www.omg.org/spec/DD/20100524/DI";

pub(super) fn check(_: &Models<'_>, model: &Model<'_>, _: &[Topic<'_>]) -> Vec<Finding> {
    let shapes = drawn(model, "BPMNShape", has_bounds);
    let edges = drawn(model, "BPMNEdge", has_two_waypoints);
    let nodes: Vec<Node<'_, '_>> = flow_nodes(&model.document).collect();
    if shapes.is_empty() && edges.is_empty() && !nodes.is_empty() {
        let problem = "the model has no diagram, so Cockpit cannot show where an instance stands".to_owned();
        return vec![Finding::whole(Severity::Warning, model.resource, problem, "open it in Camunda Modeler, lay it out and save it")];
    }
    let flows = processes(&model.document).flat_map(|process| process.descendants()).filter(|node| is(*node, "sequenceFlow"));
    let undrawn_nodes = nodes.iter().copied().filter(|node| node.attribute("id").is_none_or(|id| !shapes.contains(id)));
    let undrawn_flows = flows.filter(|flow| flow.attribute("id").is_none_or(|id| !edges.contains(id)));
    undrawn_nodes
        .chain(undrawn_flows)
        .map(|node| {
            Finding::at(Severity::Warning, model.resource, node, "it is missing from the diagram".to_owned(), "draw it in Camunda Modeler")
        })
        .collect()
}

/// The ids of the elements that have a usable shape or edge.
fn drawn<'a>(model: &'a Model<'_>, kind: &str, is_usable: fn(Node<'_, '_>) -> bool) -> HashSet<&'a str> {
    model
        .document
        .descendants()
        .filter(|node| node.has_tag_name((DIAGRAM, kind)) && is_usable(*node))
        .filter_map(|node| node.attribute("bpmnElement"))
        .collect()
}

fn has_bounds(shape: Node<'_, '_>) -> bool {
    let positive =
        |bounds: Node<'_, '_>, side| bounds.attribute(side).and_then(|text| text.parse::<f64>().ok()).is_some_and(|value| value > 0.0);
    shape.children().any(|child| child.has_tag_name((BOUNDS, "Bounds")) && positive(child, "width") && positive(child, "height"))
}

fn has_two_waypoints(edge: Node<'_, '_>) -> bool {
    edge.children().filter(|child| child.has_tag_name((WAYPOINT, "waypoint"))).count() >= 2
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{bare, model, problems};

    const FLOW: &str = r#"<startEvent id="A"/><endEvent id="B"/><sequenceFlow id="F" sourceRef="A" targetRef="B"/>"#;

    #[test]
    fn a_model_without_a_diagram_is_one_warning() {
        assert!(problems(&bare(FLOW, "")).contains("has no diagram"));
    }

    #[test]
    fn every_node_and_flow_must_be_drawn() {
        let all = model(FLOW);
        assert_eq!(problems(&all), "");
        assert!(problems(&all.replace(r#"bpmnElement="B""#, r#"bpmnElement="Z""#)).contains("B: it is missing from the diagram"));
        assert!(problems(&all.replace(r#"bpmnElement="F""#, r#"bpmnElement="Z""#)).contains("F: it is missing from the diagram"));
    }

    #[test]
    fn a_shape_without_an_extent_is_not_drawn() {
        assert!(problems(&model(FLOW).replace(r#"width="36""#, r#"width="0""#)).contains("missing from the diagram"));
    }
}
