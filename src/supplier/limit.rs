//! A rate limit as a pure state machine: it says how long to wait for a turn, and time comes in as a parameter.

use std::time::{Duration, Instant};

/// So many calls per second, with about a second's worth of them at once.
#[derive(Debug)]
pub(super) struct Limit {
    /// The time that one call uses up.
    period: Duration,
    /// How far the calls may run ahead of their time.
    ahead: Duration,
    /// When all calls let through so far will have had their time.
    spent_until: Option<Instant>,
}

impl Limit {
    /// A limit; nothing where the rate is no positive number.
    pub(super) fn new(per_second: f64) -> Option<Self> {
        let period = Duration::try_from_secs_f64(1.0 / per_second).ok().filter(|period| !period.is_zero())?;
        Some(Self { period, ahead: Duration::from_secs(1).saturating_sub(period), spent_until: None })
    }

    /// Takes the next turn and says how long to wait for it.
    ///
    /// # Errors
    /// How long the wait would be, where that is more than the caller's patience; the turn is not taken then.
    pub(super) fn turn(&mut self, now: Instant, patience: Duration) -> Result<Duration, Duration> {
        let spent = self.spent_until.map_or(now, |until| until.max(now));
        let wait = spent.saturating_duration_since(now).saturating_sub(self.ahead);
        if wait > patience {
            return Err(wait);
        }
        self.spent_until = Some(spent + self.period);
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_secs(60);

    #[test]
    fn a_second_s_worth_goes_at_once_and_the_rest_in_step() {
        let now = Instant::now();
        let mut limit = Limit::new(4.0).unwrap();
        let waits: Vec<_> = (0..6).map(|_| limit.turn(now, PATIENT).unwrap().as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500]);
    }

    #[test]
    fn over_any_stretch_the_rate_holds() {
        let start = Instant::now();
        let mut limit = Limit::new(10.0).unwrap();
        let mut now = start;
        for _ in 0..105 {
            now += limit.turn(now, PATIENT).unwrap();
        }
        assert!((now - start).as_millis() >= 9500, "{:?}", now - start);
    }

    #[test]
    fn who_will_not_wait_takes_no_turn() {
        let now = Instant::now();
        let mut limit = Limit::new(0.5).unwrap();
        assert_eq!(limit.turn(now, Duration::ZERO), Ok(Duration::ZERO));
        for _ in 0..3 {
            assert_eq!(limit.turn(now, Duration::from_secs(1)), Err(Duration::from_secs(2)));
        }
        assert_eq!(limit.turn(now + Duration::from_secs(2), Duration::ZERO), Ok(Duration::ZERO));
    }

    #[test]
    fn a_rate_that_is_none_makes_no_limit() {
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].into_iter().all(|rate| Limit::new(rate).is_none()));
    }
}
