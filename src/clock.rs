//! The only place that may ask what time it is.
//!
//! Two times are told apart: the wall clock, which people read and which may jump, and the monotonic
//! instant, which decides whether a lock, a lease or a token is still good.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock; for records that people and other systems read.
    fn now(&self) -> DateTime<Utc>;

    /// The monotonic clock; for every decision about what has run out.
    fn instant(&self) -> Instant;
}

/// A clock as it is passed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The machine's clock, ready to be shared.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where everybody else gets the time from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that moves only when it is told to.
#[derive(Debug, Clone)]
pub struct ManualClock {
    started: Instant,
    epoch: DateTime<Utc>,
    elapsed: Arc<Mutex<Duration>>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { started: Instant::now(), epoch: now, elapsed: Arc::default() }
    }

    /// Moves both times forward together; clones of this clock move with it.
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.epoch + self.elapsed()
    }

    fn instant(&self) -> Instant {
        self.started + self.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_both_times_together_and_only_when_told() {
        let clock = ManualClock::at(DateTime::UNIX_EPOCH);
        let twin = clock.clone();
        let before = clock.instant();
        assert_eq!(clock.instant(), before);

        clock.advance(Duration::from_secs(90));

        assert_eq!(twin.now(), DateTime::UNIX_EPOCH + Duration::from_secs(90));
        assert_eq!(twin.instant() - before, Duration::from_secs(90));
    }
}
