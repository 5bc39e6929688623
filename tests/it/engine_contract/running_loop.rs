//! A poll loop whose tasks arrive in the test's own hands.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast::engine::{
    EngineClient, FetchOrder, HeldTask, LoopSnapshot, LoopStatus, Poller, PollerSettings, RefillPolicy, TaskHandler, TaskQuery,
    TopicSubscription, WorkerId,
};
use holdfast::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::engine::TestEngine;
use crate::support::wait::SOON;

/// Passes every task on to the test.
struct PassOn(mpsc::UnboundedSender<HeldTask>);

#[async_trait]
impl TaskHandler for PassOn {
    async fn handle(&self, batch: Vec<HeldTask>) {
        for held in batch {
            let _ = self.0.send(held);
        }
    }
}

/// A loop that runs beside the test.
pub(crate) struct RunningLoop {
    pub(crate) worker: WorkerId,
    pub(crate) shutdown: Shutdown,
    status: LoopStatus,
    client: EngineClient,
    arrived: mpsc::UnboundedReceiver<HeldTask>,
    running: JoinHandle<()>,
}

/// What most tests poll with: a short long poll, so that stopping is quick.
pub(crate) fn settings(engine: &TestEngine, permits: usize, topic: TopicSubscription) -> PollerSettings {
    PollerSettings {
        name: "test".to_owned(),
        worker_id: engine.worker("loop"),
        topics: vec![topic],
        permits,
        long_poll: Duration::from_millis(500),
        order: FetchOrder::default(),
        refill: RefillPolicy::default(),
    }
}

impl RunningLoop {
    pub(crate) fn start(client: &EngineClient, settings: PollerSettings) -> Self {
        let (pass_on, arrived) = mpsc::unbounded_channel();
        let mut started = Self::start_with(client, settings, Arc::new(PassOn(pass_on)));
        started.arrived = arrived;
        started
    }

    pub(crate) fn start_with(client: &EngineClient, settings: PollerSettings, handler: Arc<dyn TaskHandler>) -> Self {
        let (worker, shutdown) = (settings.worker_id.clone(), Shutdown::new());
        let poller = Poller::new(client.clone(), settings, handler);
        let status = poller.status();
        let running = tokio::spawn(poller.run(shutdown.clone()));
        let (_, arrived) = mpsc::unbounded_channel();
        Self { worker, shutdown, status, client: client.clone(), arrived, running }
    }

    /// The next task; it must come soon.
    pub(crate) async fn next(&mut self) -> HeldTask {
        tokio::time::timeout(SOON, self.arrived.recv()).await.expect("a task is delivered").unwrap()
    }

    /// Whether a task has arrived that the test has not taken yet.
    pub(crate) fn has_more(&mut self) -> bool {
        !self.arrived.is_empty()
    }

    pub(crate) fn snapshot(&self) -> LoopSnapshot {
        self.status.snapshot(self.client.clock().instant())
    }

    /// The tasks that the engine holds for this loop right now.
    pub(crate) async fn locked(&self) -> Vec<holdfast::engine::TaskId> {
        let query = TaskQuery { worker_id: Some(self.worker.clone()), locked: true, ..TaskQuery::default() };
        self.client.list_tasks(&query).await.unwrap().into_iter().map(|task| task.id).collect()
    }

    /// Waits for the end of the loop, which was asked to stop.
    pub(crate) async fn stopped(&mut self, within: Duration) {
        tokio::time::timeout(within, &mut self.running).await.expect("the loop stops in time").unwrap();
    }

    /// Asks the loop to stop and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.request_soft();
        self.stopped(SOON).await;
    }
}
