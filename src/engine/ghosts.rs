//! When to look for tasks that the engine locked for a poll whose answer never arrived.
//!
//! The engine does not notice that a poller is gone. Until the long poll is over it may lock tasks for it,
//! which then wait for the whole lock duration, unless somebody unlocks them.

use std::time::{Duration, Instant};

/// How much later than the long poll's own end the engine may still answer it.
const ENGINE_LAG: Duration = Duration::from_millis(500);

/// Remembers the last lost poll until its ghosts are dealt with.
#[derive(Debug)]
pub(super) struct GhostWatch {
    long_poll: Duration,
    shortest_lock: Duration,
    lost: Option<Lost>,
}

#[derive(Debug, Clone, Copy)]
struct Lost {
    /// From here on the engine locks nothing more for it.
    over_at: Instant,
    /// From here on a lock may have run out and gone to somebody else.
    ours_until: Instant,
    /// Whether the tasks that were on their way when the connection broke have been looked for.
    swept_once: bool,
}

impl GhostWatch {
    pub(super) fn new(long_poll: Duration, shortest_lock: Duration) -> Self {
        Self { long_poll, shortest_lock, lost: None }
    }

    /// A poll that was sent at `asked_at` ended without an answer that could be read.
    pub(super) fn poll_lost(&mut self, asked_at: Instant) {
        let margin = self.shortest_lock / 10;
        self.lost = Some(Lost {
            over_at: asked_at + self.long_poll + ENGINE_LAG,
            ours_until: asked_at + self.shortest_lock.saturating_sub(margin),
            swept_once: false,
        });
    }

    /// Whether to look now: once right after the loss, and once when the long poll is over.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        // A lock that may have run out may be somebody else's by now, and unlock would not ask.
        if self.lost.is_some_and(|lost| now >= lost.ours_until) {
            self.lost = None;
        }
        self.lost.is_some_and(|lost| !lost.swept_once || now >= lost.over_at)
    }

    /// Somebody looked, having begun at `now`.
    pub(super) fn swept(&mut self, now: Instant) {
        self.lost = self.lost.filter(|lost| now < lost.over_at).map(|lost| Lost { swept_once: true, ..lost });
    }

    /// How long the next poll may take, so that the second look is not late.
    pub(super) fn shorten(&self, long_poll: Duration, now: Instant) -> Duration {
        let Some(lost) = self.lost.filter(|lost| lost.over_at < lost.ours_until) else { return long_poll };
        long_poll.min(lost.over_at.saturating_duration_since(now).max(ENGINE_LAG))
    }

    /// When the last ghost can have appeared, if that is still ahead and worth waiting for.
    pub(super) fn over_at(&self) -> Option<Instant> {
        self.lost.filter(|lost| lost.over_at < lost.ours_until).map(|lost| lost.over_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn without_a_lost_poll_nothing_is_due() {
        let mut watch = GhostWatch::new(seconds(10), seconds(60));
        assert!(!watch.is_due(Instant::now()));
        assert_eq!(watch.shorten(seconds(10), Instant::now()), seconds(10));
    }

    #[test]
    fn a_lost_poll_is_looked_after_at_once_and_when_its_time_is_over() {
        let mut watch = GhostWatch::new(seconds(10), seconds(60));
        let asked_at = Instant::now();
        watch.poll_lost(asked_at);
        assert!(watch.is_due(asked_at + seconds(2)));
        watch.swept(asked_at + seconds(2));
        assert!(!watch.is_due(asked_at + seconds(3)));
        assert_eq!(watch.shorten(seconds(10), asked_at + seconds(4)), seconds(6) + ENGINE_LAG);
        assert!(watch.is_due(asked_at + seconds(11)));
        watch.swept(asked_at + seconds(11));
        assert!(!watch.is_due(asked_at + seconds(12)));
    }

    #[test]
    fn a_lock_that_may_have_run_out_is_left_alone() {
        let mut watch = GhostWatch::new(seconds(10), seconds(5));
        let asked_at = Instant::now();
        watch.poll_lost(asked_at);
        assert_eq!(watch.over_at(), None);
        assert!(!watch.is_due(asked_at + seconds(5)));
    }
}
