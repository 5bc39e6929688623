//! BPMN's vocabulary over the XML tree: names, scopes, extension attributes.

use roxmltree::{Document, Node};

const BPMN: &str = "http://www.omg.org/spec/BPMN/20100524/MODEL";
/// Camunda's extensions, and Operaton's own spelling of the same.
const EXTENSIONS: [&str; 2] = ["http://camunda.org/schema/1.0/bpmn", "http://operaton.org/schema/1.0/bpmn"];
const TASKS: [&str; 8] = ["task", "serviceTask", "sendTask", "businessRuleTask", "receiveTask", "userTask", "scriptTask", "manualTask"];
const EVENTS: [&str; 5] = ["startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"];
const GATEWAYS: [&str; 5] = ["exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway"];
const SUBPROCESSES: [&str; 3] = ["subProcess", "transaction", "adHocSubProcess"];

/// Whether the node is the BPMN element of that name.
pub(super) fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((BPMN, name))
}

fn is_one_of(node: Node<'_, '_>, names: &[&str]) -> bool {
    names.iter().any(|name| is(node, name))
}

/// Whether the token can stand on it.
pub(super) fn is_flow_node(node: Node<'_, '_>) -> bool {
    is_one_of(node, &TASKS)
        || is_one_of(node, &EVENTS)
        || is_one_of(node, &GATEWAYS)
        || is_one_of(node, &SUBPROCESSES)
        || is(node, "callActivity")
}

/// Whether it is a subprocess that an event starts.
pub(super) fn is_event_subprocess(node: Node<'_, '_>) -> bool {
    is_one_of(node, &SUBPROCESSES) && node.attribute("triggeredByEvent") == Some("true")
}

/// The process or subprocess that a flow node lies in.
pub(super) fn scope_of<'a, 'input>(node: Node<'a, 'input>) -> Option<Node<'a, 'input>> {
    node.parent_element().filter(|parent| is(*parent, "process") || is_one_of(*parent, &SUBPROCESSES))
}

/// The children of that name.
pub(super) fn children<'a, 'input: 'a>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| is(*child, name))
}

/// The processes that the engine runs; it ignores one that says it is not executable.
pub(super) fn processes<'a, 'input: 'a>(document: &'a Document<'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    document.descendants().filter(|node| is(*node, "process") && node.attribute("isExecutable") != Some("false"))
}

/// The flow nodes of all executable processes, at any depth.
pub(super) fn flow_nodes<'a, 'input: 'a>(document: &'a Document<'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    processes(document).flat_map(|process| process.descendants()).filter(|node| is_flow_node(*node))
}

/// An attribute of the engine's own namespace, such as `topic`.
pub(super) fn extension<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    EXTENSIONS.iter().find_map(|namespace| node.attribute((*namespace, name)))
}

/// The elements of the engine's own namespace under `extensionElements`.
pub(super) fn extension_elements<'a, 'input: 'a>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    children(node, "extensionElements")
        .flat_map(|extensions| extensions.descendants())
        .filter(move |element| EXTENSIONS.iter().any(|namespace| element.has_tag_name((*namespace, name))))
}

/// The value of an input parameter, if the activity sets it by plain text or an expression.
pub(super) fn input_parameter<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    extension_elements(node, "inputParameter")
        .find(|parameter| parameter.attribute("name") == Some(name))
        .map(|parameter| text_of(parameter))
}

/// The text of an element, trimmed; empty if it has none.
pub(super) fn text_of<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// Whether the engine evaluates the value, so that reading the model cannot tell what it will be.
pub(super) fn is_expression(value: &str) -> bool {
    value.contains("${") || value.contains("#{")
}

/// The element of that id, anywhere in the document.
pub(super) fn by_id<'a, 'input: 'a>(document: &'a Document<'input>, id: &str) -> Option<Node<'a, 'input>> {
    document.descendants().find(|node| node.is_element() && node.attribute("id") == Some(id))
}

/// The node that carries the settings of an external task: the activity itself, or the message event definition of a throwing event.
pub(super) fn external_settings<'a, 'input: 'a>(node: Node<'a, 'input>) -> Option<Node<'a, 'input>> {
    if is_one_of(node, &["intermediateThrowEvent", "endEvent"]) {
        children(node, "messageEventDefinition").find(|definition| extension(*definition, "type") == Some("external"))
    } else {
        Some(node).filter(|task| extension(*task, "type") == Some("external"))
    }
}
