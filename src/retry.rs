//! How long to wait before trying again; the only user of the `backoff` crate.

use std::time::{Duration, Instant};

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

/// The shape of a wait that grows while something keeps failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest that the first wait may be.
    pub first: Duration,
    /// The longest that any wait may be.
    pub longest: Duration,
}

impl RetryPolicy {
    /// Waits between nothing and `first`, then twice that, and so on up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// A fresh sequence of waits.
    #[must_use]
    pub fn start(self) -> Backoff {
        // The crate spreads each wait over interval +/- factor * interval. A factor of 1 around half the
        // ceiling is full jitter, which keeps replicas that failed together from coming back together.
        let half = |ceiling: Duration| ceiling / 2;
        let mut inner = ExponentialBackoff {
            current_interval: half(self.first),
            initial_interval: half(self.first),
            max_interval: half(self.longest.max(self.first)),
            multiplier: 2.0,
            randomization_factor: 1.0,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        inner.reset();
        Backoff { inner, longest: self.longest.max(self.first) }
    }
}

/// A sequence of waits, each spread evenly between nothing and a ceiling that doubles.
#[derive(Debug)]
pub struct Backoff {
    inner: ExponentialBackoff,
    longest: Duration,
}

impl Backoff {
    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        self.inner.next_backoff().unwrap_or(self.longest).min(self.longest)
    }

    /// Starts again at the first wait, because something succeeded.
    pub fn reset(&mut self) {
        self.inner.reset();
    }
}

/// An error that can say whether trying the very same again may help.
pub trait Retryable {
    /// Whether the same attempt may succeed a moment later.
    fn is_transient(&self) -> bool;
}

/// Tries until it succeeds, fails for good, or the next wait would pass `until`; the last error is returned.
///
/// # Errors
/// The first error that is not transient, or the last transient one.
pub async fn retry_until<T, E, F>(policy: RetryPolicy, until: Instant, mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: Retryable,
    F: Future<Output = Result<T, E>>,
{
    let mut backoff = policy.start();
    loop {
        match attempt().await {
            Err(error) if error.is_transient() => {
                let wait = backoff.next_wait();
                if tokio::time::Instant::now() + wait >= tokio::time::Instant::from_std(until) {
                    return Err(error);
                }
                tokio::time::sleep(wait).await;
            }
            settled => return settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy::new(Duration::from_millis(100), Duration::from_millis(800));

    #[derive(Debug, PartialEq)]
    struct Flaky {
        transient: bool,
    }

    impl Retryable for Flaky {
        fn is_transient(&self) -> bool {
            self.transient
        }
    }

    #[test]
    fn no_wait_passes_its_ceiling_and_the_ceiling_doubles_up_to_the_longest() {
        for _ in 0..200 {
            let mut backoff = POLICY.start();
            for ceiling in [100, 200, 400, 800, 800, 800] {
                assert!(backoff.next_wait() <= Duration::from_millis(ceiling));
            }
        }
    }

    #[test]
    fn waits_are_spread_over_the_whole_span() {
        let waits: Vec<_> = (0..400).map(|_| POLICY.start().next_wait()).collect();
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(20)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(80)));
    }

    #[test]
    fn a_success_starts_the_sequence_again() {
        let mut backoff = POLICY.start();
        for _ in 0..6 {
            backoff.next_wait();
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }

    #[tokio::test]
    async fn a_transient_error_is_tried_again_and_a_lasting_one_is_not() {
        let until = Instant::now() + Duration::from_secs(60);
        let quick = RetryPolicy::new(Duration::from_millis(1), Duration::from_millis(2));
        let mut attempts = 0;
        let outcome = retry_until(quick, until, || {
            attempts += 1;
            let answer = if attempts < 3 { Err(Flaky { transient: true }) } else { Ok(attempts) };
            async move { answer }
        });
        assert_eq!(outcome.await, Ok(3));

        let mut attempts = 0;
        let outcome: Result<(), _> = retry_until(quick, until, || {
            attempts += 1;
            async { Err(Flaky { transient: false }) }
        })
        .await;
        assert_eq!((outcome, attempts), (Err(Flaky { transient: false }), 1));
    }
}
