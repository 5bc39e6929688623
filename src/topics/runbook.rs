//! What an operator reads next: what is known, what was sent and when, what was answered, what a retry does, and what to do otherwise.

use std::fmt::Write as _;

use crate::domain::{EntryKind, six_answers};
use crate::operations::{Timeline, TimelineEntry};
use crate::topics::exit::instant;

/// The longest runbook, in bytes; the engine keeps one per failure.
const MOST_BYTES: usize = 16 * 1024;
/// How many of the first entries are kept where the middle of a long story is left out.
const BEGINNING: usize = 4;

const ADVICE: &str = concat!(
    "\nWhat Retry does\n",
    "The task is delivered again. ",
    "The row is read first; the inventory is only asked what it holds under the key. ",
    "A create is sent again only if the inventory promises to answer a repeated key with the first result, ",
    "or once it is proven that the first did nothing.\n",
    "\nWhat happens by itself\n",
    "The reconciler asks the inventory again, at growing intervals, ",
    "and completes this very task or throws its BPMN error once the outcome is known. ",
    "Its progress stands in the annotation.\n",
    "\nIf it cannot be found out\n",
    "Look at the inventory for the key or the order. ",
    "After the model's time the task moves to a human, who says: held (with the reference), not held, ask again, or give up; ",
    "in the user task, or by `holdfast fallout decide`.\n",
);

/// Writes the story of a reservation as plain text for Cockpit's details.
pub(crate) fn write(timeline: &Timeline) -> String {
    story(timeline, MOST_BYTES - ADVICE.len()) + ADVICE
}

/// Writes what a human needs who decides: what is known and what happened, in at most so many bytes. Of a long story its beginning and
/// its end are kept.
pub(crate) fn evidence(timeline: &Timeline, most_bytes: usize) -> String {
    story(timeline, most_bytes)
}

fn story(timeline: &Timeline, most_bytes: usize) -> String {
    let head = head(timeline);
    let lines: Vec<String> = timeline.entries.iter().filter(|entry| entry.kind != EntryKind::Event).map(line).collect();
    let room = most_bytes.saturating_sub(head.len());
    let text = head + &fitting(&lines, room, &timeline.reservation.id.to_string());
    crate::engine::cut_to_bytes(&text, most_bytes).into_owned()
}

fn head(timeline: &Timeline) -> String {
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
    text.push_str("\nWhat is known\n");
    for (_, question, known) in six_answers(row) {
        let _ = writeln!(text, "{question} {known}");
    }
    text.push_str("\nWhat happened\n");
    text
}

fn line(entry: &TimelineEntry) -> String {
    let detail = entry.detail.as_deref().map(|d| format!(" ({d})")).unwrap_or_default();
    format!("{}  {:8} {}{detail}\n", instant(entry.place.at), entry.kind, entry.what)
}

/// The lines, without the middle of those that do not fit.
fn fitting(lines: &[String], room: usize, id: &str) -> String {
    let length = |lines: &[String]| lines.iter().map(String::len).sum::<usize>();
    if length(lines) <= room {
        return lines.concat();
    }
    let (first, rest) = lines.split_at(BEGINNING.min(lines.len()));
    let mut from = 0;
    let note = |left_out: usize| format!("… {left_out} entries are left out: holdfast reservation show {id}\n");
    while from < rest.len() && length(first) + note(from).len() + length(&rest[from..]) > room {
        from += 1;
    }
    first.concat() + &note(from) + &rest[from..].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_story_that_is_too_long_the_beginning_and_the_end_are_kept() {
        let lines: Vec<String> = (0..100).map(|n| format!("entry {n}\n")).collect();
        assert_eq!(fitting(&lines, 10_000, "R"), lines.concat());
        let cut = fitting(&lines, 200, "R");
        assert!(cut.len() <= 200 && cut.starts_with("entry 0\nentry 1\n") && cut.ends_with("entry 98\nentry 99\n"), "{cut}");
        assert!(cut.contains("entries are left out: holdfast reservation show R"), "{cut}");
    }
}
