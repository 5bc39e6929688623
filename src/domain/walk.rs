//! Random lives of a reservation, for the tests in this room: steps, answers of an inventory that may say anything, crashes, time.
//!
//! Rows are reached and never invented, so that a test over a walk speaks of rows that can exist.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::domain::samples::{call, policy, reference, start, wish};
use crate::domain::{
    Answer, Call, Capabilities, Decision, ExternalReference, Goal, Hold, HoldLine, HoldState, IllegalTransition, Look, Operation, Policy,
    Refusal, Reservation, Settlement, Step, settle, step,
};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Somebody wants something. If a call is open, its worker has vanished.
    Want(Goal),
    /// The open call is answered.
    Answer(Answer<Look>),
    /// The order is gone: the hold is not wanted, whoever works on the row.
    Gone,
    /// Time passes.
    Wait(TimeDelta),
}

/// What came of an event.
#[derive(Debug)]
pub(crate) enum Happened {
    Stepped(Step),
    Settled(Settlement),
    Nothing,
}

/// A reservation on its way.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    pub(crate) row: Reservation,
    /// The row as its worker has it, while a call is open.
    claimed: Reservation,
    pub(crate) due: Option<DateTime<Utc>>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) capabilities: Capabilities,
    pub(crate) policy: Policy,
}

impl Walk {
    /// A new row under its first claim: the create is on record.
    pub(crate) fn begin(capabilities: Capabilities, policy: Policy) -> Self {
        let now = start();
        let open = Call { id: call(), operation: Operation::Reserve, started_at: now, class: None };
        let row = Reservation { open_call: Some(open), last_effect_at: Some(now), ..wish() };
        Self { claimed: row.clone(), row, due: Some(now + policy.orphan_after), now, capabilities, policy }
    }

    /// Lets an event happen; the row is then as the store would have it.
    pub(crate) fn go(&mut self, event: &Event) -> Result<Happened, IllegalTransition> {
        match event {
            Event::Want(goal) => {
                let step = step(&self.row, goal, &self.capabilities, &self.policy, call(), self.now)?;
                if step.changed {
                    self.row = step.row.clone();
                    self.claimed = step.row.clone();
                    self.due = step.next_check_at;
                }
                Ok(Happened::Stepped(step))
            }
            Event::Answer(answer) => {
                let Some(open) = self.row.open_call else { return Ok(Happened::Nothing) };
                let settlement = settle(&self.claimed, open.operation, answer, &self.policy, self.now)?;
                // A wish that came while the call was open outlives it, as the store's settling statement has it.
                let wished = self.row.release_wanted && !self.claimed.release_wanted && !settlement.after.status.is_end();
                self.row = Reservation { release_wanted: settlement.after.release_wanted || wished, ..settlement.after.clone() };
                self.due = if wished { Some(self.now) } else { settlement.next_check_at };
                Ok(Happened::Settled(settlement))
            }
            Event::Gone => {
                if !self.row.status.is_end() && !self.row.release_wanted {
                    self.row.release_wanted = true;
                    self.due = Some(self.now);
                }
                Ok(Happened::Nothing)
            }
            Event::Wait(by) => {
                self.now += *by;
                Ok(Happened::Nothing)
            }
        }
    }
}

/// A walk's beginning and what happens in it.
pub(crate) fn walks() -> impl Strategy<Value = (Walk, Vec<Event>)> {
    let capabilities =
        any::<[bool; 8]>().prop_map(|[idempotent_create, lookup, by_key, release, idempotent_release, confirm, extend, list]| {
            Capabilities {
                idempotent_create,
                lookup,
                lookup_by_key: by_key && lookup,
                release,
                idempotent_release: idempotent_release && release,
                confirm,
                extend,
                list,
            }
        });
    let policies = (1..4i32, any::<bool>()).prop_map(|(absent_looks, accept_partial)| Policy { absent_looks, accept_partial, ..policy() });
    let begin = (capabilities, policies).prop_map(|(capabilities, policy)| Walk::begin(capabilities, policy));
    (begin, proptest::collection::vec(event(), 1..40))
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => goal().prop_map(Event::Want),
        6 => answer().prop_map(Event::Answer),
        1 => Just(Event::Gone),
        3 => prop_oneof![Just(0), Just(1), Just(12), Just(31), Just(600), Just(4000)].prop_map(|s| Event::Wait(TimeDelta::seconds(s))),
    ]
}

fn goal() -> impl Strategy<Value = Goal> {
    prop_oneof![
        3 => Just(Goal::Reserve),
        3 => Just(Goal::Release),
        2 => Just(Goal::Confirm),
        2 => (1..9i64).prop_map(|hours| Goal::Extend { until: start() + TimeDelta::hours(hours) }),
        1 => Just(Goal::Verify),
        5 => Just(Goal::Resolve),
        1 => prop_oneof![
            Just(Decision::Held(None)),
            Just(Decision::Held(Some(reference()))),
            Just(Decision::NotHeld),
            Just(Decision::AskAgain),
            Just(Decision::GiveUp)
        ]
        .prop_map(Goal::Decide),
    ]
}

fn answer() -> impl Strategy<Value = Answer<Look>> {
    prop_oneof![
        6 => hold().prop_map(|hold| Answer::Done(Look::Found(hold))),
        4 => Just(Answer::Done(Look::Absent)),
        3 => proptest::option::weighted(0.8, refused_as()).prop_map(|state| {
            Answer::Refused(Refusal { state, code: "NO".to_owned(), message: None, lines: Vec::new() })
        }),
        1 => Just(Answer::NotSent("connection refused".to_owned())),
        3 => Just(Answer::Unknown("timed out".to_owned())),
    ]
}

fn hold() -> impl Strategy<Value = Hold> {
    let named = prop_oneof![9 => Just(Some(reference())), 1 => Just(ExternalReference::parse("HOLD-2").ok()), 1 => Just(None)];
    let until = proptest::option::of((0..9i64).prop_map(|hours| start() + TimeDelta::hours(hours)));
    let reserved = proptest::option::weighted(0.7, prop_oneof![4 => Just(10), 1 => Just(4), 1 => Just(0)]);
    (named, state(), until, reserved).prop_map(|(reference, state, expires_at, reserved)| Hold {
        reference,
        state,
        expires_at,
        lines: reserved.map(|n| HoldLine { order_line: wish().lines[0].line.order_line, reserved: Decimal::from(n) }).into_iter().collect(),
    })
}

fn state() -> impl Strategy<Value = HoldState> {
    prop_oneof![4 => Just(HoldState::Held), 1 => Just(HoldState::Confirmed), 1 => Just(HoldState::Released), 1 => Just(HoldState::Expired)]
}

fn refused_as() -> impl Strategy<Value = HoldState> {
    prop_oneof![Just(HoldState::Held), Just(HoldState::Confirmed), Just(HoldState::Released), Just(HoldState::Expired)]
}
