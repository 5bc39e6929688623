//! What an operator reads first: short, with the key and the next step. Camunda keeps 666 characters of it.

use crate::domain::Reservation;
use crate::topics::registry::Topic;

/// Nobody knows what a call did.
pub(crate) fn unknown(topic: Topic, row: &Reservation, why: &str) -> String {
    let (what, meanwhile) = match topic {
        Topic::Release => ("release", "The stock may still be held"),
        Topic::Confirm => ("confirmation", "The hold may be confirmed or not"),
        Topic::Extend => ("extension", "The hold may run out at its earlier time"),
        Topic::Reserve | Topic::Recheck | Topic::Reconcile => ("reserve", "The stock may be held"),
    };
    let why: String = why.chars().take(160).collect();
    let next = if row.manual_since.is_some() {
        "A human must find out at the inventory and decide (see the details)."
    } else {
        "holdfast is asking the inventory and will settle this task by itself. Do not place or release anything by hand."
    };
    format!(
        "OUTCOME UNKNOWN of the {what} at `{}`: {why}. {meanwhile}. {next} Retry only asks again, it never holds twice. Reservation {}, key {}.",
        row.source, row.id, row.key
    )
}

/// The same key with another request.
pub(crate) fn other_request(row: &Reservation) -> String {
    format!(
        "KEY IN USE: order lines, place, customer or hold time differ from those that made reservation {} ({}) under key {}. Nothing was sent. \
         Restore `orderLines`, or raise `attemptGroup` once that reservation has ended.",
        row.id, row.status, row.key
    )
}

/// Another attempt group is alive.
pub(crate) const EARLIER_ATTEMPT_LIVES: &str = "EARLIER ATTEMPT ALIVE: `attemptGroup` was raised while the reservation of an earlier attempt group of \
    this order step is not yet refused, released or expired. Nothing was sent. Release or reconcile the earlier one, then retry.";
