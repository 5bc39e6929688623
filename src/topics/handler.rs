//! The way of one task: read, do, say.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::chain::chain;
use crate::clock::SharedClock;
use crate::engine::{EngineClient, LockedTask, TaskLease, TopicSubscription};
use crate::fault_points::fault_point;
use crate::metrics;
use crate::operations::{Errand, Operations};
use crate::topics::exit::{Exit, Say};
use crate::topics::input::{Defaults, Input, bad};
use crate::topics::registry::{ALL_TOPICS, Class, RECONCILER_SUFFIX, Topic};
use crate::topics::retry_config::RetryConfig;
use crate::topics::tell::{Reporter, Told};
use crate::topics::{confirm, extend, recheck, reconcile, release, reserve};

/// How long and how often a task waits for somebody else who works on its row, before it is handed back.
const BUSY_PAUSE: Duration = Duration::from_millis(200);
const BUSY_TRIES: u32 = 25;

/// All topics, with what they need.
#[derive(Clone)]
pub struct Topics {
    pub(crate) operations: Operations,
    pub(crate) engine: EngineClient,
    pub(crate) clock: SharedClock,
    pub(crate) defaults: Arc<Defaults>,
    pub(crate) retry: Arc<RetryConfig>,
    /// The worker id under which settled tasks are taken over.
    pub(crate) reconciler_id: Arc<str>,
}

impl Topics {
    /// Puts the parts together. `retry` counts where the model has no `RETRY_CONFIG`.
    #[must_use]
    pub fn new(
        operations: Operations,
        engine: EngineClient,
        clock: SharedClock,
        defaults: Defaults,
        retry: RetryConfig,
        worker_id: &str,
    ) -> Self {
        let reconciler_id = Arc::from(format!("{worker_id}#{RECONCILER_SUFFIX}"));
        Self { operations, engine, clock, defaults: Arc::new(defaults), retry: Arc::new(retry), reconciler_id }
    }

    /// What one poll loop subscribes to.
    #[must_use]
    pub fn subscriptions(&self, class: Class, lock_duration: Duration) -> Vec<TopicSubscription> {
        let tenants = || self.defaults.tenants.iter().map(|tenant| crate::engine::EngineTenant::new(tenant.to_string()));
        ALL_TOPICS
            .into_iter()
            .filter(|topic| topic.class() == class)
            .map(|topic| TopicSubscription::new(topic.name(), lock_duration, &topic.variables()).for_tenants(tenants()))
            .collect()
    }

    /// Works off one task and tells the engine. The lease says how long it may go on.
    pub async fn handle(&self, task: &LockedTask, lease: &TaskLease) {
        let Some(topic) = Topic::parse(&task.topic_name) else {
            tracing::error!(task.id = %task.id, topic = %task.topic_name, "a task of a topic that nobody subscribed to is left alone");
            return;
        };
        if let Err(over) = lease.begin(self.clock.instant()) {
            tracing::info!(task.id = %task.id, topic = topic.name(), why = %over, "a task is left to its next owner");
            return;
        }
        tracing::debug!(task.id = %task.id, instance.id = %task.process_instance_id, topic = topic.name(), "work begins");
        let reporter = Reporter { topics: self, topic, task_id: &task.id, worker_id: &task.worker_id, instance: &task.process_instance_id };
        fault_point!("{}.delivered", topic.name());
        for _ in 0..BUSY_TRIES {
            let exit = self.work(topic, task).await;
            if matches!(exit.say, Say::Later) {
                if lease.cancelled().is_cancelled() {
                    return;
                }
                tokio::time::sleep(BUSY_PAUSE).await;
                continue;
            }
            fault_point!("{}.telling", topic.name());
            let told = reporter.tell(&exit, lease.deadline(), task.retries, self.retry_of(task).as_ref()).await;
            fault_point!("{}.told", topic.name());
            metrics::task_told(topic.name(), told.label());
            match told {
                Told::Gone => reporter.task_gone(&exit).await,
                Told::Unheard => reporter.unheard(&exit, lease.remaining(self.clock.instant())).await,
                Told::Heard | Told::Lost => {}
            }
            return;
        }
        // Whoever works on the row takes longer than this: the task comes again.
        metrics::task_told(topic.name(), "handed_back");
        if let Err(error) = self.engine.unlock(&task.id).await {
            tracing::warn!(task.id = %task.id, error = %chain(&error), "a task could not be handed back");
        }
    }

    /// Runs an errand and chooses the exit.
    pub(crate) async fn run(&self, topic: Topic, errand: &Errand) -> Exit {
        match self.operations.run(errand).await {
            Ok(conclusion) => Exit::of(topic, conclusion),
            Err(error) => Exit::failed(&error),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn work(&self, topic: Topic, task: &LockedTask) -> Exit {
        let input = Input { task, defaults: &self.defaults };
        let done = match topic {
            Topic::Reserve => reserve::work(self, &input).await,
            Topic::Release => release::work(self, &input).await,
            Topic::Recheck => recheck::work(self, &input).await,
            Topic::Reconcile => reconcile::work(self, &input).await,
            Topic::Confirm => confirm::work(self, &input).await,
            Topic::Extend => extend::work(self, &input).await,
        };
        match done {
            Ok(exit) => exit,
            Err(error) => Exit::bad_input(&error),
        }
    }

    /// The model's own retry configuration, the daemon's where there is none, and an exit that names a bad one.
    fn retry_of(&self, task: &LockedTask) -> Result<RetryConfig, Exit> {
        match task.extension_properties.get("RETRY_CONFIG") {
            None => Ok(self.retry.as_ref().clone()),
            Some(text) => RetryConfig::parse(text).map_err(|error| Exit::bad_input(&bad("RETRY_CONFIG", error, text))),
        }
    }
}
