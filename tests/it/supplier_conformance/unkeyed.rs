//! An inventory that keeps no key: what it can be asked, and what its list must say so that a hold is found in it.

use chrono::TimeDelta;
use holdfast::domain::{Answer, Candidates, HoldState, Look, Match, Operation, Reservation, ReservationId, ReserveRequest, TenantId};
use holdfast::domain::{AttemptGroup, ListedHold, ReservationStep};
use holdfast::simulator::{Effect, Fault};
use holdfast::supplier::{HoldAsk, ListAsk};
use uuid::Uuid;

use super::bench::{Bench, IMPATIENT, found, now, unknown};

const LINGER: TimeDelta = TimeDelta::seconds(30);

async fn listed(bench: &Bench) -> Vec<ListedHold> {
    let ask = ListAsk { tenant: bench.tenant, after: None, timeout: IMPATIENT * 10 };
    let Answer::Done(page) = bench.supplier().list_active(&ask).await.answer else { panic!("no list") };
    assert_eq!((page.unreadable.len(), page.next), (0, None));
    page.holds
}

/// The reservation on whose behalf an ask is made, as if its answer had been lost.
fn row(ask: &HoldAsk, tenant: TenantId) -> Reservation {
    let request = ReserveRequest {
        tenant,
        source: ask.source.clone(),
        order: ask.order,
        step: ReservationStep::parse("reserve").unwrap(),
        group: AttemptGroup::FIRST,
        lines: ask.lines.clone(),
        hold_for: TimeDelta::seconds(ask.hold_seconds),
        customer: None,
        location: None,
    };
    Reservation { last_effect_at: Some(now()), ..Reservation::requested(ReservationId(Uuid::new_v4()), &request, None, now()) }
}

fn matched(row: &Reservation, holds: &[ListedHold]) -> Match {
    Candidates::among(row, holds, LINGER).decide(&std::collections::HashSet::new(), &[], 0, LINGER)
}

#[tokio::test]
async fn an_inventory_without_keys_offers_a_list_and_neither_look_up_nor_repeatable_create() {
    let bench = Bench::unkeyed().await;
    let can = bench.supplier().capabilities();
    assert!(can.list && can.release && !can.idempotent_create && !can.lookup && !can.lookup_by_key && !can.idempotent_release);
    let (ask, _) = bench.held().await;
    found(bench.supplier().reserve(&HoldAsk { reference: None, ..ask.clone() }).await);
    assert_eq!(bench.effects(&ask), [Effect::HoldPlaced, Effect::HoldPlaced], "a repeated create holds twice");
}

#[tokio::test]
async fn a_hold_whose_answer_was_lost_is_found_in_a_list_without_keys_among_those_of_others() {
    let bench = Bench::unkeyed().await;
    bench.held().await;
    let ask = HoldAsk { timeout: IMPATIENT, ..bench.order("2", "1") };
    let row = row(&ask, bench.tenant);
    let lost = bench.once(Fault::SwallowAnswer);
    unknown(&bench.supplier().reserve(&ask).await);
    bench.assert_fired(lost);
    bench.held().await;

    let holds = listed(&bench).await;
    assert!(holds.len() == 3 && holds.iter().all(|hold| hold.key.is_none() && hold.created_at.is_some()), "{holds:?}");
    let Match::One(adopted) = matched(&row, &holds) else { panic!("not found: {holds:?}") };
    assert_eq!((adopted.state, adopted.lines.len()), (HoldState::Held, 2));

    let named = HoldAsk { reference: adopted.reference, timeout: IMPATIENT * 10, ..ask };
    let Answer::Done(Look::Found(released)) = bench.call(Operation::Release, &named).await.answer else { panic!("not released") };
    assert_eq!(released.state, HoldState::Released);
    assert_eq!(matched(&row, &listed(&bench).await), Match::Absent, "what is let go is not listed any more");
}

#[tokio::test]
async fn a_hold_that_was_placed_twice_is_not_told_from_its_double() {
    let bench = Bench::unkeyed().await;
    let ask = bench.order("2", "");
    let twice = bench.once(Fault::DuplicateEffect);
    found(bench.supplier().reserve(&ask).await);
    bench.assert_fired(twice);
    let decided = matched(&row(&ask, bench.tenant), &listed(&bench).await);
    assert!(matches!(&decided, Match::Unclear(why) if why.starts_with("2 holds may be this one")), "{decided:?}");
}
