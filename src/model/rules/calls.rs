//! Call activities: the called process must be there when the token arrives.

use crate::model::element::{extension, flow_nodes, is, is_expression, processes};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::topic::Topic;

pub(super) fn check(models: &Models<'_>, model: &Model<'_>, _: &[Topic<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for call in flow_nodes(&model.document).filter(|node| is(*node, "callActivity")) {
        let Some(called) = call.attribute("calledElement").filter(|called| !is_expression(called)) else { continue };
        let is_here = models.models.iter().any(|other| processes(&other.document).any(|process| process.attribute("id") == Some(called)));
        if is_here {
            continue;
        }
        let (severity, advice) = if extension(call, "calledElementBinding") == Some("deployment") {
            (Severity::Error, "add its file: the binding \"deployment\" finds nothing outside this deployment")
        } else {
            (Severity::Warning, "add its file, or make sure that it is deployed already")
        };
        findings.push(Finding::at(
            severity,
            model.resource,
            call,
            format!("the called process {called} is not in this deployment"),
            advice,
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{model, problems};

    #[test]
    fn a_called_process_that_is_not_deployed_along_is_a_warning() {
        assert!(problems(&model(r#"<callActivity id="Call" calledElement="elsewhere"/>"#)).starts_with("warning:"));
        assert_eq!(problems(&model(r#"<callActivity id="Call" calledElement="sample"/>"#)), "");
    }

    #[test]
    fn with_the_binding_deployment_it_is_an_error() {
        let call = r#"<callActivity id="Call" calledElement="elsewhere" camunda:calledElementBinding="deployment"/>"#;
        assert!(problems(&model(call)).starts_with("error:"));
    }
}
