//! One driver for all loops: a period with jitter, no overlap, an end at the soft stop.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use crate::chain::chain;
use crate::shutdown::Shutdown;

/// What one round of a loop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// There may be more: go on at once.
    More,
    /// That was all for now.
    Idle,
}

/// A loop: its name and how often it goes round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loop {
    /// The name, in logs.
    pub(crate) name: &'static str,
    /// Between the end of one round and the beginning of the next.
    pub(crate) period: Duration,
}

impl Loop {
    /// Goes round until the soft stop. A round that fails is logged once and waits for the next period: a database that is away is
    /// not hammered.
    pub(crate) async fn run<Turn, Turned, Failure>(self, shutdown: &Shutdown, turn: Turn)
    where
        Turn: FnMut() -> Turned,
        Turned: Future<Output = Result<Round, Failure>>,
        Failure: std::error::Error,
    {
        self.run_woken(shutdown, std::future::pending::<()>, turn).await;
    }

    /// The same, but a wait ends early when `woken` returns.
    pub(crate) async fn run_woken<Wake, Woken, Turn, Turned, Failure>(self, shutdown: &Shutdown, woken: Wake, mut turn: Turn)
    where
        Wake: Fn() -> Woken,
        Woken: Future<Output = ()>,
        Turn: FnMut() -> Turned,
        Turned: Future<Output = Result<Round, Failure>>,
        Failure: std::error::Error,
    {
        let mut failed = false;
        // Replicas that start together do not march in step.
        let mut wait = spread(self.period);
        while rest(shutdown, wait, woken()).await {
            wait = match turn().await {
                Ok(round) => {
                    if std::mem::take(&mut failed) {
                        tracing::info!(name = self.name, "the loop works again");
                    }
                    if round == Round::More { Duration::ZERO } else { self.period }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(name = self.name, error = %chain(&error), "the loop cannot work; it goes on trying");
                    }
                    self.period.max(Duration::from_millis(500))
                }
            };
        }
        tracing::debug!(name = self.name, "the loop has ended");
    }
}

/// Waits, or is woken; false at the soft stop.
async fn rest(shutdown: &Shutdown, wait: Duration, woken: impl Future<Output = ()>) -> bool {
    tokio::select! {
        biased;
        go_on = shutdown.sleep(wait) => go_on,
        () = woken => true,
    }
}

/// A point inside the period that differs from process to process; nothing secret depends on it.
fn spread(period: Duration) -> Duration {
    let share = RandomState::new().build_hasher().finish() % 1_000;
    period.mul_f64(share as f64 / 1_000.0)
}
