//! Throughput: rounds of the same backlog, one contestant after the other, so that what else happens on the machine hits all of them.

use std::time::Duration;

use crate::ceiling::{NoOp, Says};
use crate::measure::{cpu, median, peak_memory_mb};
use crate::orders::Tenant;
use crate::say::say;
use crate::{Failure, Stage};

/// The batch sizes of the no-op client that are tried.
const MAX_TASKS: [usize; 3] = [10, 32, 64];
/// Between a backlog and its release: the engine writes behind.
const SETTLING: Duration = Duration::from_millis(300);

/// What the rounds came to, in tasks per second.
pub(crate) struct Rounds {
    pub(crate) tasks: usize,
    /// The best batch size of the no-op client.
    pub(crate) max_tasks: usize,
    pub(crate) rounds: Vec<Round>,
    /// The daemon's CPU time for a task, in ms.
    pub(crate) cpu_ms: f64,
    pub(crate) peak_memory_mb: f64,
    /// Commits of the daemon's database while it lived, with those of its loops, and the effects that it had.
    pub(crate) commits: f64,
    pub(crate) effects: f64,
    pub(crate) lived: Duration,
}

/// One backlog of each contestant.
pub(crate) struct Round {
    pub(crate) full: f64,
    pub(crate) no_op: f64,
    pub(crate) no_op_saying_as_much: f64,
}

impl Round {
    pub(crate) fn ratio(&self) -> f64 {
        self.full / self.no_op
    }

    pub(crate) fn ratio_saying_as_much(&self) -> f64 {
        self.full / self.no_op_saying_as_much
    }
}

/// Tunes the ceiling, warms everybody up, then measures.
pub(crate) async fn measure(stage: &Stage) -> Result<Rounds, Failure> {
    let tasks = stage.options.tasks;
    let (ours, theirs) = (stage.engine.tenant().await?, stage.engine.tenant().await?);
    let client = |max_tasks, says| NoOp { client: stage.engine.client.clone(), tenant: theirs.clone(), max_tasks, says };
    let commits_before = stage.database.commits().await?;
    let began = std::time::Instant::now();
    let daemon = stage.daemons.start(&ours, "info").await?;

    no_op(stage, &client(MAX_TASKS[0], Says::AsMuch), tasks / 2).await?;
    full(stage, &ours, tasks / 2).await?;
    let mut tuned = (0.0, MAX_TASKS[0]);
    for max_tasks in MAX_TASKS {
        let tries = [
            no_op(stage, &client(max_tasks, Says::Nothing), tasks / 2).await?,
            no_op(stage, &client(max_tasks, Says::Nothing), tasks / 2).await?,
        ];
        let rate = median(&tries);
        say(&format!("no-op client with maxTasks {max_tasks}: {rate:.0} tasks/s"));
        if rate > tuned.0 {
            tuned = (rate, max_tasks);
        }
    }
    let max_tasks = tuned.1;

    let mut rounds = Vec::new();
    let mut used = Duration::ZERO;
    for number in 1..=stage.options.rounds {
        let no_op_rate = no_op(stage, &client(max_tasks, Says::Nothing), tasks).await?;
        let before = cpu(daemon.pid)?;
        let full = full(stage, &ours, tasks).await?;
        used += cpu(daemon.pid)?.saturating_sub(before);
        let saying = no_op(stage, &client(max_tasks, Says::AsMuch), tasks).await?;
        let round = Round { full, no_op: no_op_rate, no_op_saying_as_much: saying };
        say(&format!(
            "round {number}: full path {full:.0}, no-op {no_op_rate:.0} (ratio {:.2}), no-op that sets the same variables {saying:.0} (ratio {:.2})",
            round.ratio(),
            round.ratio_saying_as_much()
        ));
        rounds.push(round);
    }
    let peak_memory_mb = peak_memory_mb(daemon.pid)?;
    let lived = began.elapsed();
    daemon.kill().await?;
    Ok(Rounds {
        tasks,
        max_tasks,
        cpu_ms: used.as_secs_f64() * 1_000.0 / (tasks * rounds.len()) as f64,
        rounds,
        peak_memory_mb,
        commits: stage.database.commits().await? - commits_before,
        effects: (tasks * stage.options.rounds + tasks / 2) as f64,
        lived,
    })
}

/// One backlog through the daemon, in tasks per second.
async fn full(stage: &Stage, tenant: &Tenant, tasks: usize) -> Result<f64, Failure> {
    stage.engine.make_backlog(tenant, tasks).await?;
    tokio::time::sleep(SETTLING).await;
    let released = stage.engine.release(tenant).await?;
    let ended = stage.engine.all_ended(tenant).await?;
    rate(tasks, ended - released)
}

/// One backlog through the client that does nothing. Its poll is parked before the release, as the daemon's is.
async fn no_op(stage: &Stage, client: &NoOp, tasks: usize) -> Result<f64, Failure> {
    stage.engine.make_backlog(&client.tenant, tasks).await?;
    let working = tokio::spawn(client.clone().work_off(tasks));
    tokio::time::sleep(SETTLING).await;
    let released = stage.engine.release(&client.tenant).await?;
    let ended = stage.engine.all_ended(&client.tenant).await?;
    working.await??;
    rate(tasks, ended - released)
}

fn rate(tasks: usize, took: chrono::TimeDelta) -> Result<f64, Failure> {
    Ok(tasks as f64 / took.to_std()?.as_secs_f64())
}
