//! Runs every rule over the models of one deployment.

use crate::model::finding::Finding;
use crate::model::models::{Models, Resource};
use crate::model::rules::RULES;
use crate::model::topic::Topic;

/// Says what is wrong with the models and forms of one deployment; the worst comes first.
///
/// The resources are looked at together, because a task refers to a form and a call activity to a process in another file.
#[must_use]
pub fn check(resources: &[Resource<'_>], topics: &[Topic<'_>]) -> Vec<Finding> {
    let (models, mut findings) = Models::read(resources);
    for model in &models.models {
        for rule in RULES {
            findings.extend(rule(&models, model, topics));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}
