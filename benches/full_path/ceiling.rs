//! The ceiling: a client that fetches tasks and completes them, and does nothing in between.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::stream::FuturesUnordered;
use holdfast::engine::{
    Completion, EngineClient, EngineError, EngineTenant, FetchOrder, FetchRequest, LockedTask, TopicSubscription, Variables, WorkerId,
};
use holdfast::topics::Topic;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

use crate::orders::{TOPIC, Tenant};

/// Completes on their way at once.
const COMPLETERS: usize = 8;
const LOCK: Duration = Duration::from_secs(60);
const LONG_POLL: Duration = Duration::from_secs(10);

/// What the client says when it completes a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// Nothing.
    Nothing,
    /// The variables that the daemon says.
    AsMuch,
}

/// A client with one fetcher and eight completes in flight.
#[derive(Clone)]
pub(crate) struct NoOp {
    pub(crate) client: EngineClient,
    pub(crate) tenant: Tenant,
    pub(crate) max_tasks: usize,
    pub(crate) says: Says,
}

impl NoOp {
    /// Fetches and completes so many tasks. The fetcher is one batch ahead of the completes.
    pub(crate) async fn work_off(self, count: usize) -> Result<(), EngineError> {
        let worker = WorkerId::new(format!("bench/{}", Uuid::new_v4()));
        let (queue, tasks) = mpsc::channel(self.max_tasks);
        let tasks = Arc::new(Mutex::new(tasks));
        let fetching = self.fetch(&worker, count, queue);
        let completers: FuturesUnordered<_> = (0..COMPLETERS).map(|_| self.complete(Arc::clone(&tasks))).collect();
        let completing = async { completers.try_for_each(|()| async { Ok(()) }).await };
        tokio::try_join!(fetching, completing).map(|_| ())
    }

    async fn fetch(&self, worker: &WorkerId, count: usize, queue: mpsc::Sender<LockedTask>) -> Result<(), EngineError> {
        // The daemon asks for these variables too.
        let topic =
            TopicSubscription::new(TOPIC, LOCK, &Topic::Reserve.variables()).for_tenants([EngineTenant::from(self.tenant.0.as_str())]);
        let request = FetchRequest {
            worker_id: worker.clone(),
            max_tasks: self.max_tasks,
            long_poll: Some(LONG_POLL),
            order: FetchOrder::default(),
            topics: vec![topic],
        };
        let mut fetched = 0;
        while fetched < count {
            for task in self.client.fetch_and_lock(&request).await? {
                fetched += 1;
                // The completers are gone only if one of them failed, and that error is the one to report.
                if queue.send(task).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn complete(&self, tasks: Arc<Mutex<mpsc::Receiver<LockedTask>>>) -> Result<(), EngineError> {
        loop {
            let Some(task) = tasks.lock().await.recv().await else { return Ok(()) };
            let completion = Completion { variables: self.variables(), local_variables: Variables::new() };
            self.client.complete(&task.id, &task.worker_id, &completion).await?;
        }
    }

    fn variables(&self) -> Variables {
        match self.says {
            Says::Nothing => Variables::new(),
            Says::AsMuch => Variables::new()
                .with("reservationId", Uuid::new_v4().to_string())
                .with("reservationStatus", "RESERVED")
                .with("externalReservationRef", "HOLD-0000000000000000")
                .with("reservedUntil", "2030-01-01T00:00:00Z")
                .with("reservationPartial", false),
        }
    }
}
