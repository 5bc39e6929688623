//! Plays many cases side by side and says what came of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::plan;
use crate::play::{self, Outcome};
use crate::rig::Rig;
use crate::support::engine::variable_or;

/// A case that was played.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) case: Case,
    pub(crate) bug: Option<&'static str>,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

impl Played {
    pub(crate) fn failures(&self) -> Vec<String> {
        let missed = self.outcome.missed.iter().map(|fault| format!("{fault} never struck"));
        missed.chain(self.outcome.broken.iter().cloned()).collect()
    }
}

pub(crate) fn run() -> ExitCode {
    // A panic is the failure of its case, and said there.
    std::panic::set_hook(Box::new(|_| {}));
    let named: Vec<Case> = variable_or("CASE", "").split_whitespace().map(|text| text.parse().unwrap()).collect();
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let cases = match (named.is_empty(), filter.as_deref()) {
        (false, _) => named,
        (true, Some("full")) => plan::matrix(),
        (true, Some(filter)) => plan::matrix().into_iter().filter(|case| case.to_string().contains(filter)).collect(),
        (true, None) => Vec::new(),
    };
    println!("{} cases", cases.len());
    let bug = variable_or("BUG", "");
    let bug: Option<&'static str> = (!bug.is_empty()).then(|| &*bug.leak());
    let played = play_all(cases.into_iter().map(|case| (case, bug)).collect());
    if played.iter().all(|played| played.failures().is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays all of these, several at once, and prints a line for each as it ends.
pub(crate) fn play_all(cases: Vec<(Case, Option<&'static str>)>) -> Vec<Played> {
    let jobs: usize = variable_or("JOBS", "8").parse().unwrap();
    let queue = Mutex::new(cases.into_iter());
    let (done, results) = mpsc::channel();
    let played = std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (queue, done) = (&queue, done.clone());
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((case, bug)) = next else { return };
                    let _ = done.send(one(case, bug));
                }
            });
        }
        drop(done);
        results.into_iter().inspect(say).collect()
    });
    crate::daemon::forget_binary();
    played
}

fn say(played: &Played) {
    let failures = played.failures();
    let verdict = if failures.is_empty() { "ok    " } else { "FAILED" };
    println!(
        "{verdict} {:5.1} s (at rest after {:4.1} s) {}{}",
        played.took.as_secs_f64(),
        played.outcome.recovered_in.as_secs_f64(),
        played.case,
        played.bug.map(|bug| format!(" with {bug}")).unwrap_or_default()
    );
    for failure in failures {
        println!("         {failure}");
    }
}

/// Plays one case on a thread and a runtime of its own: a panic is that case's failure, and nothing of it outlives it.
fn one(case: Case, bug: Option<&'static str>) -> Played {
    let begun = Instant::now();
    let at = case.clone();
    let play = move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(on_a_rig(&at, bug));
    let outcome = std::thread::Builder::new().name(case.to_string()).spawn(play).unwrap().join();
    let outcome = outcome.unwrap_or_else(|panic| Outcome { broken: vec![format!("P: {}", panic_text(&*panic))], ..Outcome::default() });
    Played { case, bug, outcome, took: begun.elapsed() }
}

async fn on_a_rig(case: &Case, bug: Option<&'static str>) -> Outcome {
    let root = folder().join("cases");
    let mut rig = Rig::build(case, bug, &root).await;
    let outcome = play::play(&mut rig, case).await;
    let failed = !outcome.broken.is_empty() || !outcome.missed.is_empty();
    if failed && bug.is_none() {
        println!("{}", play::describe(&rig, &root).await);
    }
    rig.tear_down(failed && bug.is_none()).await;
    outcome
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_else(|| "a panic".to_owned())
}

/// Where reports and the files of failed cases go.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("chaos")
}
