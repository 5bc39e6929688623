//! Extends the locks of everything in flight, and withdraws the lease of what is no longer ours.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use metrics::counter;
use tokio_util::sync::CancellationToken;

use super::client::EngineClient;
use super::error::EngineError;
use super::id::{TaskId, WorkerId};
use super::in_flight::InFlight;
use super::lease::{CancelReason, TaskLease};
use crate::chain::chain;
use crate::metrics::{ENGINE_LEASES_CANCELLED, ENGINE_LOCK_EXTENSIONS};

/// How many extensions run side by side.
const AT_ONCE: usize = 8;

/// Keeps the locks of one poll loop. One timer for all tasks: most are done before they are due.
pub(super) struct LockKeeper {
    pub(super) client: EngineClient,
    pub(super) loop_name: String,
    pub(super) worker_id: WorkerId,
    pub(super) in_flight: Arc<InFlight>,
    /// How often to look for locks that are due.
    pub(super) period: Duration,
}

impl LockKeeper {
    pub(super) async fn run(self, stop: CancellationToken) {
        let keep = async {
            loop {
                tokio::time::sleep(self.period).await;
                let due = self.in_flight.due(self.client.clock().instant());
                stream::iter(due).for_each_concurrent(AT_ONCE, |(task, lease)| self.extend(task, lease)).await;
            }
        };
        tokio::select! {
            () = keep => {}
            () = stop.cancelled() => {}
        }
    }

    async fn extend(&self, task: TaskId, lease: Arc<TaskLease>) {
        let duration = lease.lock_duration();
        let asked_at = self.client.clock().instant();
        // An engine that hangs must not keep the other locks from being extended.
        let attempt = tokio::time::timeout(duration / 3, self.extend_or_relock(&task, duration));
        let outcome = match attempt.await {
            Ok(Ok(how)) => {
                lease.renew(asked_at);
                how
            }
            Ok(Err(EngineError::TaskGone)) => self.withdraw(&task, &lease, CancelReason::Gone),
            Ok(Err(EngineError::LockLost { .. })) => self.withdraw(&task, &lease, CancelReason::LockLost),
            // Not ours to decide: it is tried again next time, and the lease says by itself what is left.
            Ok(Err(error)) => {
                tracing::warn!(task.id = %task, error = %chain(&error), "a lock could not be extended yet");
                "error"
            }
            Err(_) => "error",
        };
        counter!(ENGINE_LOCK_EXTENSIONS, "loop" => self.loop_name.clone(), "outcome" => outcome).increment(1);
    }

    /// `extendLock` refuses what has run out and what is suspended; `lock` asks only whether another worker
    /// holds the task, and so gets both back.
    async fn extend_or_relock(&self, task: &TaskId, duration: Duration) -> Result<&'static str, EngineError> {
        match self.client.extend_lock(task, &self.worker_id, duration).await {
            Ok(()) => Ok("extended"),
            Err(EngineError::LockExpired | EngineError::Suspended) => {
                self.client.lock(task, &self.worker_id, duration).await.map(|()| "relocked")
            }
            Err(error) => Err(error),
        }
    }

    fn withdraw(&self, task: &TaskId, lease: &TaskLease, reason: CancelReason) -> &'static str {
        if lease.cancel(reason) {
            tracing::info!(task.id = %task, reason = reason.label(), "a task is no longer ours; its work is cancelled");
            counter!(ENGINE_LEASES_CANCELLED, "loop" => self.loop_name.clone(), "reason" => reason.label()).increment(1);
        }
        match reason {
            CancelReason::Gone => "gone",
            CancelReason::LockLost | CancelReason::Stopping => "lost",
        }
    }
}
