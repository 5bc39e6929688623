//! What people see while orders are under way: a line per order that changes on a terminal, a line per step elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::cli::output::{complain, say};

/// No live line is longer than a terminal usually is wide.
const LIVE: usize = 110;
/// Other lines may be longer: an incident has much to say.
const PLAIN: usize = 240;

/// Where progress is shown, and how.
#[derive(Debug)]
pub(super) struct Progress {
    begun: Instant,
    /// Standard error, because standard output is for the table.
    aside: bool,
    live: bool,
    lines: Mutex<Lines>,
}

#[derive(Debug)]
struct Lines {
    names: Vec<&'static str>,
    texts: Vec<String>,
    drawn: bool,
}

impl Progress {
    /// Progress of orders with these names. `live` is for terminals.
    pub(super) fn new(names: Vec<&'static str>, live: bool, aside: bool) -> Self {
        let texts = vec![String::new(); names.len()];
        Self { begun: Instant::now(), aside, live, lines: Mutex::new(Lines { names, texts, drawn: false }) }
    }

    /// Text about the whole demo; a live picture is drawn anew below it.
    pub(super) fn say(&self, text: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.drawn = false;
        self.print(text);
    }

    fn print(&self, text: &str) {
        if self.aside { complain(text) } else { say(text) }
    }

    /// An order came a step further.
    pub(super) fn step(&self, order: usize, text: &str) {
        self.show(order, text, true);
    }

    /// An order is somewhere; too small a thing for a line of its own.
    pub(super) fn place(&self, order: usize, text: &str) {
        self.show(order, text, false);
    }

    fn show(&self, order: usize, text: &str, is_step: bool) {
        let at = self.begun.elapsed().as_secs_f64();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let name = lines.names.get(order).copied().unwrap_or_default();
        let line = cut(&format!("  {name:20} {at:5.1} s  {text}"), if self.live { LIVE } else { PLAIN });
        if !self.live {
            if is_step {
                self.print(&line);
            }
            return;
        }
        if let Some(shown) = lines.texts.get_mut(order) {
            *shown = line;
        }
        let picture = lines.draw();
        self.print(&picture);
    }
}

impl Lines {
    /// All lines, drawn over those that stand there: up, each line cleared, and no line wrapped however narrow the terminal is.
    fn draw(&mut self) -> String {
        let up = if self.drawn { format!("\x1b[{}A", self.texts.len()) } else { String::new() };
        self.drawn = true;
        let shown = self.names.iter().zip(&self.texts).map(|(name, text)| {
            let text = if text.is_empty() { format!("  {name}") } else { text.clone() };
            format!("\x1b[2K{text}")
        });
        format!("\x1b[?7l{up}{}\x1b[?7h", shown.collect::<Vec<_>>().join("\n"))
    }
}

fn cut(line: &str, most: usize) -> String {
    if line.chars().count() <= most { line.to_owned() } else { line.chars().take(most - 1).chain("…".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_picture_has_a_line_for_each_order_and_is_drawn_over_the_last_one() {
        let mut lines = Lines { names: vec!["a", "b"], texts: vec!["  a  1.0 s  started".to_owned(), String::new()], drawn: false };
        assert_eq!(lines.draw(), "\x1b[?7l\x1b[2K  a  1.0 s  started\n\x1b[2K  b\x1b[?7h");
        assert!(lines.draw().starts_with("\x1b[?7l\x1b[2A"));
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(cut(&"x".repeat(300), LIVE).chars().count(), LIVE);
    }
}
