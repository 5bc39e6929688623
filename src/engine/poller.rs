//! The poll loop: long polls for as many tasks as may start at once, hands them on, and stops without leaving
//! a lock behind.
//!
//! On a soft stop the parked poll is waited out rather than dropped. The engine does not notice a dropped
//! connection: it would go on to lock tasks for it until the long poll is over. Waiting takes as long as
//! watching for such ghosts would, and what the poll still brings is known exactly and unlocked at once. Only
//! the hard stop drops the poll; what the engine then locks for it is left to the rescuer
//! ([`EngineClient::unlock_held_by`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use metrics::{counter, histogram};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::EngineClient;
use super::error::{EngineError, TransientCause};
use super::fetch::{FetchOrder, FetchRequest, LockedTask, TopicSubscription};
use super::ghosts::GhostWatch;
use super::hand_back;
use super::id::WorkerId;
use super::in_flight::{Delivery, HandBack, HeldTask, InFlight};
use super::lease::{CancelReason, fetched_deadline};
use super::lock_keeper::LockKeeper;
use super::loop_status::{LoopStage, LoopStatus};
use crate::chain::chain;
use crate::metrics::{ENGINE_POLL_SECONDS, ENGINE_TASKS_DUPLICATE, ENGINE_TASKS_FETCHED};
use crate::retry::{Backoff, RetryPolicy};
use crate::shutdown::Shutdown;

/// How long after the hard stop handlers may take to let go of their tasks: longer than the longest pause of an answer that waits for
/// the database, which may have come back.
const LETTING_GO: Duration = Duration::from_secs(3);
/// How long the last unlocks of a stop may take.
const LAST_UNLOCKS: Duration = Duration::from_secs(3);
/// Waits after a poll that failed.
const AFTER_ERROR: RetryPolicy = RetryPolicy::new(Duration::from_millis(200), Duration::from_secs(5));
/// Waits after a poll that failed for a reason that passes by itself within milliseconds.
const AFTER_RACE: RetryPolicy = RetryPolicy::new(Duration::from_millis(20), Duration::from_millis(500));
/// Waits after an empty answer that came far too early, so that an engine or proxy that does not park polls is
/// not flooded with them.
const AFTER_HASTE: RetryPolicy = RetryPolicy::new(Duration::from_millis(50), Duration::from_secs(1));

/// Deals with tasks.
#[async_trait]
pub trait TaskHandler: Send + Sync + 'static {
    /// Deals with what one poll brought. Runs beside other batches; each task keeps its permit and its lock
    /// until its [`Hold`](super::Hold) is dropped.
    async fn handle(&self, batch: Vec<HeldTask>);
}

/// How a poll loop polls.
#[derive(Debug, Clone)]
pub struct PollerSettings {
    /// The name of the loop, in logs and metrics.
    pub name: String,
    /// In whose name it locks. No other loop and no other process may use it: ownership is this string.
    pub worker_id: WorkerId,
    /// What it polls for, each topic once.
    pub topics: Vec<TopicSubscription>,
    /// How many tasks may be in flight.
    pub permits: usize,
    /// How long the engine parks a poll. Some tasks wake no parked poll (a retry by hand, a lock that ran
    /// out), so they wait up to this long; more than 10 s is not wise.
    pub long_poll: Duration,
    /// Which tasks come first.
    pub order: FetchOrder,
    /// When to poll again while work runs.
    pub refill: RefillPolicy,
}

/// When to poll again while work runs. One poll for each permit that becomes free would cost a request per
/// task; waiting until all are free would leave them idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefillPolicy {
    /// Poll at once when one permit in this many is free.
    pub one_in: usize,
    /// Poll anyway when this much time has passed since a permit became free.
    pub patience: Duration,
}

impl Default for RefillPolicy {
    fn default() -> Self {
        Self { one_in: 4, patience: Duration::from_millis(5) }
    }
}

/// One poll loop. There is never more than one poll of it on its way.
pub struct Poller {
    client: EngineClient,
    settings: PollerSettings,
    handler: Arc<dyn TaskHandler>,
    in_flight: Arc<InFlight>,
    returned: mpsc::UnboundedReceiver<HandBack>,
    status: LoopStatus,
}

impl Poller {
    /// A loop that does nothing until it is [run](Self::run).
    pub fn new(client: EngineClient, settings: PollerSettings, handler: Arc<dyn TaskHandler>) -> Self {
        let (in_flight, returned) = InFlight::new(&settings.name, settings.permits, Arc::clone(client.clock()));
        let worker_id = settings.worker_id.clone();
        let status = LoopStatus::new(&settings.name, worker_id, settings.permits, Arc::clone(&in_flight));
        Self { client, settings, handler, in_flight, returned, status }
    }

    /// A window onto the loop.
    #[must_use]
    pub fn status(&self) -> LoopStatus {
        self.status.clone()
    }

    /// Polls until the soft stop, then waits for what is in flight, at most until the hard stop.
    ///
    /// When it returns, every task that it was ever given is either dealt with, or unlocked because nobody had
    /// begun it, or (begun, and cut off by the hard stop) still locked for the rescuer.
    pub async fn run(self, shutdown: Shutdown) {
        let Self { client, settings, handler, in_flight, returned, status } = self;
        let (keeping, unlocking) = (CancellationToken::new(), CancellationToken::new());
        let keeper = LockKeeper {
            client: client.clone(),
            loop_name: settings.name.clone(),
            worker_id: settings.worker_id.clone(),
            in_flight: Arc::clone(&in_flight),
            period: keeper_period(&settings.topics),
        };
        let keeper = tokio::spawn(keeper.run(keeping.clone()));
        let unlocker = tokio::spawn(hand_back::run(client.clone(), settings.name.clone(), returned, unlocking.clone()));

        let mut polling = Polling {
            ghosts: GhostWatch::new(settings.long_poll, shortest_lock(&settings.topics)),
            lock_durations: settings.topics.iter().map(|topic| (topic.topic_name.clone(), topic.lock_duration)).collect(),
            batches: JoinSet::new(),
            on_error: AFTER_ERROR.start(),
            on_race: AFTER_RACE.start(),
            on_haste: AFTER_HASTE.start(),
            client,
            settings,
            handler,
            in_flight,
            status,
            shutdown,
        };
        polling.until_soft_stop().await;
        polling.drain().await;

        keeping.cancel();
        unlocking.cancel();
        let _ = keeper.await;
        if tokio::time::timeout(LAST_UNLOCKS, unlocker).await.is_err() {
            tracing::warn!(loop.name = polling.settings.name, "some tasks that were never begun could not be unlocked in time");
        }
        polling.status.enter(LoopStage::Stopped);
    }
}

/// The state of a loop that runs.
struct Polling {
    client: EngineClient,
    settings: PollerSettings,
    handler: Arc<dyn TaskHandler>,
    in_flight: Arc<InFlight>,
    status: LoopStatus,
    shutdown: Shutdown,
    lock_durations: HashMap<String, Duration>,
    ghosts: GhostWatch,
    batches: JoinSet<()>,
    on_error: Backoff,
    on_race: Backoff,
    on_haste: Backoff,
}

impl Polling {
    async fn until_soft_stop(&mut self) {
        while !self.shutdown.is_soft() {
            self.reap();
            let shutdown = self.shutdown.clone();
            tokio::select! {
                () = self.sweep_if_due() => {}
                () = shutdown.hard() => return,
            }
            let Some(free) = self.room().await else { return };
            self.poll(free).await;
        }
    }

    /// Waits until it is worth polling, and says for how many tasks; `None`: the loop is to stop.
    async fn room(&self) -> Option<usize> {
        let permits = self.in_flight.permits();
        let enough = (self.settings.permits / self.settings.refill.one_in.max(1)).max(1);
        let free = async {
            if permits.available_permits() < enough {
                // Nobody but this loop takes permits, so what is acquired here is free again right after.
                drop(permits.acquire().await);
                let _ = tokio::time::timeout(self.settings.refill.patience, permits.acquire_many(count(enough))).await;
            }
            permits.available_permits()
        };
        tokio::select! {
            biased;
            () = self.shutdown.soft() => None,
            free = free => Some(free),
        }
    }

    async fn poll(&mut self, free: usize) {
        let asked_at = self.client.clock().instant();
        let long_poll = self.ghosts.shorten(self.settings.long_poll, asked_at);
        let request = FetchRequest {
            worker_id: self.settings.worker_id.clone(),
            max_tasks: free,
            long_poll: Some(long_poll),
            order: self.settings.order,
            topics: self.settings.topics.clone(),
        };
        let answer = tokio::select! {
            biased;
            answer = self.client.fetch_and_lock(&request) => answer,
            () = self.shutdown.hard() => {
                self.ghosts.poll_lost(asked_at);
                return;
            }
        };
        let received_at = self.client.clock().instant();
        let waited = received_at.saturating_duration_since(asked_at);
        let outcome = match &answer {
            Ok(tasks) if tasks.is_empty() => "empty",
            Ok(_) => "tasks",
            Err(error) => error.label(),
        };
        histogram!(ENGINE_POLL_SECONDS, "loop" => self.settings.name.clone(), "outcome" => outcome).record(waited.as_secs_f64());
        match answer {
            Ok(tasks) => {
                self.status.poll_succeeded(received_at);
                self.on_error.reset();
                self.on_race.reset();
                if !tasks.is_empty() {
                    self.on_haste.reset();
                    self.deliver(tasks, asked_at, received_at);
                } else if waited < long_poll / 2 {
                    let wait = self.on_haste.next_wait();
                    self.shutdown.sleep(wait).await;
                }
            }
            Err(error) => self.poll_failed(error, asked_at).await,
        }
    }

    async fn poll_failed(&mut self, error: EngineError, asked_at: Instant) {
        if error.may_have_acted() {
            self.ghosts.poll_lost(asked_at);
        }
        let failures = self.status.poll_failed(chain(&error));
        let passes_by_itself = matches!(
            &error,
            EngineError::Transient { cause: TransientCause::FetchRace | TransientCause::Conflict | TransientCause::Deadlock, .. }
        );
        let wait = if passes_by_itself { self.on_race.next_wait() } else { self.on_error.next_wait() };
        if passes_by_itself {
            tracing::debug!(loop.name = self.settings.name, error = %chain(&error), "a poll ran into another");
        } else {
            tracing::warn!(
                loop.name = self.settings.name,
                failures,
                retry_in_ms = wait.as_millis(),
                error = %chain(&error),
                "a poll failed"
            );
        }
        self.shutdown.sleep(wait).await;
    }

    /// Gives every task its place and hands the batch on; after a soft stop, hands it back instead.
    fn deliver(&mut self, tasks: Vec<LockedTask>, asked_at: Instant, received_at: Instant) {
        let stopping = self.shutdown.is_soft();
        let mut batch = Vec::with_capacity(tasks.len());
        for task in tasks {
            if stopping {
                self.in_flight.hand_back(task.id, "stopping");
                continue;
            }
            let Some(&lock_duration) = self.lock_durations.get(&task.topic_name) else {
                tracing::error!(task.id = %task.id, topic = task.topic_name, "the engine sent a task of a topic nobody asked for");
                self.in_flight.hand_back(task.id, "unknown_topic");
                continue;
            };
            let deadline = fetched_deadline(asked_at, received_at, lock_duration);
            match self.in_flight.accept(&task.id, deadline, lock_duration) {
                Delivery::Accepted(hold) => {
                    counter!(ENGINE_TASKS_FETCHED, "loop" => self.settings.name.clone(), "topic" => task.topic_name.clone()).increment(1);
                    batch.push(HeldTask { task, hold });
                }
                Delivery::Duplicate => {
                    tracing::info!(task.id = %task.id, "a task was delivered again while it is being worked on");
                    counter!(ENGINE_TASKS_DUPLICATE, "loop" => self.settings.name.clone()).increment(1);
                }
                Delivery::NoRoom => self.in_flight.hand_back(task.id, "no_room"),
            }
        }
        if !batch.is_empty() {
            let handler = Arc::clone(&self.handler);
            self.batches.spawn(async move { handler.handle(batch).await });
        }
    }

    /// Waits for what is in flight; at the hard stop cancels it, and hands back what never began.
    async fn drain(&mut self) {
        self.status.enter(LoopStage::Draining);
        self.in_flight.begin_stopping();
        tracing::info!(loop.name = self.settings.name, in_flight = self.in_flight.len(), "polling has ended");
        let finished = async {
            self.in_flight.emptied().await;
            if let Some(until) = self.ghosts.over_at() {
                tokio::time::sleep_until(until.into()).await;
            }
        };
        tokio::select! {
            biased;
            () = finished => {}
            () = self.shutdown.hard() => {
                let cancelled = self.in_flight.cancel_all(CancelReason::Stopping);
                let _ = tokio::time::timeout(LETTING_GO, self.in_flight.emptied()).await;
                tracing::warn!(
                    loop.name = self.settings.name,
                    cancelled,
                    abandoned = self.in_flight.len(),
                    "the time to finish is over; what had begun stays locked until it is rescued"
                );
            }
        }
        let _ = tokio::time::timeout(LAST_UNLOCKS, self.sweep_if_due()).await;
        // Aborting drops what a handler still holds, which hands back what never began.
        self.batches.abort_all();
        while let Some(ended) = self.batches.join_next().await {
            report_panic(&self.settings.name, ended);
        }
    }

    async fn sweep_if_due(&mut self) {
        let now = self.client.clock().instant();
        if !self.ghosts.is_due(now) {
            return;
        }
        match self.client.unlock_ghosts_of(&self.settings.worker_id, &self.in_flight).await {
            Ok(unlocked) => {
                self.ghosts.swept(now);
                if unlocked > 0 {
                    tracing::info!(loop.name = self.settings.name, unlocked, "unlocked what the engine had locked for a poll that was lost");
                }
            }
            Err(error) => {
                tracing::debug!(loop.name = self.settings.name, error = %chain(&error), "could not look for the tasks of a lost poll yet");
            }
        }
    }

    fn reap(&mut self) {
        while let Some(ended) = self.batches.try_join_next() {
            report_panic(&self.settings.name, ended);
        }
    }
}

fn report_panic(loop_name: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(loop.name = loop_name, %error, "a handler panicked; its tasks stay locked until their locks run out");
    }
}

fn shortest_lock(topics: &[TopicSubscription]) -> Duration {
    topics.iter().map(|topic| topic.lock_duration).min().unwrap_or_default()
}

/// Often enough that a lock due at a third of its time is extended well before half of it.
fn keeper_period(topics: &[TopicSubscription]) -> Duration {
    (shortest_lock(topics) / 12).clamp(Duration::from_millis(20), Duration::from_secs(1))
}

fn count(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
