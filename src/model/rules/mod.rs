//! The rules, one subject a file. A rule reads one model and may look at the others of its deployment.

use crate::model::finding::Finding;
use crate::model::models::{Model, Models};
use crate::model::topic::Topic;

mod calls;
mod diagram;
mod error_codes;
mod error_mappings;
mod external_tasks;
mod forms;
mod history;
mod messages;

type Rule = fn(&Models<'_>, &Model<'_>, &[Topic<'_>]) -> Vec<Finding>;

/// Every rule, in the order in which a reader wants to hear of them.
pub(super) const RULES: [Rule; 8] = [
    history::check,
    external_tasks::check,
    error_codes::check,
    error_mappings::check,
    messages::check,
    calls::check,
    forms::check,
    diagram::check,
];
