//! Forms: a reference must say which version it means, and the form must be there.

use roxmltree::Node;

use crate::model::element::{extension, flow_nodes, is_expression};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::topic::Topic;

/// How a form key names a Camunda Form that is deployed along.
const DEPLOYED_FORM: &str = "camunda-forms:deployment:";

pub(super) fn check(models: &Models<'_>, model: &Model<'_>, _: &[Topic<'_>]) -> Vec<Finding> {
    flow_nodes(&model.document).flat_map(|node| problems_of(models, model, node)).collect()
}

fn problems_of(models: &Models<'_>, model: &Model<'_>, node: Node<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |severity, problem: String, advice: &str| findings.push(Finding::at(severity, model.resource, node, problem, advice));
    let key = extension(node, "formKey");
    if let Some(file) = key.and_then(|key| key.strip_prefix(DEPLOYED_FORM)).filter(|file| !models.resources.contains(file)) {
        report(Severity::Error, format!("the form {file} is not in this deployment"), "add the file");
    }
    let Some(form) = extension(node, "formRef") else { return findings };
    if key.is_some() {
        report(
            Severity::Error,
            "the task has both a form key and a form reference: the engine refuses it".to_owned(),
            "remove one of them",
        );
    }
    let is_here = is_expression(form) || models.forms.iter().any(|id| id == form);
    match extension(node, "formRefBinding") {
        Some("deployment") if !is_here => {
            report(
                Severity::Error,
                format!("the form {form} is not in this deployment, and the binding looks nowhere else"),
                "add its .form file",
            );
        }
        Some("latest" | "version") if !is_here => {
            report(
                Severity::Warning,
                format!("the form {form} is not in this deployment"),
                "add its .form file, or make sure that it is deployed already",
            );
        }
        Some("version") if extension(node, "formRefVersion").is_none() => {
            report(
                Severity::Error,
                "the form reference is bound to a version that it does not name".to_owned(),
                "set camunda:formRefVersion",
            );
        }
        Some("deployment" | "latest" | "version") => {}
        Some(_) | None => {
            report(
                Severity::Error,
                "the form reference does not say which version it means: the engine refuses it".to_owned(),
                "set camunda:formRefBinding to deployment, latest or version",
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{all_problems, model};

    fn with_form(attributes: &str, form: Option<&str>) -> String {
        let model = model(&format!(r#"<userTask id="Decide" {attributes}/>"#));
        match form {
            Some(form) => all_problems(&[("sample.bpmn", &model), ("decide.form", form)]),
            None => all_problems(&[("sample.bpmn", &model)]),
        }
    }

    #[test]
    fn a_form_bound_to_its_deployment_must_be_in_it() {
        let bound = r#"camunda:formRef="decide" camunda:formRefBinding="deployment""#;
        assert!(with_form(bound, None).contains("the form decide is not in this deployment"));
        assert!(with_form(bound, Some(r#"{"id": "other"}"#)).contains("the form decide is not in this deployment"));
        assert_eq!(with_form(bound, Some(r#"{"id": "decide"}"#)), "");
    }

    #[test]
    fn a_form_reference_needs_a_binding() {
        let problems = with_form(r#"camunda:formRef="decide""#, Some(r#"{"id": "decide"}"#));
        assert!(problems.contains("does not say which version it means"));
        let problems = with_form(r#"camunda:formRef="decide" camunda:formRefBinding="version""#, Some(r#"{"id": "decide"}"#));
        assert!(problems.contains("a version that it does not name"));
    }

    #[test]
    fn the_latest_form_may_be_deployed_already() {
        assert!(with_form(r#"camunda:formRef="decide" camunda:formRefBinding="latest""#, None).starts_with("warning:"));
    }

    #[test]
    fn a_form_key_may_name_a_file_of_the_deployment() {
        let keyed = r#"camunda:formKey="camunda-forms:deployment:decide.form""#;
        assert!(with_form(keyed, None).contains("the form decide.form is not in this deployment"));
        assert_eq!(with_form(keyed, Some(r#"{"id": "decide"}"#)), "");
    }

    #[test]
    fn a_form_key_and_a_form_reference_exclude_each_other() {
        let both = r#"camunda:formKey="embedded:app:a.html" camunda:formRef="decide" camunda:formRefBinding="latest""#;
        assert!(with_form(both, Some(r#"{"id": "decide"}"#)).contains("both a form key and a form reference"));
    }
}
