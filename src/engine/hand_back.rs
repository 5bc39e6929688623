//! Unlocking what nobody works on: what a stopping loop never began, what the engine locked for a poll that
//! died, and what a dead worker held.

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use metrics::counter;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::EngineClient;
use super::error::EngineError;
use super::id::{TaskId, WorkerId};
use super::in_flight::{HandBack, InFlight};
use super::query::TaskQuery;
use crate::chain::chain;
use crate::metrics::ENGINE_TASKS_HANDED_BACK;
use crate::retry::{RetryPolicy, retry_until};

/// How many unlocks run side by side.
const AT_ONCE: usize = 8;
/// How many tasks are listed at a time.
const PAGE: usize = 200;
/// How often the list is asked for before something must be wrong.
const MOST_ROUNDS: usize = 1_000;
const UNLOCK_RETRIES: RetryPolicy = RetryPolicy::new(Duration::from_millis(50), Duration::from_millis(500));
const UNLOCK_WITHIN: Duration = Duration::from_secs(2);

impl EngineClient {
    /// Unlocks everything that a **dead** worker holds and that is not in an incident; says how much it was.
    ///
    /// Asks again until nothing is left, because an unlock also wakes the dead worker's own poll if it is
    /// still parked at the engine, and the engine then locks tasks for it once more (and only once). Tasks
    /// that wait for their next attempt after a failure come free too, sooner than they were due.
    ///
    /// # Errors
    /// When the engine cannot be asked, or an unlock keeps failing; what was unlocked stays unlocked.
    pub async fn unlock_held_by(&self, worker: &WorkerId) -> Result<usize, EngineError> {
        self.unlock_rounds(worker, true).await
    }

    /// The same, and what is in an incident too: for a worker that locked such tasks in order to end their incidents. Nobody fetches
    /// them once they are free, but whoever wants to end them may lock them.
    ///
    /// # Errors
    /// As [`unlock_held_by`](Self::unlock_held_by).
    pub async fn unlock_all_held_by(&self, worker: &WorkerId) -> Result<usize, EngineError> {
        self.unlock_rounds(worker, false).await
    }

    async fn unlock_rounds(&self, worker: &WorkerId, with_retries_left: bool) -> Result<usize, EngineError> {
        let mut unlocked = 0;
        for _ in 0..MOST_ROUNDS {
            let held = self.held_by(worker, with_retries_left).await?;
            if held.is_empty() {
                break;
            }
            let mut results = stream::iter(held).map(|task| async move { self.unlock_for_sure(&task).await }).buffer_unordered(AT_ONCE);
            while let Some(result) = results.next().await {
                unlocked += usize::from(result?);
            }
        }
        Ok(unlocked)
    }

    /// Unlocks what the engine holds for this worker although `in_flight` knows nothing of it and no failure
    /// put it aside. Must not run while a poll of this worker is on its way.
    pub(super) async fn unlock_ghosts_of(&self, worker: &WorkerId, in_flight: &InFlight) -> Result<usize, EngineError> {
        // Known before the list is made or after: a task that ends in between is no ghost.
        let known_before: HashSet<TaskId> = in_flight.ids().into_iter().collect();
        let held = self.held_by(worker, true).await?;
        let now = self.inner.clock.instant();
        let ghosts = held
            .into_iter()
            .filter(|task| !known_before.contains(task) && !in_flight.contains(task) && !self.inner.parked.is_parked(task, now));
        let mut unlocked = 0;
        for task in ghosts {
            unlocked += usize::from(self.unlock_for_sure(&task).await?);
        }
        Ok(unlocked)
    }

    async fn held_by(&self, worker: &WorkerId, with_retries_left: bool) -> Result<Vec<TaskId>, EngineError> {
        let query =
            TaskQuery { worker_id: Some(worker.clone()), locked: true, with_retries_left, limit: Some(PAGE), ..TaskQuery::default() };
        Ok(self.list_tasks(&query).await?.into_iter().map(|task| task.id).collect())
    }

    /// Says whether there was anything to unlock.
    async fn unlock_for_sure(&self, task: &TaskId) -> Result<bool, EngineError> {
        let until = self.inner.clock.instant() + UNLOCK_WITHIN;
        match retry_until(UNLOCK_RETRIES, until, || self.unlock(task)).await {
            Ok(()) => Ok(true),
            Err(EngineError::TaskGone) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Unlocks what is handed back, until `stop` fires and nothing is left.
pub(super) async fn run(client: EngineClient, loop_name: String, mut returned: mpsc::UnboundedReceiver<HandBack>, stop: CancellationToken) {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = returned.recv_many(&mut batch, PAGE) => if count == 0 { return },
            () = stop.cancelled() => return,
        }
        stream::iter(batch.drain(..))
            .for_each_concurrent(AT_ONCE, |item| {
                let (client, loop_name) = (&client, &loop_name);
                async move {
                    match client.unlock_for_sure(&item.task).await {
                        Ok(_) => counter!(ENGINE_TASKS_HANDED_BACK, "loop" => loop_name.clone(), "reason" => item.reason).increment(1),
                        Err(error) => tracing::warn!(
                            task.id = %item.task,
                            error = %chain(&error),
                            "a task that was never begun could not be unlocked; it stays locked until its lock runs out"
                        ),
                    }
                }
            })
            .await;
    }
}
