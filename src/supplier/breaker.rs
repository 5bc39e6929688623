//! A circuit breaker as a pure state machine: it counts failures in a row, and time comes in as a parameter.

use std::time::{Duration, Instant};

/// Closed, or open until an instant. There is no state in between: past the instant one call is let through as a probe, and the
/// instant moves on by a pause, so that a probe whose caller vanished blocks nobody for longer than that.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    failures_to_open: u32,
    pause: Duration,
    failures: u32,
    open_until: Option<Instant>,
}

/// What a call says about the inventory's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered, be it with a refusal.
    Good,
    /// It did not, or not so that anybody could tell.
    Bad,
    /// The call says nothing about it.
    Untold,
}

/// What a call did to the breaker, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Closed,
}

impl Breaker {
    /// A closed breaker that opens after so many failures in a row; with none, it never opens.
    pub(super) fn new(failures_to_open: u32, pause: Duration) -> Self {
        Self { failures_to_open, pause, failures: 0, open_until: None }
    }

    /// How long no call is let through, if none is.
    pub(super) fn closed_for(&self, now: Instant) -> Option<Duration> {
        self.open_until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Lets a call through, as the probe if the breaker is open and its pause is over.
    ///
    /// # Errors
    /// How long it stays open, where the call is not let through.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(left) = self.closed_for(now) {
            return Err(left);
        }
        if self.open_until.is_some() {
            self.open_until = Some(now + self.pause);
        }
        Ok(())
    }

    /// Takes note of how a call went.
    pub(super) fn note(&mut self, health: Health, now: Instant) -> Option<Change> {
        match health {
            Health::Untold => None,
            Health::Good => {
                self.failures = 0;
                self.open_until.take().map(|_| Change::Closed)
            }
            Health::Bad => {
                self.failures = self.failures.saturating_add(1);
                if self.failures_to_open == 0 || self.failures < self.failures_to_open {
                    return None;
                }
                self.open_until.replace(now + self.pause).is_none().then_some(Change::Opened)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(3, PAUSE);
        assert_eq!((0..3).map(|_| breaker.note(Health::Bad, now)).collect::<Vec<_>>(), [None, None, Some(Change::Opened)]);
        breaker
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_not_by_their_sum() {
        let now = Instant::now();
        let mut breaker = Breaker::new(3, PAUSE);
        for health in [Health::Bad, Health::Bad, Health::Good, Health::Bad, Health::Untold, Health::Bad] {
            assert_eq!(breaker.note(health, now), None);
        }
        assert_eq!(breaker.admit(now), Ok(()));
        assert_eq!(breaker.note(Health::Bad, now), Some(Change::Opened));
        assert_eq!(breaker.admit(now), Err(PAUSE));
    }

    #[test]
    fn past_the_pause_one_probe_goes_through_and_the_next_a_pause_later() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + PAUSE;
        assert_eq!(breaker.admit(later - Duration::from_millis(1)), Err(Duration::from_millis(1)));
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(PAUSE));
        // The probe's caller vanished and nobody noted anything.
        assert_eq!(breaker.admit(later + PAUSE), Ok(()));
    }

    #[test]
    fn a_good_probe_closes_it_and_a_bad_one_keeps_it_open() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + PAUSE;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.note(Health::Bad, later + Duration::from_secs(1)), None);
        assert_eq!(breaker.admit(later + Duration::from_secs(2)), Err(Duration::from_secs(9)));
        assert_eq!(breaker.note(Health::Good, later), Some(Change::Closed));
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.note(Health::Bad, later), None, "the count starts anew");
    }

    #[test]
    fn with_no_number_of_failures_it_never_opens() {
        let now = Instant::now();
        let mut breaker = Breaker::new(0, PAUSE);
        assert!((0..100).all(|_| breaker.note(Health::Bad, now).is_none()));
        assert_eq!(breaker.admit(now), Ok(()));
    }
}
