//! `holdfast holds apply`: carries out a plan, all of it or what a run before left over, and nothing that it did not plan.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::ExitCode;

use chrono::TimeDelta;
use serde_json::json;

use super::command::Apply;
use super::journal::{Journal, Known};
use super::plan::Plan;
use crate::chain::chain;
use crate::cli::error::CliError;
use crate::cli::output::{complain, say};
use crate::cli::session::Session;
use crate::config::Config;
use crate::domain::{Remedy, SourceName};
use crate::operations::{Applied, Applier, PlannedStep, new_call};

/// A plan is about a moment; after this long it is about the past.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// What was done, for the report.
struct Done {
    number: usize,
    what: String,
    settled: bool,
}

/// Carries out a plan. Nothing is done unless everything about it is right.
pub(super) async fn carry_out(config: Config, options: Apply) -> Result<ExitCode, CliError> {
    let plan = Plan::read(&options.file)?;
    let steps = plan.steps()?;
    let source = SourceName::parse(&plan.source).map_err(|must| refused(format!("the plan's source {must}, it is `{}`", plan.source)))?;
    let session = if options.dry_run { Session::reading(config).await? } else { Session::acting(config).await? };
    let done = run(&session, &plan, &steps, &source, &options).await;
    session.close().await?;
    let done = done?;
    let settled = done.iter().all(|done| done.settled);
    if options.json {
        let steps = done.iter().map(|done| json!({"number": done.number, "outcome": done.what, "settled": done.settled}));
        say(&json!({"dryRun": options.dry_run, "settled": settled, "steps": steps.collect::<Vec<_>>()}).to_string());
    } else if done.is_empty() {
        say("the plan has nothing to do");
    } else if options.dry_run {
        say("this was a rehearsal: nothing was done");
    } else if settled {
        say("the plan is carried out");
    } else {
        complain("some of it was not done: run it again for what is not done yet, compare again for what does not fit any more");
    }
    Ok(if settled { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(
    session: &Session,
    plan: &Plan,
    steps: &[(usize, PlannedStep)],
    source: &SourceName,
    options: &Apply,
) -> Result<Vec<Done>, CliError> {
    check_where(session, plan, source).await?;
    let releases = steps.iter().filter(|(_, step)| step.remedy == Remedy::Release).count();
    if releases > options.max_release {
        return Err(refused(format!(
            "the plan would release {releases} holds, more than --max-release {}. If that is right, say --max-release {releases}",
            options.max_release
        )));
    }
    let mut keeper = if options.dry_run {
        Keeper::Rehearsing(Journal::look(&options.file, plan.seal())?)
    } else {
        Keeper::Writing(Journal::open(&options.file, plan.seal())?)
    };
    // Once begun, a plan may be brought to its end however old it is.
    let age = session.clock.now() - plan.created_at;
    if age > GOOD_FOR && keeper.known().is_empty() {
        return Err(refused(format!("the plan is {} hours old: compare again", age.num_hours())));
    }
    let applier = session.operations.applier(source).map_err(|error| refused(chain(&error)))?;
    check_stale(&applier, steps, keeper.known(), &options.file).await?;

    let mut done = Vec::new();
    let mut touched = touched(steps, keeper.known());
    for (number, step) in steps {
        let known = keeper.known().get(number).cloned().unwrap_or_default();
        if let Some(outcome) = known.outcome {
            done.push(Done { number: *number, what: format!("{outcome} (by an earlier run)"), settled: true });
        } else if step.reservation.is_some_and(|(id, _)| touched.contains(&id)) && known.calls.is_empty() {
            let what = "its reservation was dealt with by another step of this plan";
            keeper.finish(plan, *number, what, session)?;
            done.push(Done { number: *number, what: what.to_owned(), settled: true });
        } else {
            for call in &known.calls {
                applier.bury(step.tenant, *call).await.map_err(cut_short)?;
            }
            let call = new_call();
            keeper.begin(plan, *number, call, session)?;
            let begun = !known.calls.is_empty();
            let applied = applier.carry_out(step, call, begun, options.dry_run).await.map_err(cut_short)?;
            let (what, finished) = words(&applied, step);
            if finished {
                keeper.finish(plan, *number, &what, session)?;
                touched.extend(step.reservation.map(|(id, _)| id));
            }
            // What did not fit any more is not tried again, but it is not as it was planned either.
            let settled = (finished && !matches!(applied, Applied::Changed(_))) || applied == Applied::Would;
            done.push(Done { number: *number, what, settled });
        }
        if let Some(done) = done.last().filter(|_| !options.json) {
            say(&format!("{:>4}  {:14}  {}  {}", done.number, step.kind.as_str(), names(step), done.what));
        }
    }
    Ok(done)
}

/// The same inventory and the same database as were compared.
async fn check_where(session: &Session, plan: &Plan, source: &SourceName) -> Result<(), CliError> {
    let Some(configured) = session.config.sources.get(source.as_str()) else {
        let known = session.config.sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(refused(format!("the plan is for the inventory `{source}`, which is not configured; there are: {known}")));
    };
    if configured.base_url != plan.inventory {
        return Err(refused(format!("the plan is for `{source}` at {}, which is at {} now", plan.inventory, configured.base_url)));
    }
    let database = session.store.identity().await?;
    if database != plan.database {
        return Err(refused(format!("the plan was made with the database {}, this is {database}", plan.database)));
    }
    Ok(())
}

/// Everything that is left must still be as planned, before the first of it is done.
async fn check_stale(
    applier: &Applier<'_>,
    steps: &[(usize, PlannedStep)],
    known: &HashMap<usize, Known>,
    file: &Path,
) -> Result<(), CliError> {
    let touched = touched(steps, known);
    for (number, step) in steps {
        // What was begun or dealt with may have changed by that.
        if known.contains_key(number) || step.reservation.is_some_and(|(id, _)| touched.contains(&id)) {
            continue;
        }
        if let Err(stale) = applier.check(step).await.map_err(cut_short)? {
            return Err(refused(format!("{} is stale: finding {number}: {stale}. Compare again", file.display())));
        }
    }
    Ok(())
}

/// The reservations that steps of this plan have changed.
fn touched(steps: &[(usize, PlannedStep)], known: &HashMap<usize, Known>) -> HashSet<crate::domain::ReservationId> {
    steps.iter().filter(|(number, _)| known.contains_key(number)).filter_map(|(_, step)| step.reservation.map(|(id, _)| id)).collect()
}

/// The journal, or what is known of it while nothing is to be written.
enum Keeper {
    Writing(Journal),
    Rehearsing(HashMap<usize, Known>),
}

impl Keeper {
    fn known(&self) -> &HashMap<usize, Known> {
        match self {
            Self::Writing(journal) => &journal.known,
            Self::Rehearsing(known) => known,
        }
    }

    fn begin(&mut self, plan: &Plan, number: usize, call: crate::domain::CallId, session: &Session) -> Result<(), CliError> {
        match self {
            Self::Writing(journal) => journal.begin(plan.seal(), number, call, session.clock.now()),
            Self::Rehearsing(_) => Ok(()),
        }
    }

    fn finish(&mut self, plan: &Plan, number: usize, what: &str, session: &Session) -> Result<(), CliError> {
        match self {
            Self::Writing(journal) => journal.finish(plan.seal(), number, what, session.clock.now()),
            Self::Rehearsing(_) => Ok(()),
        }
    }
}

/// What became of a step, and whether it need not be carried out again.
fn words(applied: &Applied, step: &PlannedStep) -> (String, bool) {
    match applied {
        Applied::Released => ("released".to_owned(), true),
        Applied::WasGone => ("was gone already".to_owned(), true),
        Applied::LookedAt(status) => (format!("looked at: the reservation is {status}"), true),
        Applied::Missed(why) => (format!("looked at: {why}; the daemon goes on looking"), true),
        Applied::Adopted(status) => (format!("adopted: the reservation is {status}"), true),
        Applied::Would => (format!("would {}", step.remedy), false),
        Applied::Changed(why) => (format!("left as it is: {why}"), true),
        Applied::Open(why) => (format!("not done yet: {why}"), false),
    }
}

fn names(step: &PlannedStep) -> String {
    let hold = step.reference.as_ref().map_or("-", |reference| reference.as_str());
    step.reservation.map_or_else(|| hold.to_owned(), |(id, _)| format!("{hold} of reservation {id}"))
}

fn refused(why: String) -> CliError {
    CliError::Said(format!("{why}. Nothing was done"))
}

fn cut_short(error: crate::operations::OperationError) -> CliError {
    CliError::Said(format!("{}. What was done is kept: run it again to go on", chain(&error)))
}
