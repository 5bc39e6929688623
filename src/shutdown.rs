//! Stopping in two stages: soft, take no more work; hard, give up what is still running.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The two stop signals, shared by everything that runs.
///
/// The hard stop always implies the soft one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Signals that nobody has given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on nobody begins anything new.
    pub fn request_soft(&self) {
        self.soft.cancel();
    }

    /// From now on nobody waits for anything.
    pub fn request_hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Whether new work may no longer be taken.
    #[must_use]
    pub fn is_soft(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Whether running work is to be given up.
    #[must_use]
    pub fn is_hard(&self) -> bool {
        self.hard.is_cancelled()
    }

    /// Returns once no new work may be taken.
    pub async fn soft(&self) {
        self.soft.cancelled().await;
    }

    /// Returns once running work is to be given up.
    pub async fn hard(&self) {
        self.hard.cancelled().await;
    }

    /// Sleeps, but not through a soft stop; says whether the time really passed.
    pub async fn sleep(&self, period: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.soft.cancelled() => false,
            () = tokio::time::sleep(period) => true,
        }
    }

    /// Passes another one's stops on to this one.
    pub fn follow(&self, other: &Self) -> JoinHandle<()> {
        let (from, to) = (other.clone(), self.clone());
        tokio::spawn(async move {
            from.soft().await;
            to.request_soft();
            from.hard().await;
            to.request_hard();
        })
    }

    /// Turns SIGTERM or SIGINT into the soft stop, and a second signal or the end of `limit` into the hard one.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn follow_signals(&self, limit: Duration) -> std::io::Result<JoinHandle<()>> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        Ok(tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = shutdown.soft() => {}
            }
            tracing::info!(limit_s = limit.as_secs_f64(), "stopping: no new work is taken");
            shutdown.request_soft();
            tokio::select! {
                _ = terminate.recv() => tracing::warn!("asked again to stop: running work is given up"),
                _ = interrupt.recv() => tracing::warn!("asked again to stop: running work is given up"),
                () = tokio::time::sleep(limit) => tracing::warn!("the time to stop is over: running work is given up"),
                () = shutdown.hard() => {}
            }
            shutdown.request_hard();
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hard_stop_is_also_a_soft_one() {
        let shutdown = Shutdown::new();
        shutdown.request_hard();
        assert!(shutdown.is_soft() && shutdown.is_hard());
    }

    #[tokio::test]
    async fn a_soft_stop_ends_a_sleep_early_and_says_so() {
        let shutdown = Shutdown::new();
        let sleeper = {
            let shutdown = shutdown.clone();
            tokio::spawn(async move { shutdown.sleep(Duration::from_secs(3600)).await })
        };
        shutdown.request_soft();
        assert!(!sleeper.await.unwrap());
        assert!(!shutdown.is_hard());
    }
}
