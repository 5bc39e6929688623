//! How far a plan has been carried out: a file beside it, one line for each step begun and each step done, written before going on.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cli::error::CliError;
use crate::domain::CallId;

/// The journal of one plan, held by this process alone.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// What is known of each finding, by its number.
    pub(super) known: HashMap<usize, Known>,
}

/// How far one finding has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The calls that were begun for it.
    pub(super) calls: Vec<CallId>,
    /// What became of it, once that is known.
    pub(super) outcome: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: DateTime<Utc>,
    plan: String,
    number: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<String>,
}

impl Journal {
    /// Where the journal of a plan is.
    pub(super) fn beside(plan: &Path) -> PathBuf {
        let mut name = plan.as_os_str().to_owned();
        name.push(".progress");
        PathBuf::from(name)
    }

    /// What the journal says, without holding it; nothing if there is none.
    pub(super) fn look(plan: &Path, seal: &str) -> Result<HashMap<usize, Known>, CliError> {
        let path = Self::beside(plan);
        match std::fs::read_to_string(&path) {
            Ok(text) => read(&text, seal, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashMap::new()),
            Err(source) => Err(CliError::File { doing: "read the progress", what: path.display().to_string(), source }),
        }
    }

    /// Opens it for this process alone.
    pub(super) fn open(plan: &Path, seal: &str) -> Result<Self, CliError> {
        let path = Self::beside(plan);
        let failed = |source| CliError::File { doing: "keep the progress", what: path.display().to_string(), source };
        let mut file = File::options().read(true).append(true).create(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CliError::Said("this plan is being carried out by another process right now. Nothing was done".to_owned()));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        if !text.is_empty() && !text.ends_with('\n') {
            // The line that a killed run did not finish stands alone.
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { known: read(&text, seal, &path)?, file, path })
    }

    /// A step is about to be carried out, with this call should one be made.
    pub(super) fn begin(&mut self, seal: &str, number: usize, call: CallId, now: DateTime<Utc>) -> Result<(), CliError> {
        self.append(&Line { at: now, plan: seal.to_owned(), number, begun: Some(call.0), done: None })?;
        self.known.entry(number).or_default().calls.push(call);
        Ok(())
    }

    /// A step is done, and is not to be carried out again.
    pub(super) fn finish(&mut self, seal: &str, number: usize, outcome: &str, now: DateTime<Utc>) -> Result<(), CliError> {
        self.append(&Line { at: now, plan: seal.to_owned(), number, begun: None, done: Some(outcome.to_owned()) })?;
        self.known.entry(number).or_default().outcome = Some(outcome.to_owned());
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<(), CliError> {
        let failed = |source| CliError::File { doing: "keep the progress", what: self.path.display().to_string(), source };
        let mut text = serde_json::to_string(line).map_err(|error| CliError::Said(error.to_string()))?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }
}

/// Reads every whole line. A line that breaks off was never acted on.
fn read(text: &str, seal: &str, path: &Path) -> Result<HashMap<usize, Known>, CliError> {
    let mut known: HashMap<usize, Known> = HashMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
        if line.plan != seal {
            return Err(CliError::Said(format!(
                "{} belongs to another plan that had this name. Nothing was done: name the new plan otherwise",
                path.display()
            )));
        }
        let entry = known.entry(line.number).or_default();
        entry.calls.extend(line.begun.map(CallId));
        entry.outcome = line.done.or(entry.outcome.take());
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn what_was_begun_and_done_is_known_again_and_half_a_line_is_nothing() {
        let plan = std::env::temp_dir().join(format!("holdfast-journal-{}", Uuid::new_v4()));
        let call = CallId(Uuid::new_v4());
        {
            let mut journal = Journal::open(&plan, "s1").unwrap();
            journal.begin("s1", 1, call, at()).unwrap();
            journal.finish("s1", 1, "released", at()).unwrap();
            journal.begin("s1", 2, call, at()).unwrap();
            assert!(Journal::open(&plan, "s1").err().unwrap().to_string().contains("another process"));
            journal.file.write_all(b"{\"at\":\"2027").unwrap();
        }
        let journal = Journal::open(&plan, "s1").unwrap();
        assert_eq!(journal.known[&1].outcome.as_deref(), Some("released"));
        assert_eq!(journal.known[&2], Known { calls: vec![call], outcome: None });
        drop(journal);
        assert_eq!(Journal::look(&plan, "s1").unwrap().len(), 2);
        assert!(Journal::open(&plan, "s2").err().unwrap().to_string().contains("another plan"));
        std::fs::remove_file(Journal::beside(&plan)).unwrap();
    }
}
