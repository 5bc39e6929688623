//! What an operator reads next: what was sent and when, what was answered, what a retry does, and what to do otherwise.

use std::fmt::Write as _;

use crate::operations::Timeline;
use crate::topics::exit::instant;

/// The longest runbook, in bytes; the engine keeps one per failure.
const MOST_BYTES: usize = 16 * 1024;

/// Writes the story of a reservation as plain text for Cockpit's details and for the human's form.
pub(crate) fn write(timeline: &Timeline) -> String {
    let row = &timeline.reservation;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "Reservation {} is {}", row.id, row.status);
    let _ = writeln!(text, "order {}, step {}, attempt group {}", row.order, row.step, row.group.number());
    let _ = writeln!(text, "inventory `{}`, key {}", row.source, row.key);
    let reference = row.reference.as_ref().map_or("not known", |r| r.as_str());
    let _ = writeln!(text, "the inventory's reference: {reference}");
    for line in &row.lines {
        let _ = writeln!(text, "line {}: {} x {}", line.line.order_line, line.line.quantity, line.line.product_offering);
    }
    let _ = writeln!(text, "\nWhat happened");
    for entry in timeline.entries.iter().filter(|entry| entry.kind != "event") {
        let detail = entry.detail.as_deref().map(|d| format!(" ({d})")).unwrap_or_default();
        let _ = writeln!(text, "{}  {:6} {}{detail}", instant(entry.at), entry.kind, entry.what);
    }
    text.push_str(
        "\nWhat Retry does\nThe task is delivered again. The row is read first; the inventory is only asked what it holds under the key. A create \
         is sent again only if the inventory promises to answer a repeated key with the first result.\n\
         \nWhat happens by itself\nThe reconciler asks the inventory again, at growing intervals, and completes this very task or throws its BPMN error \
         once the outcome is known. Its progress stands in the annotation.\n\
         \nIf it cannot be found out\nLook at the inventory for the key or the order. After the model's time the task moves to a human, who says: held \
         (with the reference), not held, ask again, or give up.\n",
    );
    crate::engine::cut_to_bytes(&text, MOST_BYTES).into_owned()
}
