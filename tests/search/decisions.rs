//! The decisions of production, each made once: a search comes to the same question hundreds of times.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::RwLock;

use holdfast::domain::{
    Goal, Operation, Plan, Reservation, ReservationStatus as Status, Said, Settlement, Step, StepEnd, plan, settle, step,
};

use crate::actors::{goal, said};
use crate::model::Search;
use crate::world::{Answer, Due, Row, Wish, at, call};

/// What was decided before.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    steps: RwLock<HashMap<(Row, Wish, u8), Stepped>>,
    ends: RwLock<HashMap<(Row, Operation, Answer, u8), Ended>>,
    for_humans: RwLock<HashMap<(Row, u8), bool>>,
}

/// What `step` came to.
#[derive(Debug, Clone)]
pub(crate) struct Stepped {
    pub(crate) row: Row,
    pub(crate) end: StepEnd,
    pub(crate) changed: bool,
    pub(crate) due: Due,
}

/// What `settle` came to.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) row: Row,
    pub(crate) said: Said,
    pub(crate) due: Due,
}

impl Search {
    pub(crate) fn step(&self, row: &Row, wish: Wish, now: u8) -> Stepped {
        once(&self.decisions.steps, (row.clone(), wish, now), || {
            let done = step(&row.full(), &goal(wish), &self.caps, &self.policy, call(), at(now)).unwrap();
            let Step { row, end, changed, next_check_at, .. } = done;
            Stepped { due: due(&row, next_check_at), row: Row::of(&row), end, changed }
        })
    }

    pub(crate) fn settled(&self, claimed: &Row, operation: Operation, answer: Answer, now: u8) -> Ended {
        once(&self.decisions.ends, (claimed.clone(), operation, answer, now), || {
            let done = settle(&claimed.full(), operation, &said(answer), &self.policy, at(now)).unwrap();
            let Settlement { after, said, next_check_at, .. } = done;
            Ended { due: due(&after, next_check_at), row: Row::of(&after), said }
        })
    }

    /// No call can find out.
    pub(crate) fn needs_human(&self, row: &Row, now: u8) -> bool {
        once(&self.decisions.for_humans, (row.clone(), now), || {
            plan(&row.full(), &Goal::Resolve, &self.caps, &self.policy, at(now)) == Plan::NeedsHuman
        })
    }
}

fn once<K: Hash + Eq, V: Clone>(made: &RwLock<HashMap<K, V>>, question: K, decide: impl FnOnce() -> V) -> V {
    if let Some(before) = made.read().unwrap().get(&question) {
        return before.clone();
    }
    let decision = decide();
    made.write().unwrap().insert(question, decision.clone());
    decision
}

fn due(row: &Reservation, next_check_at: Option<chrono::DateTime<chrono::Utc>>) -> Due {
    match next_check_at {
        None => Due::Never,
        Some(when) if row.status == Status::Reserved && row.expires_at.is_some_and(|end| when >= end) => Due::AtExpiry,
        Some(_) => Due::Soon,
    }
}
