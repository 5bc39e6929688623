//! Leaves Redis alone for a while after several commands in a row failed, so that its illness costs a time-out now and then only.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Closed, or open until an instant.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_to_pause: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(failures_to_pause: u32, pause: Duration) -> Self {
        Self { failures_to_pause: failures_to_pause.max(1), pause, state: Mutex::default() }
    }

    /// Whether a command may go out. Past the pause one goes as a probe, the next a pause later.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + self.pause);
                true
            }
        }
    }

    /// Takes note of a command; says whether that opened or closed it.
    pub(super) fn note(&self, well: bool, now: Instant) -> Option<bool> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            state.failures = 0;
            return state.open_until.take().map(|_| false);
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures < self.failures_to_pause {
            return None;
        }
        state.open_until.replace(now + self.pause).is_none().then_some(true)
    }

    /// Whether Redis is being left alone.
    pub(super) fn is_open(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pauses_after_failures_in_a_row_and_lets_one_probe_through_afterwards() {
        let (start, pause) = (Instant::now(), Duration::from_secs(1));
        let breaker = Breaker::new(2, pause);
        assert_eq!((breaker.note(false, start), breaker.note(true, start), breaker.note(false, start)), (None, None, None));
        assert!(breaker.admits(start));
        assert_eq!(breaker.note(false, start), Some(true));
        assert!(!breaker.admits(start) && breaker.is_open());
        assert!(breaker.admits(start + pause));
        assert!(!breaker.admits(start + pause), "one probe, not two");
        assert_eq!(breaker.note(true, start + pause), Some(false));
        assert!(breaker.admits(start + pause) && !breaker.is_open());
    }
}
