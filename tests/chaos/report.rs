//! What a whole run has shown: `target/chaos/summary.json` for machines, a part of `docs/reliability.md` for people.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bugs::PlantedBug;
use crate::case::{Case, Fault, Link};
use crate::runner::{Played, folder};

const BEGIN: &str = "<!-- what follows was written by `make chaos` -->";
const END: &str = "<!-- until here -->";

/// What became of a planted bug.
pub(crate) struct Killed {
    pub(crate) bug: PlantedBug,
    /// The case that failed with it, and how.
    pub(crate) by: Option<(Case, String)>,
}

/// One whole run.
pub(crate) struct Run {
    /// The cases of the matrix that were played.
    pub(crate) matrix: Vec<Played>,
    /// How many the matrix has.
    pub(crate) all: usize,
    /// Pairs of faults drawn by lot.
    pub(crate) pairs: Vec<Played>,
    pub(crate) seed: u64,
    /// What was typed for it.
    pub(crate) command: String,
    pub(crate) bugs: Vec<Killed>,
    /// The worlds that the exhaustive search visited, by kind of inventory.
    pub(crate) searched: BTreeMap<String, u64>,
    pub(crate) took: Duration,
}

/// The results of the search, which runs before.
pub(crate) fn searched() -> BTreeMap<String, u64> {
    let Ok(files) = fs::read_dir(folder().join("search")) else { return BTreeMap::new() };
    files
        .filter_map(|file| serde_json::from_str::<Value>(&fs::read_to_string(file.ok()?.path()).ok()?).ok())
        .filter_map(|found| Some((found["name"].as_str()?.to_owned(), found["worlds"].as_u64()?)))
        .collect()
}

impl Run {
    fn played(&self) -> impl Iterator<Item = &Played> {
        self.matrix.iter().chain(&self.pairs)
    }

    fn faults_fired(&self) -> usize {
        self.played().map(|played| played.outcome.fired).sum()
    }

    fn violations(&self) -> Vec<&Played> {
        self.played().filter(|played| !played.outcome.broken.is_empty()).collect()
    }

    fn killed(&self) -> usize {
        self.bugs.iter().filter(|killed| killed.by.is_some()).count()
    }

    /// Nothing was broken, every fault struck, and every bug was found.
    pub(crate) fn is_good(&self) -> bool {
        self.played().all(|played| played.failures().is_empty()) && self.killed() == self.bugs.len()
    }

    /// Writes the summary, and the report into its page.
    pub(crate) fn write(&self) -> std::io::Result<()> {
        let summary = json!({
            "cases": self.played().count(),
            "cases_of_the_matrix": self.all,
            "faults_fired": self.faults_fired(),
            "violations": self.violations().len(),
            "failed": self.played().filter(|played| !played.failures().is_empty()).map(|played| played.case.to_string()).collect::<Vec<_>>(),
            "planted_bugs": self.bugs.len(),
            "planted_bugs_killed": self.killed(),
            "model_states": self.searched.values().sum::<u64>(),
            "seed": self.seed,
            "seconds": self.took.as_secs(),
        });
        fs::write(folder().join("summary.json"), format!("{summary:#}\n"))?;
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
        let text = fs::read_to_string(&page)?;
        let (Some((before, rest)), true) = (text.split_once(BEGIN), text.contains(END)) else {
            return Err(std::io::Error::other("docs/reliability.md has no place for the report"));
        };
        let after = rest.split_once(END).map_or("", |(_, after)| after);
        fs::write(page, format!("{before}{BEGIN}\n\n{}\n{END}{after}", self.text()))
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} cases, {} faults fired, {} broken promises, {} of {} planted bugs killed, {} worlds searched; {} min {} s.\n\n",
            self.played().count(),
            self.faults_fired(),
            self.violations().iter().map(|played| played.outcome.broken.len()).sum::<usize>(),
            self.killed(),
            self.bugs.len(),
            self.searched.values().sum::<u64>(),
            self.took.as_secs() / 60,
            self.took.as_secs() % 60,
        );
        text.push_str(&format!("By `{}`.\n\n", self.command));
        if self.matrix.len() < self.all {
            text.push_str(&format!(
                "This run was cut short: {} of the {} cases of the matrix were played, drawn by lot.\n\n",
                self.matrix.len(),
                self.all
            ));
        }
        text.push_str(&self.cases_by_operation());
        text.push_str(&format!("\n{} of the cases are pairs of faults drawn by lot, seed {}.\n", self.pairs.len(), self.seed));
        text.push_str(&self.recovery());
        text.push_str("\n| planted bug | what is wrong | killed by | the broken promise |\n|---|---|---|---|\n");
        for Killed { bug, by } in &self.bugs {
            let (case, promise) = match by {
                Some((case, promise)) => (format!("`{case}`"), promise.split([':', ';']).next().unwrap_or_default().to_owned()),
                None => ("nothing".to_owned(), "none: it lives".to_owned()),
            };
            text.push_str(&format!("| `{}` | {} | {case} | {promise} |\n", bug.name, bug.wrong));
        }
        text.push_str("\n| inventory searched | worlds |\n|---|---|\n");
        for (name, worlds) in &self.searched {
            text.push_str(&format!("| {name} | {worlds} |\n"));
        }
        let failed: Vec<&Played> = self.played().filter(|played| !played.failures().is_empty()).collect();
        if !failed.is_empty() {
            text.push_str("\nNot as it should be:\n\n");
        }
        for played in failed {
            text.push_str(&format!("- `{}`: {}\n", played.case, played.failures().join("; ").replace('\n', " ")));
        }
        text
    }

    fn cases_by_operation(&self) -> String {
        let mut counts: BTreeMap<&str, [usize; 6]> = BTreeMap::new();
        for played in self.played() {
            let row = counts.entry(played.case.operation.as_str()).or_default();
            row[usize::from(played.case.replicas > 1)] += 1;
            for fault in &played.case.faults {
                row[2 + place(fault)] += 1;
            }
        }
        let mut text =
            "| operation | one daemon | two daemons | faults in the daemon | to the inventory | to the engine | to the database |\n\
                        |---|---|---|---|---|---|---|\n"
                .to_owned();
        for (operation, row) in counts {
            text.push_str(&format!("| {operation} | {} |\n", row.map(|count| count.to_string()).join(" | ")));
        }
        text
    }

    /// How long it took to come to rest after the last fault.
    fn recovery(&self) -> String {
        let mut took: Vec<u128> = self.played().map(|played| played.outcome.recovered_in.as_millis()).collect();
        took.sort_unstable();
        let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1))).copied().unwrap_or_default();
        format!(
            "From the last fault until all was at rest: {} ms in the median, {} ms at the 99th percentile, on a machine that played several cases at once.\n",
            at(50),
            at(99)
        )
    }
}

fn place(fault: &Fault) -> usize {
    match fault.link() {
        None => 0,
        Some(Link::Supplier) => 1,
        Some(Link::Engine) => 2,
        Some(Link::Database) => 3,
    }
}
