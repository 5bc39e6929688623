//! External tasks: somebody must serve the topic, and an effect must not be rolled into a transaction with what follows it.

use crate::model::element::{extension, external_settings, flow_nodes, is_expression};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::topic::Topic;

pub(super) fn check(_: &Models<'_>, model: &Model<'_>, topics: &[Topic<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in flow_nodes(&model.document) {
        let Some(settings) = external_settings(node) else { continue };
        let mut report =
            |severity, problem: String, advice: String| findings.push(Finding::at(severity, model.resource, node, problem, advice));
        let Some(name) = extension(settings, "topic").filter(|name| !name.trim().is_empty()) else {
            report(Severity::Error, "the external task has no topic".to_owned(), "set camunda:topic".to_owned());
            continue;
        };
        if is_expression(name) {
            report(
                Severity::Note,
                format!("the topic is the expression {name}, so its codes cannot be checked here"),
                "make sure that every code its worker may throw is caught".to_owned(),
            );
            continue;
        }
        let Some(topic) = topics.iter().find(|topic| topic.name == name) else {
            let ours = topics.iter().any(|topic| family(topic.name) == family(name));
            let known = topics.iter().map(|topic| topic.name).collect::<Vec<_>>().join(", ");
            if ours {
                report(Severity::Error, format!("no worker serves the topic {name}"), format!("use one of {known}"));
            } else {
                report(
                    Severity::Note,
                    format!("the topic {name} is served by another worker, if at all"),
                    "nothing need be done here".to_owned(),
                );
            }
            continue;
        };
        if topic.has_effect && extension(node, "asyncAfter") != Some("true") {
            report(
                Severity::Warning,
                format!("the step after {name} shares a transaction with it: if that step fails, the worker's completion is rolled back"),
                "set camunda:asyncAfter=\"true\" on the task".to_owned(),
            );
        }
    }
    findings
}

/// The part of a topic before its first dot: topics of one family are served by one kind of worker.
fn family(topic: &str) -> &str {
    topic.split('.').next().unwrap_or(topic)
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{model, problems};

    fn task(attributes: &str) -> String {
        problems(&model(&format!(r#"<serviceTask id="Task" name="Work" camunda:type="external" {attributes}/>"#)))
    }

    #[test]
    fn a_topic_that_nobody_serves_is_named_with_those_that_are_served() {
        let problems = task(r#"camunda:topic="inventory.reserv" camunda:asyncAfter="true""#);
        assert!(
            problems.contains("error: sample.bpmn, Task (Work): no worker serves the topic inventory.reserv; use one of inventory.reserve"),
            "{problems}"
        );
    }

    #[test]
    fn a_topic_of_another_worker_is_only_a_note() {
        assert!(task(r#"camunda:topic="payment.charge""#).starts_with("note:"));
    }

    #[test]
    fn an_external_task_without_a_topic_is_an_error() {
        assert!(task("").contains("has no topic"));
    }

    #[test]
    fn a_topic_given_by_an_expression_cannot_be_checked() {
        assert!(task(r#"camunda:topic="${topic}""#).starts_with("note:"));
    }

    #[test]
    fn an_effect_needs_a_transaction_of_its_own() {
        assert!(task(r#"camunda:topic="inventory.reconcile""#).contains("shares a transaction"));
        assert_eq!(task(r#"camunda:topic="inventory.reconcile" camunda:asyncAfter="true""#), "");
        assert_eq!(task(r#"camunda:topic="inventory.look""#), "");
    }

    #[test]
    fn a_throwing_message_event_can_be_an_external_task() {
        let end = r#"<endEvent id="End"><messageEventDefinition camunda:type="external" camunda:topic="inventory.nothing"/></endEvent>"#;
        assert!(problems(&model(end)).contains("no worker serves the topic inventory.nothing"));
    }
}
