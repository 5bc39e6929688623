//! Every error code that may be thrown is caught: the engine ends the instance without a word on any other.

use roxmltree::Node;

use crate::model::element::{
    by_id, children, extension, external_settings, flow_nodes, input_parameter, is, is_event_subprocess, is_expression, scope_of,
};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::topic::{Throw, Topic};

pub(super) fn check(models: &Models<'_>, model: &Model<'_>, topics: &[Topic<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in flow_nodes(&model.document) {
        for definition in children(node, "errorEventDefinition").filter(|_| is(node, "endEvent")) {
            let code = code_of(model, definition).unwrap_or_default();
            if !is_caught(models, model, node, code, &mut Vec::new()) {
                findings.push(uncaught(model, node, Severity::Warning, format!("nothing catches {code}, which this event throws")));
            }
        }
        let topic = external_settings(node).and_then(|settings| extension(settings, "topic"));
        let Some(topic) = topics.iter().find(|known| Some(known.name) == topic) else { continue };
        for throw in topic.throws.iter().filter(|throw| may_throw(node, throw)) {
            if !is_caught(models, model, node, throw.code, &mut Vec::new()) {
                let problem = format!(
                    "nothing catches {}, which {} may throw: the engine would end the instance without a word",
                    throw.code, topic.name
                );
                findings.push(uncaught(model, node, Severity::Error, problem));
            }
        }
    }
    findings
}

fn uncaught(model: &Model<'_>, node: Node<'_, '_>, severity: Severity, problem: String) -> Finding {
    Finding::at(
        severity,
        model.resource,
        node,
        problem,
        "add an error boundary event (one without errorRef catches every code), or an error event subprocess",
    )
}

/// Whether the task works in a mode in which the worker may throw this code.
fn may_throw(task: Node<'_, '_>, throw: &Throw<'_>) -> bool {
    throw.only_when.is_none_or(|mode| {
        input_parameter(task, mode.parameter).map_or(mode.is_default, |value| value == mode.value || is_expression(value))
    })
}

/// Whether an error of that code, thrown at the node, ends at an event that was drawn for it.
///
/// The search goes outwards as the engine's does: the boundary events of the activity, the error event subprocesses of its scope, the
/// boundary events of that scope, and so on; from a whole process to the call activities that start it. An event subprocess does not
/// catch what is thrown inside itself.
pub(super) fn is_caught(models: &Models<'_>, model: &Model<'_>, node: Node<'_, '_>, code: &str, visited: &mut Vec<String>) -> bool {
    let mut current = node;
    while let Some(scope) = scope_of(current) {
        let at_boundary = children(scope, "boundaryEvent")
            .filter(|event| event.attribute("attachedToRef").is_some() && event.attribute("attachedToRef") == current.attribute("id"))
            .any(|event| catches(model, event, code));
        let by_subprocess = scope
            .children()
            .filter(|child| is_event_subprocess(*child) && *child != current)
            .flat_map(|subprocess| children(subprocess, "startEvent"))
            .any(|event| catches(model, event, code));
        if at_boundary || by_subprocess {
            return true;
        }
        current = scope;
    }
    every_caller_catches(models, current, code, visited)
}

/// Whether the process is called in this deployment, and every call activity that calls it catches the code.
fn every_caller_catches(models: &Models<'_>, process: Node<'_, '_>, code: &str, visited: &mut Vec<String>) -> bool {
    let Some(id) = process.attribute("id") else { return false };
    if visited.iter().any(|seen| seen == id) {
        return false;
    }
    visited.push(id.to_owned());
    let mut called = false;
    for model in &models.models {
        for call in flow_nodes(&model.document).filter(|node| is(*node, "callActivity") && node.attribute("calledElement") == Some(id)) {
            called = true;
            if !is_caught(models, model, call, code, visited) {
                return false;
            }
        }
    }
    called
}

fn catches(model: &Model<'_>, event: Node<'_, '_>, code: &str) -> bool {
    children(event, "errorEventDefinition").any(|definition| code_of(model, definition).is_none_or(|caught| caught == code))
}

/// The code of an error event definition; none catches every code. As in the engine, a reference to no declared error is the code itself.
fn code_of<'a>(model: &'a Model<'_>, definition: Node<'a, '_>) -> Option<&'a str> {
    let reference = definition.attribute("errorRef")?;
    match by_id(&model.document, reference).filter(|node| is(*node, "error")) {
        Some(error) => error.attribute("errorCode"),
        None => Some(reference),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{all_problems, model, problems};

    const RESERVE: &str =
        r#"<serviceTask id="Reserve" camunda:type="external" camunda:topic="inventory.reserve" camunda:asyncAfter="true"/>"#;

    fn boundary(on: &str, error: &str) -> String {
        format!(r#"<boundaryEvent id="B_{on}" attachedToRef="{on}"><errorEventDefinition {error}/></boundaryEvent>"#)
    }

    #[test]
    fn a_code_that_nobody_catches_is_an_error() {
        assert!(problems(&model(RESERVE)).contains("nothing catches REJECTED, which inventory.reserve may throw"));
    }

    #[test]
    fn a_boundary_event_catches_by_the_code_of_its_error() {
        assert_eq!(problems(&model(&format!("{RESERVE}{}", boundary("Reserve", r#"errorRef="Error_Rejected""#)))), "");
        assert!(
            problems(&model(&format!("{RESERVE}{}", boundary("Reserve", r#"errorRef="Error_Other""#))))
                .contains("nothing catches REJECTED")
        );
    }

    #[test]
    fn a_boundary_event_without_an_error_catches_every_code() {
        assert_eq!(problems(&model(&format!("{RESERVE}{}", boundary("Reserve", "")))), "");
    }

    #[test]
    fn a_boundary_event_of_another_task_does_not_catch() {
        let other = format!(r#"{RESERVE}<userTask id="Other"/>{}"#, boundary("Other", ""));
        assert!(problems(&model(&other)).contains("nothing catches REJECTED"));
    }

    #[test]
    fn an_enclosing_subprocess_catches() {
        let inside = format!(r#"<subProcess id="Sub">{RESERVE}</subProcess>{}"#, boundary("Sub", ""));
        assert_eq!(problems(&model(&inside)), "");
    }

    #[test]
    fn an_error_event_subprocess_catches_for_its_scope_but_not_for_itself() {
        let start = r#"<startEvent id="S"><errorEventDefinition/></startEvent>"#;
        assert_eq!(problems(&model(&format!(r#"{RESERVE}<subProcess id="E" triggeredByEvent="true">{start}</subProcess>"#))), "");
        let inside = format!(r#"<subProcess id="E" triggeredByEvent="true">{start}{RESERVE}</subProcess>"#);
        assert!(problems(&model(&inside)).contains("nothing catches REJECTED"));
    }

    #[test]
    fn a_call_activity_catches_for_the_process_that_it_calls() {
        let called = model(RESERVE).replace(r#"id="sample""#, r#"id="called""#);
        let call = r#"<callActivity id="Call" calledElement="called"/>"#;
        let catching = model(&format!("{call}{}", boundary("Call", "")));
        assert_eq!(all_problems(&[("a.bpmn", &called), ("b.bpmn", &catching)]), "");
        assert!(all_problems(&[("a.bpmn", &called), ("b.bpmn", &model(call))]).contains("nothing catches REJECTED"));
    }

    #[test]
    fn a_process_that_calls_itself_is_not_searched_for_ever() {
        let call = r#"<callActivity id="Call" calledElement="sample"/>"#;
        assert!(problems(&model(&format!("{RESERVE}{call}"))).contains("nothing catches REJECTED"));
    }

    #[test]
    fn a_code_of_one_mode_need_be_caught_only_in_that_mode() {
        let look = |parameter: &str| {
            problems(&model(&format!(
                r#"<serviceTask id="Look" camunda:type="external" camunda:topic="inventory.look"><extensionElements><camunda:inputOutput>{parameter}</camunda:inputOutput></extensionElements></serviceTask>"#
            )))
        };
        assert_eq!(look(""), "");
        assert_eq!(look(r#"<camunda:inputParameter name="mode">near</camunda:inputParameter>"#), "");
        assert!(look(r#"<camunda:inputParameter name="mode">far</camunda:inputParameter>"#).contains("nothing catches LOST"));
        assert!(look(r#"<camunda:inputParameter name="mode">${mode}</camunda:inputParameter>"#).contains("nothing catches LOST"));
    }

    #[test]
    fn an_error_end_event_that_nobody_catches_is_a_warning() {
        let end = r#"<endEvent id="End"><errorEventDefinition errorRef="Error_Other"/></endEvent>"#;
        assert!(problems(&model(end)).contains("warning: sample.bpmn, End: nothing catches OTHER, which this event throws"));
    }
}
