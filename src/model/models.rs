//! The resources of one deployment, parsed: models, and the ids of the forms beside them.

use roxmltree::Document;
use serde_json::Value;

use crate::model::finding::{Finding, Severity};

/// One file of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// The file name; its ending says what it is (`.bpmn`, `.bpmn20.xml`, `.form`).
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// One parsed process model.
pub(super) struct Model<'a> {
    pub(super) resource: &'a str,
    pub(super) document: Document<'a>,
}

/// Everything of one deployment that the rules look at.
pub(super) struct Models<'a> {
    pub(super) models: Vec<Model<'a>>,
    /// The names of all resources, for references by file name.
    pub(super) resources: Vec<&'a str>,
    /// The ids of the Camunda Forms among them.
    pub(super) forms: Vec<String>,
}

impl<'a> Models<'a> {
    /// Parses what can be parsed; what cannot is a finding.
    pub(super) fn read(resources: &[Resource<'a>]) -> (Self, Vec<Finding>) {
        let mut read = Self { models: Vec::new(), resources: resources.iter().map(|resource| resource.name).collect(), forms: Vec::new() };
        let mut findings = Vec::new();
        for resource in resources {
            if resource.name.ends_with(".bpmn") || resource.name.ends_with(".bpmn20.xml") {
                match Document::parse(resource.text) {
                    Ok(document) => read.models.push(Model { resource: resource.name, document }),
                    Err(error) => findings.push(Finding::whole(
                        Severity::Error,
                        resource.name,
                        format!("the file is not well-formed XML ({error})"),
                        "open it in Camunda Modeler and save it again",
                    )),
                }
            } else if resource.name.ends_with(".form") {
                match form_id(resource.text) {
                    Ok(id) => read.forms.push(id),
                    Err(problem) => findings.push(Finding::whole(
                        Severity::Error,
                        resource.name,
                        problem,
                        "open it in Camunda Modeler and save it again as a Camunda Form with an id",
                    )),
                }
            }
        }
        (read, findings)
    }
}

fn form_id(text: &str) -> Result<String, String> {
    let form: Value = serde_json::from_str(text).map_err(|error| format!("the form is not valid JSON ({error})"))?;
    match form.get("id").and_then(Value::as_str) {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err("the form has no id, so no task can refer to it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(name: &str, text: &str) -> Vec<String> {
        Models::read(&[Resource { name, text }]).1.into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn a_model_that_is_not_xml_is_a_finding() {
        assert!(problems("order.bpmn", "<bpmn:definitions").concat().contains("not well-formed XML"));
    }

    #[test]
    fn a_form_must_be_json_with_an_id() {
        assert!(problems("a.form", "{").concat().contains("not valid JSON"));
        assert!(problems("a.form", r#"{"components": []}"#).concat().contains("no id"));
        assert_eq!(problems("a.form", r#"{"id": "a"}"#), Vec::<String>::new());
    }

    #[test]
    fn other_files_of_a_deployment_are_left_alone() {
        assert_eq!(problems("readme.txt", "<"), Vec::<String>::new());
    }
}
