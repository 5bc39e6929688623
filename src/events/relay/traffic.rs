//! What is on its way, by lanes. A lane is a topic, and its partition once that is known: one that stands still keeps no other waiting.
//!
//! A partition without a leader, or with too few replicas, never answers; a topic that is missing is refused after half a minute, and
//! again whenever it is tried. Facts for such a lane are passed over: they stay in the outbox, and are looked for once it moves again.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// A lane whose oldest fact has waited so long for the broker's word stands still.
const OVERDUE: Duration = Duration::from_secs(1);
/// When a lane that was refused for now is tried again, with one fact.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A topic, and the partition if it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) topic: String,
    pub(super) partition: Option<i32>,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition {
            Some(partition) => write!(f, "partition {partition} of topic {}", self.topic),
            None => write!(f, "topic {}", self.topic),
        }
    }
}

/// An aggregate that nothing else may be sent of now.
struct Busy {
    shard: i16,
    /// While its fact is with the broker; not while it is judged, or told and not taken away yet.
    with_broker: Option<WithBroker>,
}

struct WithBroker {
    lane: Lane,
    since: Instant,
    alone: bool,
}

/// A lane that was refused for now.
struct Refused {
    at: Instant,
    /// Whose fact was refused; it is the first to be tried again.
    probe: Uuid,
    why: String,
}

/// Which aggregates are busy, and which lanes stand still.
#[derive(Default)]
pub(super) struct Traffic {
    busy: HashMap<Uuid, Busy>,
    refused: HashMap<Lane, Refused>,
    /// Lanes of which facts were left behind in the outbox although the relay has looked past them.
    passed_over: HashSet<Lane>,
}

impl Traffic {
    pub(super) fn is_busy(&self, aggregate: &Uuid) -> bool {
        self.busy.contains_key(aggregate)
    }

    pub(super) fn busy(&self) -> impl Iterator<Item = Uuid> {
        self.busy.keys().copied()
    }

    /// A fact is handed to the broker.
    pub(super) fn set_out(&mut self, aggregate: Uuid, shard: i16, lane: Lane, alone: bool, now: Instant) {
        self.busy.insert(aggregate, Busy { shard, with_broker: Some(WithBroker { lane, since: now, alone }) });
    }

    /// The broker has said something about an aggregate's fact.
    pub(super) fn landed(&mut self, aggregate: &Uuid) {
        if let Some(busy) = self.busy.get_mut(aggregate) {
            busy.with_broker = None;
        }
    }

    /// An aggregate's next fact may be sent.
    pub(super) fn done(&mut self, aggregate: &Uuid) {
        self.busy.remove(aggregate);
    }

    /// A fact that was sent at that instant has arrived.
    pub(super) fn accept(&mut self, lane: &Lane, sent_at: Instant) {
        if self.refused.get(lane).is_some_and(|refused| refused.at <= sent_at) {
            self.refused.remove(lane);
        }
    }

    /// A fact was refused for now. Its lane is tried again with one fact, and the others of that lane are looked for once that arrives.
    pub(super) fn refuse(&mut self, aggregate: Uuid, lane: Lane, why: String, now: Instant) {
        self.done(&aggregate);
        self.passed_over.insert(lane.clone());
        self.refused.insert(lane, Refused { at: now, probe: aggregate, why });
    }

    /// Nothing is left to be tried in this lane.
    pub(super) fn forget_refusal(&mut self, lane: &Lane) {
        self.refused.remove(lane);
    }

    pub(super) fn pass_over(&mut self, lane: Lane) {
        self.passed_over.insert(lane);
    }

    /// Whether a lane moves again of which facts were passed over: then it is time to look from the beginning.
    pub(super) fn moves_again(&mut self, gates: &Gates) -> bool {
        let before = self.passed_over.len();
        self.passed_over.retain(|lane| gates.closed.contains(lane) || gates.on_trial.contains(lane));
        self.passed_over.len() < before
    }

    /// The lanes that may be tried again now, and with whose fact.
    pub(super) fn probes(&self, gates: &Gates) -> Vec<(Lane, Uuid)> {
        gates.on_trial.iter().filter_map(|lane| Some((lane.clone(), self.refused.get(lane)?.probe))).collect()
    }

    /// The lanes that stand still.
    pub(super) fn overdue(&self, now: Instant) -> HashSet<Lane> {
        let with_broker = self.busy.values().filter_map(|busy| busy.with_broker.as_ref());
        with_broker.filter(|one| now.saturating_duration_since(one.since) >= OVERDUE).map(|one| one.lane.clone()).collect()
    }

    /// How many facts are with the broker outside of these lanes.
    pub(super) fn flights_outside(&self, lanes: &HashSet<Lane>) -> usize {
        self.busy.values().filter(|busy| busy.with_broker.as_ref().is_some_and(|one| !lanes.contains(&one.lane))).count()
    }

    /// Whether anything of a shard is under way that moves. What stands still is repeated by the shard's next owner.
    pub(super) fn holds(&self, shard: i16, now: Instant) -> bool {
        let overdue = self.overdue(now);
        let moves = |busy: &Busy| busy.with_broker.as_ref().is_none_or(|one| !overdue.contains(&one.lane));
        self.busy.values().any(|busy| busy.shard == shard && moves(busy))
    }

    /// How the lanes stand at the beginning of a round.
    pub(super) fn gates(&self, now: Instant) -> Gates {
        let overdue = self.overdue(now);
        let mut gates = Gates { taken: 0, under_way: HashSet::new(), closed: overdue, on_trial: HashSet::new() };
        for busy in self.busy.values() {
            let Some(one) = &busy.with_broker else {
                gates.taken += 1;
                continue;
            };
            gates.under_way.insert(one.lane.clone());
            // What stands still takes no room from the others. It is bounded all the same: a lane gets nothing more while it does.
            gates.taken += usize::from(!gates.closed.contains(&one.lane));
        }
        let alone = self.busy.values().filter_map(|busy| busy.with_broker.as_ref()).filter(|one| one.alone);
        gates.closed.extend(alone.map(|one| one.lane.clone()));
        for (lane, refused) in &self.refused {
            let wait = gates.under_way.contains(lane) || now.saturating_duration_since(refused.at) < TRY_AGAIN;
            if wait {
                gates.closed.insert(lane.clone())
            } else {
                gates.on_trial.insert(lane.clone())
            };
        }
        gates
    }

    /// Why facts are not taken, if some are not.
    pub(super) fn complaint(&self, now: Instant, client: impl Fn() -> Option<String>) -> Option<String> {
        if let Some((lane, refused)) = self.refused.iter().next() {
            return Some(format!("{lane}: {}", refused.why));
        }
        let lane = self.overdue(now).into_iter().next()?;
        Some(client().unwrap_or_else(|| format!("{lane}: the broker says nothing")))
    }
}

/// Which lanes a fact may take in this round.
pub(super) struct Gates {
    /// How much of the room is taken.
    pub(super) taken: usize,
    under_way: HashSet<Lane>,
    closed: HashSet<Lane>,
    /// Lanes that are tried again with one fact.
    on_trial: HashSet<Lane>,
}

impl Gates {
    /// Whether a fact may take this lane. One that is on trial is closed behind the first.
    pub(super) fn admit(&mut self, lane: &Lane) -> bool {
        if self.closed.contains(lane) {
            return false;
        }
        if self.on_trial.remove(lane) {
            self.closed.insert(lane.clone());
        }
        true
    }

    /// Whether a fact may take this lane by itself. Whether or not, no other may before it has.
    pub(super) fn admit_alone(&mut self, lane: &Lane) -> bool {
        let quiet = self.under_way.insert(lane.clone());
        self.on_trial.remove(lane);
        self.closed.insert(lane.clone());
        quiet
    }

    /// Whether a lane that is on trial is still untried.
    pub(super) fn is_untried(&self, lane: &Lane) -> bool {
        self.on_trial.contains(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(partition: i32) -> Lane {
        Lane { topic: "facts".to_owned(), partition: Some(partition) }
    }

    #[test]
    fn a_lane_that_stands_still_takes_no_room_and_gets_nothing_more() {
        let begun = Instant::now();
        let mut traffic = Traffic::default();
        for number in 0..4 {
            traffic.set_out(Uuid::from_u128(number), 0, lane(0), false, begun);
        }
        assert_eq!(traffic.gates(begun).taken, 4);
        let late = begun + OVERDUE;
        let mut gates = traffic.gates(late);
        assert_eq!((gates.taken, gates.admit(&lane(0)), gates.admit(&lane(1))), (0, false, true));
        assert!(traffic.complaint(late, || None).unwrap().contains("partition 0 of topic facts"));
        assert!(!traffic.holds(0, late), "a shard is not kept for it");
        traffic.pass_over(lane(0));
        assert!(!traffic.moves_again(&gates));
        for number in 0..4 {
            traffic.landed(&Uuid::from_u128(number));
        }
        let gates = traffic.gates(late);
        assert!(traffic.moves_again(&gates) && gates.taken == 4 && traffic.holds(0, late), "told, and not taken away yet");
    }

    #[test]
    fn a_lane_that_was_refused_is_tried_again_with_one_fact() {
        let begun = Instant::now();
        let mut traffic = Traffic::default();
        traffic.set_out(Uuid::from_u128(1), 0, lane(0), false, begun);
        traffic.landed(&Uuid::from_u128(1));
        traffic.refuse(Uuid::from_u128(1), lane(0), "no such topic".to_owned(), begun);
        assert!(!traffic.gates(begun).admit(&lane(0)));
        let again = begun + TRY_AGAIN;
        let mut gates = traffic.gates(again);
        assert_eq!(traffic.probes(&gates), [(lane(0), Uuid::from_u128(1))]);
        assert_eq!((gates.admit(&lane(0)), gates.admit(&lane(0))), (true, false));
        traffic.accept(&lane(0), begun - OVERDUE);
        assert!(traffic.complaint(again, || None).is_some(), "what was sent before the refusal says nothing");
        traffic.accept(&lane(0), again);
        let gates = traffic.gates(again);
        assert!(traffic.moves_again(&gates) && traffic.complaint(again, || None).is_none());
    }

    #[test]
    fn a_suspect_waits_for_its_own_lane_alone_and_nobody_joins_it() {
        let now = Instant::now();
        let mut traffic = Traffic::default();
        traffic.set_out(Uuid::from_u128(1), 0, lane(0), false, now);
        let mut gates = traffic.gates(now);
        assert_eq!((gates.admit_alone(&lane(0)), gates.admit_alone(&lane(1)), gates.admit(&lane(1))), (false, true, false));
        traffic.set_out(Uuid::from_u128(2), 0, lane(1), true, now);
        assert!(!traffic.gates(now).admit(&lane(1)));
    }
}
