//! A message that is waited for has a name, or nobody can send it.

use roxmltree::Node;

use crate::model::element::{by_id, children, external_settings, flow_nodes, is};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::topic::Topic;

pub(super) fn check(_: &Models<'_>, model: &Model<'_>, _: &[Topic<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in flow_nodes(&model.document) {
        let reference = if is(node, "receiveTask") {
            node.attribute("messageRef").map(Some)
        } else if external_settings(node).is_some() || is(node, "intermediateThrowEvent") || is(node, "endEvent") {
            None
        } else {
            children(node, "messageEventDefinition").next().map(|definition| definition.attribute("messageRef"))
        };
        let Some(reference) = reference else { continue };
        if reference.and_then(|id| message_name(model, id)).is_none_or(|name| name.trim().is_empty()) {
            findings.push(Finding::at(
                Severity::Error,
                model.resource,
                node,
                "it waits for a message that has no name".to_owned(),
                "choose a message with a name in the properties panel",
            ));
        }
    }
    findings
}

fn message_name<'a>(model: &'a Model<'_>, id: &str) -> Option<&'a str> {
    by_id(&model.document, id).filter(|node: &Node<'_, '_>| is(*node, "message")).and_then(|message| message.attribute("name"))
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{model, problems};

    #[test]
    fn an_event_that_waits_for_a_nameless_message_is_an_error() {
        for definition in ["", r#"messageRef="Message_Missing""#, r#"messageRef="Message_Nameless""#] {
            let start = format!(r#"<startEvent id="Start"><messageEventDefinition {definition}/></startEvent>"#);
            assert!(problems(&model(&start)).contains("a message that has no name"), "{definition}");
        }
        let start = r#"<startEvent id="Start"><messageEventDefinition messageRef="Message_Named"/></startEvent>"#;
        assert_eq!(problems(&model(start)), "");
    }

    #[test]
    fn a_receive_task_names_its_message_too() {
        assert!(problems(&model(r#"<receiveTask id="Wait" messageRef="Message_Missing"/>"#)).contains("a message that has no name"));
        assert_eq!(problems(&model(r#"<receiveTask id="Wait" messageRef="Message_Named"/>"#)), "");
    }

    #[test]
    fn a_message_that_is_sent_needs_no_name_here() {
        let end = r#"<endEvent id="End"><messageEventDefinition camunda:type="external" camunda:topic="mail.send"/></endEvent>"#;
        assert!(!problems(&model(end)).contains("no name"));
    }
}
