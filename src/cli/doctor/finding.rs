//! What the doctor says: how bad it is, where, what, and what to do; as lines for people and as JSON for scripts.

use serde::Serialize;

use crate::cli::output::say;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// It works, and will hurt somebody one day.
    Warning,
    /// Orders will go wrong, or the daemon will not start.
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) level: Level,
    /// Which part of the whole: `engine`, `models`, `database`, ...
    pub(crate) area: &'static str,
    /// Where in it: an address, a table, a task of a model, a setting.
    #[serde(rename = "where")]
    pub(crate) place: String,
    /// What was found.
    pub(crate) what: String,
    /// What to do; nothing where nothing need be done.
    pub(crate) advice: Option<String>,
}

/// Everything that was found in one area.
#[derive(Debug)]
pub(crate) struct Findings {
    area: &'static str,
    found: Vec<Finding>,
}

impl Findings {
    /// Nothing yet.
    pub(crate) fn of(area: &'static str) -> Self {
        Self { area, found: Vec::new() }
    }

    /// Something is as it should be.
    pub(crate) fn ok(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.found.push(Finding { level: Level::Ok, area: self.area, place: place.into(), what: what.into(), advice: None });
    }

    /// Something is worth saying.
    pub(crate) fn add(&mut self, level: Level, place: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) {
        let advice = Some(advice.into()).filter(|advice| !advice.is_empty());
        self.found.push(Finding { level, area: self.area, place: place.into(), what: what.into(), advice });
    }

    /// The findings, in the order in which they were made.
    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.found
    }

    /// Nothing worse than a note so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.found.iter().all(|finding| finding.level <= Level::Note)
    }
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: &'a [Finding],
}

/// Prints the findings; says whether none is an error.
pub(crate) fn report(findings: &[Finding], json: bool) -> bool {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let report = Report {
        ok: count(Level::Error) == 0,
        errors: count(Level::Error),
        warnings: count(Level::Warning),
        notes: count(Level::Note),
        findings,
    };
    if json {
        say(&serde_json::to_string(&report).unwrap_or_default());
        return report.ok;
    }
    for finding in findings {
        for line in lines(finding) {
            say(&line);
        }
    }
    say("");
    say(&format!(
        "{}: {} errors, {} warnings, {} notes",
        if report.ok { "nothing keeps holdfast from working" } else { "holdfast will not work as it should" },
        report.errors,
        report.warnings,
        report.notes
    ));
    report.ok
}

/// A finding as it is printed: where and what on one line, what to do on the next.
fn lines(finding: &Finding) -> Vec<String> {
    let mut lines = vec![format!("{:7}  {:13}  {}: {}", finding.level.as_str(), finding.area, finding.place, finding.what)];
    lines.extend(finding.advice.as_ref().map(|advice| format!("{:24}-> {advice}", "")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where_what_and_what_to_do() {
        let mut findings = Findings::of("engine");
        findings.add(Level::Error, "http://e", "it does not answer", "start it");
        let lines = lines(&findings.into_vec()[0]);
        assert_eq!(lines, ["error    engine         http://e: it does not answer", "                        -> start it"]);
    }
}
