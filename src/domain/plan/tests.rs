//! Every plan for every row, goal and inventory: what may be asked, and what may never be.

use super::*;
use crate::domain::samples::{call, every_capability_set, every_goal, every_row, policy, start};
use crate::domain::{StepEnd, TRANSITIONS, next, step};

/// Runs a check over every row x goal x capability set, and says how many there were.
fn each(mut check: impl FnMut(&Reservation, &Goal, &Capabilities, Plan)) -> usize {
    let (rows, goals, sets) = (every_row(), every_goal(), every_capability_set());
    for r in &rows {
        for goal in &goals {
            for capabilities in &sets {
                check(r, goal, capabilities, plan(r, goal, capabilities, &policy(), start()));
            }
        }
    }
    rows.len() * goals.len() * sets.len()
}

fn asks(plan: &Plan) -> Option<Operation> {
    match plan {
        Plan::Ask(operation, _) => Some(*operation),
        Plan::Conclude | Plan::Move(_) | Plan::NeedsHuman | Plan::Refuse(_) => None,
    }
}

#[test]
fn every_move_of_every_plan_is_in_the_table() {
    let checked = each(|r, goal, capabilities, plan| {
        if let Plan::Move(cause) | Plan::Ask(_, Some(cause)) = plan {
            assert!(next(r.status, cause).is_ok(), "{} by {} for {goal:?} with {capabilities:?}", r.status, cause.as_str());
        }
    });
    assert!(checked > 60_000, "only {checked} plans were looked at");
}

#[test]
fn a_create_is_sent_only_where_nothing_was_sent_or_where_sending_again_is_safe() {
    each(|r, goal, capabilities, plan| {
        if asks(&plan) == Some(Operation::Reserve) {
            let safe = r.status == Status::Requested || (r.status == Status::Unknown && capabilities.idempotent_create);
            assert!(safe, "a create for {} toward {goal:?} with {capabilities:?}", r.status);
        }
    });
}

#[test]
fn a_create_is_never_sent_for_what_is_to_go_unless_nothing_else_can_find_out() {
    each(|r, goal, capabilities, plan| {
        if (r.release_wanted || *goal == Goal::Release) && asks(&plan) == Some(Operation::Reserve) {
            assert!(
                r.status == Status::Unknown && !capabilities.can_look(r) && capabilities.idempotent_create,
                "{} toward {goal:?} with {capabilities:?}",
                r.status
            );
        }
    });
}

#[test]
fn an_inventory_is_asked_only_for_what_it_offers() {
    each(|r, goal, capabilities, plan| {
        let offered = match asks(&plan) {
            None | Some(Operation::Reserve) => true,
            Some(Operation::Lookup) => capabilities.can_look(r),
            // A whole list is read for one hold only where nothing else would tell.
            Some(Operation::List) => capabilities.list && !capabilities.can_look(r),
            Some(Operation::Release) => capabilities.release,
            Some(Operation::Confirm) => capabilities.confirm,
            Some(Operation::Extend) => capabilities.extend,
            Some(Operation::Check) => false,
        };
        assert!(offered, "{plan:?} for {} toward {goal:?} with {capabilities:?}", r.status);
    });
}

#[test]
fn a_hold_that_is_to_go_is_neither_confirmed_nor_extended() {
    each(|r, goal, capabilities, plan| {
        if r.release_wanted {
            let asked = asks(&plan);
            assert!(
                !matches!(asked, Some(Operation::Confirm | Operation::Extend)),
                "{asked:?} for {} toward {goal:?} {capabilities:?}",
                r.status
            );
        }
    });
}

#[test]
fn a_release_is_sent_only_for_a_hold_that_is_on_its_way_out() {
    each(|r, goal, capabilities, plan| {
        if let Plan::Ask(Operation::Release, cause) = plan {
            let leaving = cause == Some(Cause::ReleaseAsked)
                || matches!(r.status, Status::ReleaseRequested | Status::ReleaseUnknown)
                || (r.status.is_end() && r.release_wanted);
            assert!(leaving, "{} toward {goal:?} with {capabilities:?}", r.status);
        }
    });
}

#[test]
fn nothing_moves_an_end_and_an_end_is_never_asked_for_an_effect_but_the_release_of_a_late_hold() {
    each(|r, goal, capabilities, plan| {
        if r.status.is_end() {
            let quiet = match plan {
                Plan::Conclude | Plan::Refuse(_) => true,
                Plan::Ask(Operation::Lookup | Operation::List, None) => r.status == Status::Released,
                Plan::Ask(Operation::Release, None) => r.release_wanted,
                Plan::Ask(..) | Plan::Move(_) | Plan::NeedsHuman => false,
            };
            assert!(quiet, "{plan:?} for {} toward {goal:?} with {capabilities:?}", r.status);
        }
    });
}

#[test]
fn looking_never_acts_on_a_hold_that_stands() {
    each(|r, goal, capabilities, plan| {
        if matches!(goal, Goal::Verify | Goal::Resolve) && matches!(r.status, Status::Reserved | Status::Confirmed) && !r.release_wanted {
            assert!(!asks(&plan).is_some_and(Operation::is_effect), "{plan:?} for {} toward {goal:?} with {capabilities:?}", r.status);
        }
    });
}

#[test]
fn a_human_is_asked_only_where_the_inventory_cannot_tell() {
    each(|r, goal, capabilities, plan| {
        if plan == Plan::NeedsHuman {
            assert!(r.is_open() && capabilities.look(r).is_none(), "{} toward {goal:?} with {capabilities:?}", r.status);
            assert!(r.status != Status::Unknown || !capabilities.idempotent_create, "{} toward {goal:?} with {capabilities:?}", r.status);
            assert!(
                r.status != Status::ReleaseUnknown || !capabilities.idempotent_release,
                "{} toward {goal:?} with {capabilities:?}",
                r.status
            );
        }
    });
}

#[test]
fn moving_and_planning_again_comes_to_an_end_over_moves_of_the_table() {
    each(|r, goal, capabilities, _| {
        let step = step(r, goal, capabilities, &policy(), call(), start()).unwrap();
        let mut at = r.status;
        for m in &step.moves {
            assert!(m.from == at && TRANSITIONS.contains(m), "{m:?} from {} toward {goal:?}", r.status);
            at = m.to;
        }
        assert_eq!(at, step.row.status);
        assert!(step.moves.len() <= 3, "{:?} toward {goal:?}", step.moves);
        assert!(step.changed || step.row == *r, "a step that says it changed nothing did");
    });
}

#[test]
fn whatever_a_step_leaves_open_is_looked_at_again() {
    each(|r, goal, capabilities, _| {
        let step = step(r, goal, capabilities, &policy(), call(), start()).unwrap();
        if step.changed && (step.row.is_open() || step.row.open_call.is_some() || step.row.status == Status::ReleaseRequested) {
            assert!(step.next_check_at.is_some(), "{} toward {goal:?} with {capabilities:?}: {:?}", r.status, step.row);
        }
    });
}

/// A hold with an open confirmation at an inventory that nobody can look into.
fn confirming() -> Reservation {
    let rows = every_row().into_iter();
    let mut rows = rows.filter(|r| r.status == Status::Reserved && r.pending == Some(PendingOperation::Confirm) && !r.release_wanted);
    Reservation { manual_since: Some(start()), ..rows.next().unwrap() }
}

fn blind() -> Capabilities {
    every_capability_set()
        .into_iter()
        .find(|capabilities| capabilities.release && capabilities.confirm && !capabilities.lookup && !capabilities.idempotent_create)
        .unwrap()
}

fn decide(decision: Decision) -> crate::domain::Step {
    step(&confirming(), &Goal::Decide(decision), &blind(), &policy(), call(), start()).unwrap()
}

#[test]
fn a_humans_word_that_nothing_is_held_counts_while_a_confirmation_is_open() {
    let step = decide(Decision::NotHeld);
    assert_eq!((step.row.status, step.row.pending, step.end), (Status::Released, None, StepEnd::Concluded));
}

#[test]
fn giving_up_while_a_confirmation_is_open_releases_the_hold() {
    let step = decide(Decision::GiveUp);
    assert_eq!((step.row.status, step.row.pending, step.end), (Status::ReleaseRequested, None, StepEnd::Ask(Operation::Release)));
    assert!(step.row.release_wanted);
}

#[test]
fn a_humans_word_that_the_hold_stands_sends_what_nobody_could_find_out_again() {
    let step = decide(Decision::Held(None));
    assert_eq!((step.row.status, step.row.pending), (Status::Reserved, Some(PendingOperation::Confirm)));
    assert_eq!(step.end, StepEnd::Ask(Operation::Confirm));
}

#[test]
fn a_hold_that_only_a_human_has_seen_lasts_as_long_as_was_asked_for() {
    let row = Reservation { status: Status::Unknown, last_effect_at: Some(start()), ..crate::domain::samples::wish() };
    let held = Goal::Decide(Decision::Held(Some(crate::domain::samples::reference())));
    let step = step(&row, &held, &blind(), &policy(), call(), start() + chrono::TimeDelta::minutes(5)).unwrap();
    assert_eq!((step.row.status, step.row.expires_at), (Status::Reserved, Some(start() + chrono::TimeDelta::hours(1))));
    assert!(
        step.next_check_at.is_some_and(|at| at < start() + chrono::TimeDelta::minutes(6)),
        "its order may be gone: it is looked at soon"
    );
}

#[test]
fn a_commitment_never_runs_out_by_the_clock_alone() {
    each(|r, goal, capabilities, plan| {
        if plan == Plan::Move(Cause::HoldExpired) {
            assert!(matches!(r.status, Status::Reserved | Status::ReleaseRequested), "{} toward {goal:?} with {capabilities:?}", r.status);
        }
    });
}

#[test]
fn a_hold_that_has_run_out_is_never_confirmed_without_a_call() {
    let over = Reservation { status: Status::Reserved, pending: None, release_wanted: false, expires_at: Some(start()), ..confirming() };
    let mut looked = 0;
    for capabilities in every_capability_set().into_iter().filter(|capabilities| !capabilities.confirm) {
        let plan = plan(&over, &Goal::Confirm, &capabilities, &policy(), start());
        let looks = matches!(asks(&plan), Some(Operation::Lookup | Operation::List));
        assert!(looks || plan == Plan::Move(Cause::HoldExpired), "{plan:?} with {capabilities:?}");
        looked += usize::from(looks);
    }
    assert!(looked > 0, "where it can be looked at, it is");
}
