//! Plays many cases side by side and says what came of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::bugs::{BUGS, PlantedBug};
use crate::case::Case;
use crate::plan;
use crate::play::{self, Outcome};
use crate::report::{self, Killed, Run};
use crate::rig::Rig;
use crate::support::engine::variable_or;

/// How often a case is played at most until its faults have struck.
const ATTEMPTS: usize = 3;

/// A case to be played.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) case: Case,
    /// What is wrong with the daemon.
    pub(crate) bug: Option<&'static str>,
    /// Its second fault may come too late to strike: whether it does depends on what the first one has led to.
    pub(crate) by_lot: bool,
}

/// A case that was played.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) case: Case,
    pub(crate) bug: Option<&'static str>,
    pub(crate) by_lot: bool,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

impl Played {
    pub(crate) fn failures(&self) -> Vec<String> {
        self.outcome.failures(self.by_lot)
    }

    fn is_good(&self) -> bool {
        self.failures().is_empty()
    }
}

pub(crate) fn run() -> ExitCode {
    // A panic is the failure of its case, and said there.
    std::panic::set_hook(Box::new(|_| {}));
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let named: Vec<Case> = variable_or("CASE", "").split_whitespace().map(|text| text.parse().unwrap()).collect();
    let good = match (named.is_empty(), filter.as_deref()) {
        (false, _) => all_good(named),
        (true, None | Some("quick")) => all_good(plan::quick()),
        (true, Some("list")) => {
            plan::matrix().iter().for_each(|case| println!("{case}"));
            true
        }
        (true, Some("bugs")) => kill(BUGS).iter().all(|killed| killed.by.is_some()),
        (true, Some("full")) => full(),
        (true, Some(filter)) => all_good(plan::matrix().into_iter().filter(|case| case.to_string().contains(filter)).collect()),
    };
    crate::daemon::forget_binary();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all_good(cases: Vec<Case>) -> bool {
    let bug = variable_or("BUG", "");
    let bug: Option<&'static str> = (!bug.is_empty()).then(|| &*bug.leak());
    let begun = Instant::now();
    let played = play_all(cases.into_iter().map(|case| Job { case, bug, by_lot: false }).collect());
    let failed = played.iter().filter(|played| !played.is_good()).count();
    println!("{} cases, {failed} failed, in {:.0} s", played.len(), begun.elapsed().as_secs_f64());
    failed == 0
}

/// The matrix, pairs of faults drawn by lot, and the planted bugs; then the report.
fn full() -> bool {
    let begun = Instant::now();
    let seed: u64 = variable_or("SEED", "1").parse().unwrap();
    let budget = Duration::from_secs(variable_or("BUDGET_S", "120").parse().unwrap());
    let mut dice = dice(seed);
    let mut cases = plan::matrix();
    let all = cases.len();
    // Drawn by lot, so that a run that is cut short is a sample of the whole.
    for last in (1..cases.len()).rev() {
        cases.swap(last, dice(last + 1));
    }
    let cut_after = variable_or("MATRIX_S", "").parse().map_or(Duration::MAX, Duration::from_secs);
    println!("{} cases, then pairs by lot for {} s with seed {seed}, then {} planted bugs", cases.len(), budget.as_secs(), BUGS.len());
    let cases = cases.into_iter().take_while(|_| begun.elapsed() < cut_after);
    let matrix = play_each(cases.map(|case| Job { case, bug: None, by_lot: false }));
    let drawing = Instant::now();
    let lots = std::iter::from_fn(|| (drawing.elapsed() < budget).then(|| plan::random_pair(&mut dice)));
    let pairs = play_each(lots.map(|case| Job { case, bug: None, by_lot: true }));
    let bugs = kill(BUGS);
    let settings = ["SEED", "BUDGET_S", "MATRIX_S", "JOBS"].map(|name| (name, variable_or(name, "")));
    let settings = settings.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value} "));
    let command = format!("{}cargo test --features chaos --test chaos -- full", settings.collect::<String>());
    let run = Run { matrix, all, pairs, seed, command, bugs, searched: report::searched(), took: begun.elapsed() };
    if let Err(error) = run.write() {
        println!("the report was not written: {error}");
        return false;
    }
    println!("the report is in docs/reliability.md, the summary in {}", folder().join("summary.json").display());
    run.is_good()
}

/// Plays each bug's cases until one fails with a broken promise. Where two daemons race, the bug shows only if the right one wins.
fn kill(bugs: &[PlantedBug]) -> Vec<Killed> {
    let mut killed = kill_once(bugs);
    for _ in 1..ATTEMPTS {
        let living: Vec<PlantedBug> = killed.iter().filter(|killed| killed.by.is_none()).map(|killed| killed.bug).collect();
        if living.is_empty() {
            break;
        }
        killed.retain(|killed| killed.by.is_some());
        killed.extend(kill_once(&living));
    }
    killed.sort_by_key(|killed| bugs.iter().position(|bug| bug.name == killed.bug.name));
    for Killed { bug, by } in &killed {
        match by {
            Some((case, broken)) => println!("killed {} by {case}: {broken}", bug.name),
            None => println!("LIVES  {}", bug.name),
        }
    }
    killed
}

fn kill_once(bugs: &[PlantedBug]) -> Vec<Killed> {
    let jobs =
        bugs.iter().flat_map(|bug| bug.cases.iter().map(|case| Job { case: case.parse().unwrap(), bug: Some(bug.name), by_lot: false }));
    let played = play_all(jobs.collect());
    bugs.iter()
        .map(|bug| {
            let of_bug = bug.cases.iter().filter_map(|case| {
                let played = played.iter().find(|played| played.bug == Some(bug.name) && played.case.to_string() == *case)?;
                let broken = played.outcome.broken.iter().find(|broken| broken.starts_with(['S', 'L']))?;
                Some((played.case.clone(), broken.clone()))
            });
            Killed { bug: *bug, by: of_bug.into_iter().next() }
        })
        .collect()
}

/// Numbers below a bound, the same ones for the same seed.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        // SplitMix64, by Sebastiano Vigna, in the public domain.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % below as u64).unwrap()
    }
}

/// Plays all of these, several at once, and prints a line for each as it ends.
pub(crate) fn play_all(jobs: Vec<Job>) -> Vec<Played> {
    play_each(jobs.into_iter())
}

fn play_each(jobs: impl Iterator<Item = Job> + Send) -> Vec<Played> {
    let side_by_side: usize = variable_or("JOBS", "8").parse().unwrap();
    let queue = Mutex::new(jobs);
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..side_by_side {
            let (queue, done) = (&queue, done.clone());
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(job) = next else { return };
                    let _ = done.send(one(job));
                }
            });
        }
        drop(done);
        results.into_iter().inspect(say).collect()
    })
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

/// Plays a case, and again where a fault of it did not strike: that says nothing, for good or ill.
fn one(job: Job) -> Played {
    let begun = Instant::now();
    let mut outcome = once(&job);
    for _ in 1..ATTEMPTS {
        if outcome.broken.is_empty() && !outcome.failures(job.by_lot).is_empty() {
            println!("again  {}: {} never struck", job.case, outcome.missed.join(" and "));
            outcome = once(&job);
        }
    }
    Played { case: job.case, bug: job.bug, by_lot: job.by_lot, outcome, took: begun.elapsed() }
}

/// Plays one case on a thread and a runtime of its own: a panic is that case's failure, and nothing of it outlives it.
fn once(job: &Job) -> Outcome {
    let job = job.clone();
    let name = job.case.to_string();
    let play = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(on_a_rig(&job.case, job.bug, job.by_lot))
    };
    let outcome = std::thread::Builder::new().name(name).spawn(play).unwrap().join();
    outcome.unwrap_or_else(|panic| Outcome { broken: vec![format!("P: {}", panic_text(&*panic))], ..Outcome::default() })
}

async fn on_a_rig(case: &Case, bug: Option<&'static str>, by_lot: bool) -> Outcome {
    let root = folder().join("cases");
    let mut rig = Rig::build(case, bug, &root).await;
    let outcome = play::play(&mut rig, case).await;
    let failed = !outcome.failures(by_lot).is_empty();
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
