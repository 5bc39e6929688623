//! Where a relay begins to look: not at the beginning of the outbox every time, but never above what may still become visible.
//!
//! Rows that are gone leave entries in the index, and while an old transaction is open nothing sweeps them up: whoever looks from the
//! beginning walks over all of them. So a relay remembers how far it has seen, minus what transactions of the last moments may still
//! be holding back. What a slower transaction makes visible below that is found by the sweep, which looks from the beginning, and
//! the less often the longer it takes. Where more waits below than one look shows, the next sweep goes on where the last one ended.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::store::{HeldShard, WaitingFact};

/// Transactions that write facts last milliseconds. Every look walks over what was written in this time, told or not.
const SLOWEST_USUAL_WRITER: Duration = Duration::from_millis(500);
/// Between two sweeps that cost nothing.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// A sweep may take up this share of the time.
const SWEEP_SHARE: u32 = 50;
/// The longest time between two sweeps: one that took long because the machine stood still must not put the next one off for minutes.
const SWEEP_AT_LEAST_EVERY: Duration = Duration::from_secs(30);

/// Where to look, by shard.
#[derive(Debug)]
pub(super) struct Floors {
    seen: HashMap<i16, i64>,
    /// How far the sweeps have come that have not reached the floor yet.
    swept: HashMap<i16, i64>,
    /// The highest number given out, as it was at some instants.
    given: VecDeque<(Instant, i64)>,
    sweep_at: Instant,
}

impl Floors {
    pub(super) fn new(now: Instant) -> Self {
        Self { seen: HashMap::new(), swept: HashMap::new(), given: VecDeque::new(), sweep_at: now }
    }

    /// Whether it is time to look from the beginning.
    pub(super) fn is_sweep_due(&self, now: Instant) -> bool {
        now >= self.sweep_at
    }

    /// A sweep took so long.
    pub(super) fn swept(&mut self, now: Instant, took: Duration) {
        self.sweep_at = now + (took * SWEEP_SHARE).clamp(SWEEP_EVERY, SWEEP_AT_LEAST_EVERY);
    }

    /// The row above which to look; 0 for a shard that was not looked at before.
    pub(super) fn floor(&self, shard: HeldShard, now: Instant) -> i64 {
        let settled = self.given.iter().rev().find(|(at, _)| now.saturating_duration_since(*at) >= SLOWEST_USUAL_WRITER);
        let seen = self.seen.get(&shard.shard).copied().unwrap_or(0);
        settled.map_or(0, |(_, given)| seen.min(*given))
    }

    /// The row above which a sweep looks.
    pub(super) fn sweep_floor(&self, shard: HeldShard, now: Instant) -> i64 {
        self.swept.get(&shard.shard).copied().filter(|swept| *swept < self.floor(shard, now)).unwrap_or(0)
    }

    /// Looks from the beginning once more: there is something below that was passed over.
    pub(super) fn begin_again(&mut self) {
        self.seen.clear();
    }

    /// What a look has shown, and whether it has shown more than those before it.
    pub(super) fn learn(&mut self, facts: &[WaitingFact], sweep: bool, now: Instant) -> bool {
        if sweep {
            self.swept.clear();
        }
        let Some(given) = facts.iter().map(|fact| fact.last).max() else { return false };
        let mut more = false;
        for fact in facts {
            let seen = self.seen.entry(fact.shard).or_default();
            more |= *seen < fact.seen;
            *seen = (*seen).max(fact.seen);
            if sweep {
                let swept = self.swept.entry(fact.shard).or_default();
                *swept = (*swept).max(fact.seen);
            }
        }
        // A sample every quarter of the time is enough, and the newest one that is old enough must stay.
        if self.given.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= SLOWEST_USUAL_WRITER / 4) {
            self.given.push_back((now, given));
        }
        while self.given.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= SLOWEST_USUAL_WRITER) {
            self.given.pop_front();
        }
        more
    }

    /// A shard belongs to somebody else now.
    pub(super) fn forget(&mut self, shard: i16) {
        self.seen.remove(&shard);
        self.swept.remove(&shard);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SHARD: HeldShard = HeldShard { shard: 1, epoch: 1 };

    fn fact(seen: i64, last: i64) -> WaitingFact {
        WaitingFact {
            outbox_id: seen,
            shard: SHARD.shard,
            event_id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            event_type: String::new(),
            event_version: 1,
            aggregate_type: String::new(),
            aggregate_id: Uuid::nil(),
            sequence: 1,
            order_id: None,
            occurred_at: chrono::DateTime::UNIX_EPOCH,
            correlation_id: String::new(),
            causation_id: String::new(),
            payload: serde_json::Value::Null,
            topic: None,
            replayed_at: None,
            seen,
            last,
        }
    }

    #[test]
    fn nothing_that_a_usual_transaction_may_still_show_lies_below_the_floor() {
        let begun = Instant::now();
        let mut floors = Floors::new(begun);
        assert_eq!(floors.floor(SHARD, begun), 0);
        assert!(floors.learn(&[fact(100, 105)], false, begun));
        assert_eq!(floors.floor(SHARD, begun), 0, "row 99 may be committed a moment from now");
        assert_eq!(floors.floor(SHARD, begun + SLOWEST_USUAL_WRITER), 100);
        floors.learn(&[fact(300, 310)], false, begun + SLOWEST_USUAL_WRITER);
        assert_eq!(floors.floor(SHARD, begun + SLOWEST_USUAL_WRITER), 105);
        floors.forget(SHARD.shard);
        assert_eq!(floors.floor(SHARD, begun + SLOWEST_USUAL_WRITER), 0);
    }

    #[test]
    fn a_sweep_goes_on_where_the_last_one_ended_until_it_has_come_to_the_floor() {
        let begun = Instant::now();
        let later = begun + SLOWEST_USUAL_WRITER;
        let mut floors = Floors::new(begun);
        floors.learn(&[fact(100, 100)], false, begun);
        assert!(!floors.learn(&[fact(40, 100)], true, later), "nothing that was not seen before");
        assert_eq!((floors.sweep_floor(SHARD, later), floors.floor(SHARD, later)), (40, 100));
        floors.learn(&[fact(110, 110)], true, later);
        assert_eq!(floors.sweep_floor(SHARD, later), 0);
        floors.begin_again();
        assert_eq!(floors.floor(SHARD, later), 0);
    }

    #[test]
    fn a_sweep_that_takes_long_is_made_seldom() {
        let begun = Instant::now();
        let mut floors = Floors::new(begun);
        assert!(floors.is_sweep_due(begun));
        floors.swept(begun, Duration::from_millis(1));
        assert!(floors.is_sweep_due(begun + Duration::from_secs(1)));
        floors.swept(begun, Duration::from_millis(200));
        assert!(!floors.is_sweep_due(begun + Duration::from_secs(9)));
        floors.swept(begun, Duration::from_secs(4));
        assert!(floors.is_sweep_due(begun + Duration::from_secs(30)));
    }
}
