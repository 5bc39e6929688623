//! Whether inventory, database and engine tell one story, and one that keeps the promises: S1-S4, S6-S9, L1 and L3 of docs/reliability.md.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::domain::{Cause, ReservationStatus, TRANSITIONS, fact_of};
use holdfast::engine::{ActivityInstance, ExternalTask, ProcessInstanceRecord};
use holdfast::simulator::{Effect, Hold, HoldState, LedgerEntry, Operation as Asked, Origin};

use crate::rows::{Fact, Row, Rows};

/// Clocks of two processes on one machine, and times cut to milliseconds.
const TOLERANCE: TimeDelta = TimeDelta::milliseconds(20);

/// Everything that is known of a case when it has come to rest.
pub(crate) struct Evidence {
    pub(crate) ledger: Vec<LedgerEntry>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) rows: Rows,
    /// What the broker has, in the order in which it got it; none where nobody publishes.
    pub(crate) told: Option<Vec<Fact>>,
    pub(crate) activities: Vec<ActivityInstance>,
    pub(crate) record: ProcessInstanceRecord,
    pub(crate) tasks: Vec<ExternalTask>,
    pub(crate) expected_end: Option<&'static str>,
    /// How many daemons live.
    pub(crate) living: i64,
    /// How many were started.
    pub(crate) boots: i64,
    pub(crate) now: DateTime<Utc>,
}

/// The broken promises, each as a sentence that begins with its number.
pub(crate) fn judge(evidence: &Evidence) -> Vec<String> {
    let mut broken = Vec::new();
    evidence.no_two_holds(&mut broken);
    evidence.every_effect_is_on_record(&mut broken);
    evidence.holds_and_rows_agree(&mut broken);
    evidence.answers_were_honest(&mut broken);
    evidence.moves_are_legal(&mut broken);
    evidence.facts_are_complete(&mut broken);
    evidence.everything_came_to_an_end(&mut broken);
    broken
}

impl Evidence {
    /// S1, over all attempt groups of the order step: each case has one order with one step.
    fn no_two_holds(&self, broken: &mut Vec<String>) {
        let mut active = BTreeSet::new();
        for entry in &self.ledger {
            let Some(reference) = &entry.reference else { continue };
            match entry.effect {
                Effect::HoldPlaced => drop(active.insert(reference)),
                Effect::HoldReleased | Effect::HoldExpired | Effect::Forgotten => drop(active.remove(reference)),
                Effect::HoldConfirmed | Effect::HoldExtended | Effect::Drifted | Effect::Refused | Effect::None => {}
            }
            if active.len() > 1 {
                broken.push(format!("S1: two holds at once after entry {} of the ledger: {active:?}", entry.seq));
                return;
            }
        }
    }

    /// S2. That the record was there in time, the supplier's link has checked as each request went by.
    fn every_effect_is_on_record(&self, broken: &mut Vec<String>) {
        for (asked, name) in
            [(Asked::Reserve, "reserve"), (Asked::Release, "release"), (Asked::Confirm, "confirm"), (Asked::Extend, "extend")]
        {
            for entry in self.ledger.iter().filter(|entry| entry.operation == asked && entry.by == Origin::Client) {
                let row = self.rows.reservations.iter().find(|row| Some(&row.idempotency_key) == entry.key.as_ref());
                let recorded =
                    row.is_some_and(|row| self.rows.calls.iter().any(|c| c.operation == name && c.reservation_id == row.reservation_id));
                if !recorded {
                    broken.push(format!("S2: a {name} under key {:?} reached the inventory and is not on record", entry.key));
                }
            }
        }
    }

    /// S3 and S4.
    fn holds_and_rows_agree(&self, broken: &mut Vec<String>) {
        for hold in self.holds.iter().filter(|hold| hold.state.is_active()) {
            let rows: Vec<&Row> = self
                .rows
                .reservations
                .iter()
                .filter(|r| r.external_reservation_ref.as_ref() == Some(&hold.reference) && r.says_held())
                .collect();
            if rows.len() != 1 {
                broken.push(format!("S3: {} of order {} is active and {} rows say so", hold.reference, hold.order_id, rows.len()));
            }
            if !self.order_wants_a_hold() {
                broken.push(format!("S3: {} is active although its order ended as {:?}", hold.reference, self.ends()));
            }
        }
        for row in self.rows.reservations.iter().filter(|row| row.says_held()) {
            let hold = self.holds.iter().find(|hold| Some(&hold.reference) == row.external_reservation_ref.as_ref());
            match hold {
                Some(hold) if hold.state.is_active() => {
                    let promised = row.expires_at.filter(|_| hold.state == HoldState::Held);
                    if promised.is_some_and(|at| at > hold.expires_at + TOLERANCE) {
                        broken.push(format!("S4: {} is said to be held until {promised:?}, longer than it is", hold.reference));
                    }
                }
                found => {
                    broken.push(format!("S4: the row says {} of {:?}, the inventory {found:?}", row.status, row.external_reservation_ref))
                }
            }
        }
    }

    fn order_wants_a_hold(&self) -> bool {
        let running = self.record.end_time.is_none();
        running || self.ends().iter().any(|end| matches!(*end, "held" | "confirmed" | "extended" | "release_refused" | "cancel_refused"))
    }

    /// The end events that the process came to.
    fn ends(&self) -> Vec<&str> {
        let ends = self.activities.iter().filter(|activity| activity.activity_type.ends_with("EndEvent"));
        ends.map(|activity| activity.activity_id.as_str()).collect()
    }

    /// S6.
    fn answers_were_honest(&self, broken: &mut Vec<String>) {
        let at = |activity: &str| self.activities.iter().filter(|a| a.activity_id == activity).filter_map(|a| a.start_time).min();
        let effect = |wanted: &[Effect]| self.ledger.iter().filter(|e| wanted.contains(&e.effect)).map(|e| e.at).min();
        for (activity, what, wanted) in [
            ("reserved", "held", &[Effect::HoldPlaced][..]),
            ("confirmed", "confirmed", &[Effect::HoldConfirmed]),
            ("extended", "extended", &[Effect::HoldExtended]),
            ("released", "released", &[Effect::HoldReleased, Effect::HoldExpired]),
        ] {
            if let Some(said) = at(activity)
                && effect(wanted).is_none_or(|done| done > said + TOLERANCE)
            {
                broken.push(format!("S6: the process was told `{what}` at {said}, the inventory did so at {:?}", effect(wanted)));
            }
        }
        let refused = self.ledger.iter().any(|e| e.operation == Asked::Reserve && e.effect == Effect::Refused);
        let placed = effect(&[Effect::HoldPlaced]).is_some();
        for (activity, told) in [("rejected", at("rejected")), ("gone", at("gone"))] {
            if told.is_some() && (placed || !refused) {
                broken.push(format!("S6: the process was told `{activity}`; refused: {refused}, placed: {placed}"));
            }
        }
        for step in &self.rows.moves {
            let rejected = step.to_status == "REJECTED" && !refused;
            let reserved = step.to_status == "RESERVED" && !placed;
            if rejected || reserved {
                broken.push(format!("S6: {step:?} has no ground in the inventory"));
            }
        }
    }

    /// S7.
    fn moves_are_legal(&self, broken: &mut Vec<String>) {
        let mut stands: BTreeMap<_, (Option<String>, i64)> = BTreeMap::new();
        for step in &self.rows.moves {
            let (before, epoch) = stands.entry(step.reservation_id).or_default();
            if *before != step.from_status {
                broken.push(format!("S7: {step:?} does not begin where the move before it ended, at {before:?}"));
            }
            if step.claim_epoch < *epoch {
                broken.push(format!("S7: {step:?} was written under an older claim than the move before it, {epoch}"));
            }
            let legal = step.from_status.is_none() && step.to_status == "REQUESTED"
                || TRANSITIONS.iter().any(|t| {
                    Some(t.from.as_str()) == step.from_status.as_deref()
                        && t.to.as_str() == step.to_status
                        && t.cause.as_str() == step.cause
                });
            if !legal {
                broken.push(format!("S7: {step:?} is no legal move"));
            }
            (*before, *epoch) = (Some(step.to_status.clone()), step.claim_epoch);
        }
        for row in &self.rows.reservations {
            let stands = stands.get(&row.reservation_id).and_then(|(status, _)| status.as_ref());
            if stands != Some(&row.status) {
                broken.push(format!("S7: the row is {} and its moves end at {stands:?}", row.status));
            }
            let mut epochs: Vec<i64> = self.calls_of(row).map(|call| call.sequence).collect();
            let calls = epochs.len();
            epochs.sort_unstable();
            epochs.dedup();
            if epochs.len() != calls || epochs.last().is_some_and(|last| *last > row.claim_epoch) {
                broken.push(format!("S7: two calls under one claim, or under a claim that the row never had: {epochs:?} of {calls} calls"));
            }
        }
    }

    fn calls_of<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a crate::rows::Call> {
        self.rows.calls.iter().filter(|call| call.reservation_id == row.reservation_id)
    }

    /// The facts that were told, each once; where nobody publishes, those that wait to be.
    fn facts(&self, broken: &mut Vec<String>) -> Vec<Fact> {
        let Some(told) = &self.told else { return self.rows.facts.clone() };
        if !self.rows.facts.is_empty() {
            broken.push(format!("L2: these facts still wait to be told: {:?}", self.rows.facts));
        }
        let mut first = Vec::new();
        let mut last: BTreeMap<_, i64> = BTreeMap::new();
        for fact in told {
            let last = last.entry(fact.aggregate_id).or_default();
            if fact.sequence > *last {
                first.push(fact.clone());
                *last = fact.sequence;
            }
        }
        first
    }

    /// S8 and S9, from what the broker has, or from the rows of the outbox where nobody publishes: there all of them are still there.
    fn facts_are_complete(&self, broken: &mut Vec<String>) {
        let all = self.facts(broken);
        for row in &self.rows.reservations {
            let wanted: Vec<&str> = self
                .rows
                .moves
                .iter()
                .filter(|step| step.reservation_id == row.reservation_id)
                .filter_map(|step| {
                    let to = ReservationStatus::parse(&step.to_status)?;
                    let cause = Cause::ALL.into_iter().find(|cause| cause.as_str() == step.cause);
                    match cause {
                        Some(cause) => fact_of(to, cause).map(|fact| fact.event_type()),
                        None => Some("ReservationRequested"),
                    }
                })
                .collect();
            let facts: Vec<_> = all.iter().filter(|fact| fact.aggregate_id == row.reservation_id).collect();
            let told: Vec<&str> = facts.iter().map(|fact| fact.event_type.as_str()).collect();
            if told != wanted {
                broken.push(format!("S8: the moves make the facts {wanted:?}, and these were written or told: {told:?}"));
            }
            let sequence: Vec<i64> = facts.iter().map(|fact| fact.sequence).collect();
            if sequence != (1..=row.event_sequence).collect::<Vec<_>>() {
                broken.push(format!("S9: the facts are numbered {sequence:?}, the row has counted {}", row.event_sequence));
            }
        }
    }

    /// L1 and L3.
    fn everything_came_to_an_end(&self, broken: &mut Vec<String>) {
        for row in self.rows.reservations.iter().filter(|row| !row.is_at_rest(self.now)) {
            broken.push(format!("L1: after all this time the row is still {row:?}"));
        }
        for call in self.rows.calls.iter().filter(|call| call.ended_at.is_none() || call.answer_class.is_none()) {
            broken.push(format!("L1: a call was never ended: {call:?}"));
        }
        let all_are_up = self.rows.sessions >= self.boots;
        if !all_are_up || self.rows.alive > self.living || !self.rows.unseen.is_empty() {
            broken.push(format!("L1: nobody has seen to what the dead left: {:?}", self.rows.unseen));
        }
        if !self.rows.waiting.is_empty() {
            broken.push(format!("L1: tasks are still remembered as waiting: {:?}", self.rows.waiting));
        }
        let ends = self.ends();
        match self.expected_end {
            Some(expected) if ends != [expected] => {
                let waits = self.activities.iter().filter(|a| a.end_time.is_none()).map(|a| a.activity_id.as_str()).collect::<Vec<_>>();
                broken.push(format!("L1: the process should have come to `{expected}`, it ended at {ends:?} and waits at {waits:?}"));
            }
            _ => {}
        }
        for task in &self.tasks {
            let holder = task.worker_id.as_ref().map(|worker| worker.as_str().split('#').next().unwrap_or_default().to_owned());
            let locked = task.lock_expiration_time.is_some_and(|until| until > self.now);
            if locked && holder.is_some_and(|holder| self.rows.dead.contains(&holder)) {
                broken.push(format!("L3: a dead worker still has {task:?}"));
            }
        }
    }
}
