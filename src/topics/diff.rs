//! The variable `availabilityDiff`: what changed since the evidence that the process carries.
//!
//! It is a Json variable, which the engine keeps as bytes: its limit of 4,000 characters is one of String variables. The diff is
//! bounded by the lines of a check all the same.

use serde_json::{Value, json};

use crate::domain::{Change, Diff, LineDiff};

/// The diff as processes read it.
pub(crate) fn json(diff: &Diff) -> Value {
    json!({
        "before": diff.before.map(|id| id.to_string()),
        "after": diff.after.to_string(),
        "statusBefore": diff.status_before.as_str(),
        "statusAfter": diff.status_after.as_str(),
        "hadExpired": diff.had_expired,
        "lines": diff.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn line(line: &LineDiff) -> Value {
    let change = |change: &Change| json!({ "what": change.what.as_str(), "before": change.before, "after": change.after, "cause": change.cause.as_str() });
    json!({
        "orderLineId": line.order_line.to_string(),
        "productOfferingId": line.product_offering,
        "worse": line.worse,
        "changes": line.changes.iter().map(change).collect::<Vec<_>>(),
    })
}
