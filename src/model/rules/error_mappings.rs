//! `camunda:errorEventDefinition` on an external task: the engine evaluates it on success, too, and then nothing is set.

use crate::model::element::{by_id, extension, extension_elements, external_settings, flow_nodes, is};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::rules::error_codes::is_caught;
use crate::model::topic::Topic;

pub(super) fn check(models: &Models<'_>, model: &Model<'_>, _: &[Topic<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in flow_nodes(&model.document).filter(|node| external_settings(*node).is_some()) {
        for mapping in extension_elements(node, "errorEventDefinition") {
            let expression = mapping.attribute("expression").or_else(|| extension(mapping, "expression")).unwrap_or_default();
            if reads_a_message(expression) && !has_null_guard(expression) {
                findings.push(Finding::at(
                    Severity::Error,
                    model.resource,
                    node,
                    format!("the expression {expression} fails when the worker completes the task, because no error message is set then"),
                    "guard it: externalTask.errorMessage != null && ...",
                ));
            }
            let reference = mapping.attribute("errorRef").unwrap_or_default();
            let declared = by_id(&model.document, reference).filter(|error| is(*error, "error"));
            let code = declared.and_then(|error| error.attribute("errorCode")).unwrap_or(reference);
            if !is_caught(models, model, node, code, &mut Vec::new()) {
                findings.push(Finding::at(
                    Severity::Error,
                    model.resource,
                    node,
                    format!("nothing catches {code}, which an error mapping of this task throws"),
                    "add an error boundary event for it",
                ));
            }
        }
    }
    findings
}

fn reads_a_message(expression: &str) -> bool {
    ["errorMessage", "errorDetails", "getErrorMessage", "getErrorDetails"].iter().any(|name| expression.contains(name))
}

fn has_null_guard(expression: &str) -> bool {
    expression.contains("null") || expression.contains("empty ")
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{model, problems};

    fn mapped(expression: &str, boundary: &str) -> String {
        problems(&model(&format!(
            r#"<serviceTask id="Task" camunda:type="external" camunda:topic="inventory.reconcile" camunda:asyncAfter="true"><extensionElements><camunda:errorEventDefinition errorRef="Error_Other" expression="{expression}"/></extensionElements></serviceTask>{boundary}"#
        )))
    }
    const BOUNDARY: &str = r#"<boundaryEvent id="B" attachedToRef="Task"><errorEventDefinition errorRef="Error_Other"/></boundaryEvent>"#;

    #[test]
    fn a_mapping_without_a_null_guard_is_an_error() {
        assert!(mapped("${externalTask.errorDetails.contains('x')}", BOUNDARY).contains("fails when the worker completes the task"));
        assert_eq!(mapped("${externalTask.errorDetails != null &amp;&amp; externalTask.errorDetails.contains('x')}", BOUNDARY), "");
    }

    #[test]
    fn a_mapping_throws_a_code_that_must_be_caught() {
        assert!(mapped("${true}", "").contains("nothing catches OTHER, which an error mapping of this task throws"));
    }
}
