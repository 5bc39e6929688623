//! What an answer may make of a row that can exist, whatever the inventory says.

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;
use crate::domain::walk::{Event, Happened, Walk, walks};
use crate::domain::{AutoExtend, Call, TRANSITIONS};

fn config() -> ProptestConfig {
    ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() }
}

/// Walks, and shows the check what came of every event, with the row before and the walk after.
fn walk(begin: Walk, events: &[Event], mut check: impl FnMut(&Reservation, &Event, &Happened, &Walk)) {
    let mut walk = begin;
    for event in events {
        let before = walk.row.clone();
        let happened = walk.go(event).unwrap_or_else(|illegal| panic!("{illegal}, by {event:?} on {before:#?}"));
        check(&before, event, &happened, &walk);
    }
}

fn moves(happened: &Happened) -> &[Transition] {
    match happened {
        Happened::Stepped(step) => &step.moves,
        Happened::Settled(settlement) => &settlement.moves,
        Happened::Nothing => &[],
    }
}

/// The tests below are worth as much as the walks go far.
#[test]
fn the_walks_take_every_arrow_of_the_table() {
    let mut runner = TestRunner::deterministic();
    let mut taken: Vec<Transition> = Vec::new();
    for _ in 0..3000 {
        let (begin, events) = walks().new_tree(&mut runner).unwrap().current();
        walk(begin, &events, |_, _, happened, _| {
            taken.extend(moves(happened));
            taken.sort_unstable_by_key(|m| (m.from, m.cause));
            taken.dedup();
        });
    }
    let left: Vec<_> = TRANSITIONS.iter().filter(|m| !taken.contains(m)).map(|m| format!("{} by {}", m.from, m.cause.as_str())).collect();
    assert!(left.is_empty(), "never taken: {left:?}");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_answer_to_every_call_settles_over_moves_of_the_table((begin, events) in walks()) {
        walk(begin, &events, |before, _, happened, walk| {
            let mut at = before.status;
            for m in moves(happened) {
                assert!(m.from == at && TRANSITIONS.contains(m), "{m:?} from {at}");
                at = m.to;
            }
            assert_eq!(at, walk.row.status);
        });
    }

    #[test]
    fn no_time_out_and_no_call_that_was_not_sent_ever_makes_a_hold_or_a_refusal((begin, events) in walks()) {
        walk(begin, &events, |before, event, happened, _| {
            if let (Event::Answer(Answer::Unknown(_) | Answer::NotSent(_)), Happened::Settled(settlement)) = (event, happened) {
                assert!(settlement.moves.iter().all(|m| m.cause == Cause::OutcomeLost), "{:?} of {before:#?}", settlement.moves);
            }
        });
    }

    #[test]
    fn only_a_listed_refusal_of_a_create_rejects_and_only_a_seen_hold_reserves((begin, events) in walks()) {
        walk(begin, &events, |before, event, happened, _| {
            for m in moves(happened) {
                match (m.to, event) {
                    (Status::Rejected, Event::Answer(Answer::Refused(_))) => {
                        assert!(before.open_call.is_some_and(|call| call.operation == Operation::Reserve));
                    }
                    (Status::Rejected, Event::Answer(Answer::Done(Look::Found(hold)))) => {
                        assert!(hold.lines.iter().all(|line| line.reserved.is_zero()), "{hold:?}");
                    }
                    (Status::Reserved | Status::Confirmed, Event::Answer(Answer::Done(Look::Found(_)))) => {}
                    (Status::Confirmed, Event::Answer(Answer::Refused(refusal))) => assert_eq!(refusal.state, Some(HoldState::Confirmed)),
                    (Status::Reserved, Event::Want(crate::domain::Goal::Decide(crate::domain::Decision::Held(_)))) => {}
                    // An inventory that takes a hold for a commitment without being told.
                    (Status::Confirmed, Event::Want(crate::domain::Goal::Confirm)) => assert_eq!(before.status, Status::Reserved),
                    (Status::Rejected | Status::Reserved | Status::Confirmed, event) => panic!("{m:?} by {event:?} on {before:#?}"),
                    _ => {}
                }
            }
        });
    }

    #[test]
    fn absence_is_believed_only_after_enough_looks_and_when_nothing_can_act_any_more((begin, events) in walks()) {
        let mut absent = 0;
        walk(begin, &events, |before, event, happened, walk| {
            let looked = before.open_call.is_some_and(|call| call.operation.is_look());
            match event {
                Event::Answer(Answer::Done(Look::Absent)) if looked => absent += 1,
                Event::Answer(Answer::Done(_)) if looked => absent = 0,
                _ => {}
            }
            for m in moves(happened) {
                if m.from == Status::Unknown
                    && matches!(m.cause, Cause::FoundAbsent | Cause::FoundReleased)
                    && matches!(event, Event::Answer(Answer::Done(Look::Absent)))
                {
                    let begun = before.open_call.map_or(walk.now, |call| call.started_at);
                    let quiet = walk.row.last_effect_at.is_none_or(|at| begun - at >= walk.policy.linger);
                    assert!(absent >= walk.policy.absent_looks && quiet, "after {absent} looks, on {before:#?}");
                }
            }
            if walk.row.open_call.is_some_and(|call| call.operation.is_effect()) {
                absent = 0;
            }
        });
    }

    #[test]
    fn every_row_that_is_written_keeps_the_rules_of_the_table_in_the_database((begin, events) in walks()) {
        walk(begin, &events, |before, event, _, walk| {
            let row = &walk.row;
            if matches!(row.status, Status::Reserved | Status::Confirmed) {
                assert!(row.reference.is_some() && row.reserved_at.is_some(), "{} by {event:?} on {before:#?}", row.status);
            }
            assert!(row.status != Status::Rejected || row.rejection.is_some(), "by {event:?} on {before:#?}");
        });
    }

    #[test]
    fn whatever_is_open_is_due_to_be_looked_at((begin, events) in walks()) {
        walk(begin, &events, |before, event, _, walk| {
            let row = &walk.row;
            let wants = !matches!(row.status, Status::Rejected | Status::Expired) && row.release_wanted;
            let doubted = matches!(row.status, Status::Reserved | Status::Confirmed) && row.absent_looks > 0;
            if row.is_open() || row.open_call.is_some() || wants || doubted || row.status == Status::ReleaseRequested {
                assert!(walk.due.is_some(), "by {event:?} on {before:#?}\nwhich became {row:#?}");
            }
        });
    }

    #[test]
    fn an_end_has_nothing_open_and_no_wish_but_the_release_of_a_late_hold((begin, events) in walks()) {
        walk(begin, &events, |before, event, _, walk| {
            let row = &walk.row;
            if row.status.is_end() {
                assert!(row.pending.is_none(), "by {event:?} on {before:#?}\nwhich became {row:#?}");
                assert!(!row.release_wanted || row.status == Status::Released, "by {event:?} on {before:#?}\nwhich became {row:#?}");
            }
        });
    }

    #[test]
    fn a_lost_outcome_only_ever_leads_to_not_knowing((begin, events) in walks()) {
        walk(begin, &events, |_, _, _, walk| {
            let (row, moves) = outcome_lost(&walk.row).unwrap();
            assert!(moves.iter().all(|m| matches!(m.to, Status::Unknown | Status::ReleaseUnknown)));
            let effect = walk.row.open_call.is_some_and(|Call { operation, .. }| operation.is_effect());
            assert!(row.open_call.is_none() && (effect || moves.is_empty()));
        });
    }

    #[test]
    fn the_partial_hold_that_the_policy_does_not_accept_is_to_go_however_it_was_found((begin, events) in walks()) {
        walk(begin, &events, |before, event, happened, walk| {
            let entered = moves(happened).iter().any(|m| m.to == Status::Reserved && m.from != Status::Reserved);
            let decided = matches!(event, Event::Want(_));
            if entered && !decided && walk.row.status == Status::Reserved && walk.row.is_partial() && !walk.policy.accept_partial {
                assert!(walk.row.release_wanted, "by {event:?} on {before:#?}");
            }
        });
    }
}

#[test]
fn a_hold_that_is_found_confirmed_after_a_lost_release_is_released_again() {
    let row = Reservation {
        status: Status::ReleaseUnknown,
        reference: Some(crate::domain::samples::reference()),
        reserved_at: Some(crate::domain::samples::start()),
        release_wanted: true,
        open_call: Some(Call {
            id: crate::domain::samples::call(),
            operation: Operation::Lookup,
            started_at: crate::domain::samples::start(),
            class: None,
        }),
        ..crate::domain::samples::wish()
    };
    let hold = Hold { reference: row.reference.clone(), state: HoldState::Confirmed, expires_at: None, lines: Vec::new() };
    let now = crate::domain::samples::start();
    let policy = crate::domain::samples::policy();
    let settlement = settle(&row, Operation::Lookup, &Answer::Done(Look::Found(hold)), &policy, now).unwrap();
    assert_eq!(settlement.after.status, Status::ReleaseRequested);
    assert!(settlement.next_check_at.is_some());
}

#[test]
fn an_extension_that_came_to_nothing_is_tried_again_until_the_hold_is_over() {
    use crate::domain::samples::{policy, start, wish};
    let auto = AutoExtend { before: TimeDelta::seconds(60), by: TimeDelta::hours(1), most: 9, max_age: TimeDelta::days(1) };
    let policy = Policy { auto_extend: Some(auto), ..policy() };
    let ends = start() + TimeDelta::seconds(600);
    let held = Reservation { status: Status::Reserved, reserved_at: Some(start()), expires_at: Some(ends), ..wish() };
    let at = |seconds| start() + TimeDelta::seconds(seconds);
    assert_eq!(policy.next_try_to_extend(&held, at(0)), Some(at(540)), "at its time");
    assert_eq!(policy.next_try_to_extend(&held, at(560)), Some(at(570)), "and then again and again");
    assert_eq!(policy.next_try_to_extend(&held, at(599)), Some(at(600)));
    assert_eq!(policy.next_try_to_extend(&held, ends), None);
}

#[test]
fn a_confirmation_or_an_extension_that_is_refused_while_the_hold_stands_is_refused_and_the_hold_is_as_it_was() {
    use crate::domain::samples::{policy, reference, start, wish};
    let until = start() + TimeDelta::hours(2);
    for (operation, pending) in [(Operation::Confirm, PendingOperation::Confirm), (Operation::Extend, PendingOperation::Extend { until })] {
        let held = Reservation { status: Status::Reserved, reference: Some(reference()), reserved_at: Some(start()), ..wish() };
        let asked = called(Reservation { pending: Some(pending), ..held }, operation, start());
        let refusal = Refusal { state: Some(HoldState::Held), code: "LIMIT".to_owned(), message: None, lines: Vec::new() };
        let settlement = settle(&asked, operation, &Answer::Refused(refusal), &policy(), start()).unwrap();
        assert_eq!((settlement.after.status, settlement.after.pending), (Status::Reserved, None));
        assert!(matches!(settlement.said, Said::Refused(Rejection { ref code, .. }) if code == "LIMIT"), "{:?}", settlement.said);
    }
}

/// A call of this kind is under way on the row, begun now.
fn called(row: Reservation, operation: Operation, now: DateTime<Utc>) -> Reservation {
    let call = Call { id: crate::domain::samples::call(), operation, started_at: now, class: None };
    Reservation { last_effect_at: if operation.is_effect() { Some(now) } else { row.last_effect_at }, open_call: Some(call), ..row }
}

fn lost() -> Answer<Look> {
    Answer::Unknown("nothing was heard".to_owned())
}

#[test]
fn an_effect_that_is_lost_again_and_again_is_a_humans_when_the_first_loss_is_long_enough_ago() {
    use crate::domain::samples::{policy, start, wish};
    let policy = Policy { manual_after: TimeDelta::minutes(15), slowest_check: TimeDelta::minutes(5), ..policy() };
    let mut row = wish();
    for minutes in [0, 4, 8, 12, 16] {
        assert_eq!(row.manual_since, None, "after {minutes} minutes");
        let now = start() + TimeDelta::minutes(minutes);
        row = settle(&called(row, Operation::Reserve, now), Operation::Reserve, &lost(), &policy, now).unwrap().after;
        assert_eq!(row.unknown_since, Some(start()));
    }
    assert_eq!(row.manual_since, Some(start() + TimeDelta::minutes(16)));
}

#[test]
fn a_release_that_is_lost_and_found_to_have_done_nothing_again_and_again_is_tried_ever_more_seldom_and_becomes_a_humans() {
    use crate::domain::samples::{policy, reference, start, wish};
    let policy = Policy { manual_after: TimeDelta::minutes(15), ..policy() };
    let mut row = Reservation {
        status: Status::ReleaseRequested,
        reference: Some(reference()),
        reserved_at: Some(start()),
        release_wanted: true,
        ..wish()
    };
    let hold = Hold { reference: row.reference.clone(), state: HoldState::Held, expires_at: None, lines: Vec::new() };
    let (mut now, mut pauses) = (start(), Vec::new());
    while row.manual_since.is_none() {
        assert!(now < start() + TimeDelta::hours(1), "nobody is called: {pauses:?}");
        let settlement = settle(&called(row, Operation::Release, now), Operation::Release, &lost(), &policy, now).unwrap();
        assert_eq!(settlement.after.status, Status::ReleaseUnknown);
        pauses.push(settlement.next_check_at.unwrap() - now);
        now = settlement.next_check_at.unwrap();
        let looked = called(settlement.after, Operation::Lookup, now);
        row = settle(&looked, Operation::Lookup, &Answer::Done(Look::Found(hold.clone())), &policy, now).unwrap().after;
        assert_eq!((row.status, row.unknown_since), (Status::ReleaseRequested, Some(start())));
    }
    assert!(pauses.is_sorted() && pauses.last() > pauses.first(), "{pauses:?}");
    let since = row.manual_since.unwrap() - start();
    assert!(since >= policy.manual_after && since < policy.manual_after + policy.slowest_check, "{since}");
    let gone = Hold { state: HoldState::Released, ..hold };
    let over =
        settle(&called(row, Operation::Lookup, now), Operation::Lookup, &Answer::Done(Look::Found(gone)), &policy, now).unwrap().after;
    assert_eq!((over.status, over.manual_since, over.unknown_since, over.checks), (Status::Released, None, None, 0));
}
