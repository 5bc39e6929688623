//! How long history is kept: the engine refuses a model that does not say.

use crate::model::element::{extension, is, processes};
use crate::model::finding::{Finding, Severity};
use crate::model::models::{Model, Models};
use crate::model::topic::Topic;

pub(super) fn check(_: &Models<'_>, model: &Model<'_>, _: &[Topic<'_>]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = processes(&model.document)
        .filter(|process| extension(*process, "historyTimeToLive").is_none_or(|value| value.trim().is_empty()))
        .map(|process| {
            Finding::at(
                Severity::Error,
                model.resource,
                process,
                "the process does not say how long its history is kept, and the engine (7.20 and later) refuses it".to_owned(),
                "set camunda:historyTimeToLive, for example to P30D",
            )
        })
        .collect();
    findings.extend(
        model.document.descendants().filter(|node| is(*node, "process") && node.attribute("isExecutable") == Some("false")).map(
            |process| {
                Finding::at(
                    Severity::Warning,
                    model.resource,
                    process,
                    "the process is not executable: the engine ignores it".to_owned(),
                    "set isExecutable to true, or leave the file out",
                )
            },
        ),
    );
    findings
}

#[cfg(test)]
mod tests {
    use crate::model::sample::{model, problems};

    #[test]
    fn a_process_that_does_not_say_how_long_its_history_is_kept_is_refused() {
        let model = model("").replace(r#"camunda:historyTimeToLive="P1D""#, "");
        assert!(problems(&model).contains("does not say how long its history is kept"));
    }

    #[test]
    fn a_process_that_is_not_executable_is_pointed_out() {
        let model = model("").replace(r#"isExecutable="true""#, r#"isExecutable="false""#);
        assert!(problems(&model).contains("the engine ignores it"));
    }

    #[test]
    fn a_process_with_nothing_wrong_has_no_findings() {
        assert_eq!(problems(&model("")), "");
    }
}
