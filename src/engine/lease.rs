//! The right to work on one task: until when it lasts, and whether it was withdrawn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Our lock of one task, as far as we can know: counted by our own monotonic clock, never by the engine's.
#[derive(Debug)]
pub struct TaskLease {
    deadline: Mutex<Instant>,
    lock_duration: Duration,
    cancelled: CancellationToken,
    reason: OnceLock<CancelReason>,
    begun: AtomicBool,
}

/// Why work on a task is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The engine has the task no longer: completed elsewhere, cancelled or deleted.
    Gone,
    /// Another worker holds it.
    LockLost,
    /// This process stops and has no more time.
    Stopping,
}

/// Why work may not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaseOver {
    /// It was withdrawn.
    #[error("begin work on a task whose lease was withdrawn ({0:?})")]
    Cancelled(CancelReason),
    /// The lock may have run out.
    #[error("begin work on a task whose lock may have run out")]
    Expired,
}

impl TaskLease {
    pub(super) fn new(deadline: Instant, lock_duration: Duration) -> Self {
        Self {
            deadline: Mutex::new(deadline),
            lock_duration,
            cancelled: CancellationToken::new(),
            reason: OnceLock::new(),
            begun: AtomicBool::new(false),
        }
    }

    /// Until when the lock is certainly ours; moves on while it is extended.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of the lock is certainly left.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Duration {
        self.deadline().saturating_duration_since(now)
    }

    /// Fires when the work is to end. What was already sent to somebody else still has to be recorded.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// Why the work is to end, once [`cancelled`](Self::cancelled) has fired.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.reason.get().copied()
    }

    /// Says that work begins now, in the sense that a stop may no longer simply hand the task back.
    ///
    /// # Errors
    /// When the lease is over; then the work must not begin.
    pub fn begin(&self, now: Instant) -> Result<(), LeaseOver> {
        if let Some(reason) = self.cancel_reason() {
            return Err(LeaseOver::Cancelled(reason));
        }
        if self.remaining(now).is_zero() {
            return Err(LeaseOver::Expired);
        }
        self.begun.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether work has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    pub(super) fn lock_duration(&self) -> Duration {
        self.lock_duration
    }

    /// Whether it is time to extend: a third of the lock is used up.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.cancel_reason().is_none() && self.remaining(now) < self.lock_duration * 2 / 3
    }

    /// Notes a lock that was asked for at `asked_at`. It never shortens what is certain already.
    pub(super) fn renew(&self, asked_at: Instant) {
        let mut deadline = self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = (*deadline).max(asked_at + self.lock_duration);
    }

    /// Withdraws the lease; the first reason stays. Says whether this call did it.
    pub(super) fn cancel(&self, reason: CancelReason) -> bool {
        let first = self.reason.set(reason).is_ok();
        self.cancelled.cancel();
        first
    }
}

impl CancelReason {
    /// The value of the metric label `reason`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::LockLost => "lock_lost",
            Self::Stopping => "stopping",
        }
    }
}

/// Until when the locks of one fetch are certainly ours.
///
/// The engine locked them at some moment between request and answer. Counting from the request is always
/// right, but would cost a parked poll all the time it was parked; a task that arrives after waiting was
/// locked just before its answer was sent, so a margin before the receipt is taken instead.
pub(super) fn fetched_deadline(asked_at: Instant, received_at: Instant, lock_duration: Duration) -> Instant {
    const MOST_TRANSIT: Duration = Duration::from_secs(1);
    let margin = MOST_TRANSIT.min(lock_duration / 4);
    let locked_at = received_at.checked_sub(margin).map_or(asked_at, |locked_at| locked_at.max(asked_at));
    locked_at + lock_duration
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn an_immediate_answer_counts_from_the_request() {
        let asked_at = Instant::now();
        let deadline = fetched_deadline(asked_at, asked_at + Duration::from_millis(300), MINUTE);
        assert_eq!(deadline, asked_at + MINUTE);
    }

    #[test]
    fn a_parked_poll_counts_from_just_before_the_receipt() {
        let asked_at = Instant::now();
        let received_at = asked_at + Duration::from_secs(9);
        assert_eq!(fetched_deadline(asked_at, received_at, MINUTE), received_at + Duration::from_secs(59));
    }

    #[test]
    fn a_lease_is_due_after_a_third_and_a_cancelled_one_never() {
        let now = Instant::now();
        let lease = TaskLease::new(now + MINUTE, MINUTE);
        assert!(!lease.is_due(now + Duration::from_secs(20)));
        assert!(lease.is_due(now + Duration::from_secs(21)));
        lease.cancel(CancelReason::Gone);
        assert!(!lease.is_due(now + Duration::from_secs(21)));
    }

    #[test]
    fn work_may_not_begin_under_a_lease_that_is_over() {
        let now = Instant::now();
        let lease = TaskLease::new(now + MINUTE, MINUTE);
        assert_eq!(lease.begin(now + MINUTE), Err(LeaseOver::Expired));
        lease.renew(now + MINUTE);
        assert_eq!(lease.begin(now + MINUTE), Ok(()));

        lease.cancel(CancelReason::LockLost);
        lease.cancel(CancelReason::Stopping);
        assert_eq!(lease.begin(now), Err(LeaseOver::Cancelled(CancelReason::LockLost)));
    }

    #[test]
    fn a_late_answer_never_shortens_a_lease() {
        let now = Instant::now();
        let lease = TaskLease::new(now + MINUTE, MINUTE);
        lease.renew(now - Duration::from_secs(10));
        assert_eq!(lease.deadline(), now + MINUTE);
    }
}
