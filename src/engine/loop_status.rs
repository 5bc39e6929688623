//! How a poll loop is doing, for health checks and for people.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::id::WorkerId;
use super::in_flight::InFlight;

/// A window onto a running poll loop; cheap to clone.
#[derive(Debug, Clone)]
pub struct LoopStatus {
    name: Arc<str>,
    worker_id: WorkerId,
    permits: usize,
    in_flight: Arc<InFlight>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    stage: LoopStage,
    last_poll_at: Option<Instant>,
    failures: u32,
    last_error: Option<String>,
}

/// Where a poll loop is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoopStage {
    /// It polls.
    #[default]
    Polling,
    /// It takes no more tasks and waits for those in flight.
    Draining,
    /// It is over.
    Stopped,
}

/// What a poll loop looked like at one moment.
#[derive(Debug, Clone)]
pub struct LoopSnapshot {
    /// The name of the loop.
    pub name: Arc<str>,
    /// In whose name it locks.
    pub worker_id: WorkerId,
    /// Where it is in its life.
    pub stage: LoopStage,
    /// How long ago the engine last answered a poll, with tasks or without; `None`: never yet.
    pub last_poll_age: Option<Duration>,
    /// Polls that failed since then.
    pub failures: u32,
    /// What the last of them failed with.
    pub last_error: Option<String>,
    /// Tasks being worked on.
    pub in_flight: usize,
    /// How many there may be.
    pub permits: usize,
}

impl LoopStatus {
    pub(super) fn new(name: &str, worker_id: WorkerId, permits: usize, in_flight: Arc<InFlight>) -> Self {
        Self { name: name.into(), worker_id, permits, in_flight, state: Arc::default() }
    }

    /// What the loop looks like at `now`, an instant of the client's own clock.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> LoopSnapshot {
        let state = self.state();
        LoopSnapshot {
            name: Arc::clone(&self.name),
            worker_id: self.worker_id.clone(),
            stage: state.stage,
            last_poll_age: state.last_poll_at.map(|at| now.saturating_duration_since(at)),
            failures: state.failures,
            last_error: state.last_error.clone(),
            in_flight: self.in_flight.len(),
            permits: self.permits,
        }
    }

    pub(super) fn poll_succeeded(&self, now: Instant) {
        let mut state = self.state();
        state.last_poll_at = Some(now);
        state.failures = 0;
        state.last_error = None;
    }

    /// Says how many polls have failed in a row by now.
    pub(super) fn poll_failed(&self, error: String) -> u32 {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.last_error = Some(error);
        state.failures
    }

    pub(super) fn enter(&self, stage: LoopStage) {
        self.state().stage = stage;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
