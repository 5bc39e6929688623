//! The end of the demo: the table, or the same as JSON.

use serde_json::{Value, json};

use crate::cli::demo::facts::{Facts, InstanceFacts};
use crate::cli::demo::scenario::Scenario;
use crate::cli::demo::story;

/// The columns: what each is called, and how wide it may be.
const COLUMNS: [(&str, usize); 6] =
    [("order", 19), ("what happened to it", 48), ("reservation", 11), ("ledger", 16), ("engine", 18), ("agree", 5)];

/// One order at the end.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// What it was about.
    pub(super) scenario: &'a Scenario,
    /// The order.
    pub(super) order: String,
    /// What was observed.
    pub(super) facts: Facts,
    /// What disagrees.
    pub(super) disagreements: Vec<String>,
}

impl Row<'_> {
    fn cells(&self) -> [String; 6] {
        [
            self.scenario.name.to_owned(),
            story::tell(&self.facts),
            here(&self.facts),
            story::holds(&self.facts),
            ended(&self.facts),
            if self.disagreements.is_empty() { "yes" } else { "NO" }.to_owned(),
        ]
    }

    /// The row for a script.
    pub(super) fn json(&self) -> Value {
        let [name, story, _, _, ended, _] = self.cells();
        let instances: Vec<&str> = self.facts.instances.iter().map(|instance| instance.id.as_str()).collect();
        let reservations = self.facts.reservations.iter();
        let reservations = reservations
            .map(|row| json!({"reservationId": row.id, "status": row.status.as_str(), "key": row.key, "reference": row.reference}));
        let holds = self.facts.holds.iter().map(|hold| {
            json!({
                "reference": hold.reference, "key": hold.key, "state": hold.state,
                "requested": hold.requested.to_string(), "reserved": hold.reserved.to_string(),
            })
        });
        json!({
            "name": name, "orderId": self.order, "source": self.scenario.source.name(), "story": story,
            "reservations": reservations.collect::<Value>(), "holds": holds.collect::<Value>(),
            "processInstances": instances, "engine": ended,
            "agree": self.disagreements.is_empty(), "disagreements": self.disagreements,
        })
    }
}

/// The table, as lines.
pub(super) fn lines(rows: &[Row<'_>]) -> Vec<String> {
    let mut lines = physical(&COLUMNS.map(|(head, _)| head.to_owned()));
    let rule: Vec<String> = COLUMNS.iter().map(|(_, width)| "-".repeat(*width)).collect();
    lines.push(rule.join("  "));
    for row in rows {
        lines.extend(physical(&row.cells()));
    }
    lines
}

/// A row of cells as the lines that it takes, each cell wrapped to its column.
fn physical(cells: &[String; 6]) -> Vec<String> {
    let wrapped: Vec<Vec<String>> = cells.iter().zip(COLUMNS).map(|(cell, (_, width))| wrap(cell, width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let line = |number: usize| {
        let cells = wrapped.iter().zip(COLUMNS).map(|(cell, (_, width))| format!("{:width$}", cell.get(number).map_or("", String::as_str)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// Breaks a text between words; a word that is too long stays whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn here(facts: &Facts) -> String {
    let states: Vec<&str> = facts.reservations.iter().map(|row| row.status.as_str()).collect();
    if states.is_empty() { "none".to_owned() } else { states.join(", ") }
}

fn ended(facts: &Facts) -> String {
    let mut places: Vec<String> = facts.instances.iter().map(place).collect();
    let times = places.len();
    places.dedup();
    match places.as_slice() {
        [one] if times > 1 => format!("{one} (all {times})"),
        _ => places.join("; "),
    }
}

fn place(instance: &InstanceFacts) -> String {
    match (instance.ends.last(), instance.waits_at.last()) {
        (Some((_, name)), _) => name.clone(),
        (None, Some((_, name))) => format!("at {name}"),
        (None, None) => instance.state.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_between_words_and_a_long_word_stays_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible x", 5), ["incomprehensible", "x"]);
        assert_eq!(wrap("", 5), Vec::<String>::new());
    }

    #[test]
    fn a_row_takes_as_many_lines_as_its_longest_cell() {
        let mut cells = ["a", "", "RELEASED", "no hold", "Order cancelled", "yes"].map(str::to_owned);
        cells[1] = "word ".repeat(30);
        let lines = physical(&cells);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("a  ") && lines[0].ends_with("yes"));
        assert!(lines[1].starts_with("   "));
    }
}
