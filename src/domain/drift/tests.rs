//! Every kind of difference, and everything that is none.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::domain::{
    AttemptGroup, Capabilities, ExternalReference, HoldState, IdempotencyKey, LineName, ListedHold, ListedLine, OrderId, OrderLine,
    OrderLineId, PendingOperation, Quantity, Reservation, ReservationId, ReservationStatus as Status, ReservationStep, ReserveRequest,
    SourceName, TenantId,
};

const ALL: Capabilities = Capabilities {
    idempotent_create: true,
    lookup: true,
    lookup_by_key: true,
    release: true,
    idempotent_release: true,
    confirm: true,
    extend: true,
    list: true,
};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

/// Now; the lists were read a minute ago.
const NOW: i64 = 100;

fn order(n: u128) -> OrderId {
    OrderId(Uuid::from_u128(n))
}

/// Order `n`'s reservation of two phones in attempt group `group`, held as `H<n>-<group>` for an hour from now.
fn row(n: u128, group: i64, status: Status) -> Reservation {
    let request = ReserveRequest {
        tenant: TenantId(Uuid::from_u128(1)),
        source: SourceName::parse("main").unwrap(),
        order: order(n),
        step: ReservationStep::parse("reserve").unwrap(),
        group: AttemptGroup::new(group).unwrap(),
        lines: vec![OrderLine {
            order_line: OrderLineId(Uuid::from_u128(9)),
            product_offering: "PHONE".into(),
            quantity: Quantity::parse("2").unwrap(),
            location: None,
        }],
        hold_for: TimeDelta::hours(1),
        customer: None,
        location: None,
    };
    let mut row =
        Reservation::requested(ReservationId(Uuid::from_u128(n * 100 + group as u128)), &request, Some(format!("instance-{n}")), at(0));
    row.status = status;
    row.reference = ExternalReference::parse(&format!("H{n}-{group}")).ok();
    row.reserved_at = Some(at(0));
    row.expires_at = Some(at(NOW + 60));
    row.lines[0].reserved = Some(Decimal::TWO);
    row
}

fn ours(row: Reservation) -> Ours {
    Ours { row, updated_at: at(0) }
}

/// The hold that the row believes in.
fn hold(row: &Reservation) -> ListedHold {
    ListedHold {
        customer: None,
        reference: row.reference.clone().unwrap(),
        key: Some(row.key.as_str().to_owned()),
        order: Some(row.order.to_string()),
        state: HoldState::Held,
        expires_at: row.expires_at,
        created_at: Some(at(0)),
        lines: vec![ListedLine { name: LineName::Id(row.lines[0].line.order_line.to_string()), reserved: Decimal::TWO }],
    }
}

fn named(reference: &str, like: &ListedHold) -> ListedHold {
    ListedHold { reference: ExternalReference::parse(reference).unwrap(), ..like.clone() }
}

fn books(rows: Vec<Ours>, holds: Vec<ListedHold>) -> Books {
    Books {
        source: SourceName::parse("main").unwrap(),
        capabilities: ALL,
        releases_by_reference: true,
        began_at: at(NOW - 1),
        at_rest_for: TimeDelta::zero(),
        holds,
        rows,
        elsewhere: HashMap::new(),
    }
}

fn orders(states: &[(u128, OrderState)]) -> Orders {
    Orders {
        by_instance: states.iter().map(|(n, state)| (format!("instance-{n}"), *state)).collect(),
        by_order: states.iter().map(|(n, state)| (order(*n), *state)).collect(),
    }
}

/// Each difference as "KIND reference remedy".
fn judged(books: &Books, orders: &Orders, consent: Consent) -> Vec<String> {
    let name = |drift: &Drift| drift.hold.as_ref().map_or_else(|| "-".to_owned(), |hold| hold.reference.as_str().to_owned());
    compare(books, orders, consent, at(NOW)).iter().map(|drift| format!("{} {} {}", drift.kind, name(drift), drift.remedy)).collect()
}

fn found(rows: Vec<Reservation>, holds: Vec<ListedHold>) -> Vec<String> {
    judged(&books(rows.into_iter().map(ours).collect(), holds), &Orders::default(), Consent::default())
}

const NONE: [&str; 0] = [];

#[test]
fn books_that_agree_have_no_difference_whatever_the_states() {
    for status in [Status::Reserved, Status::Confirmed] {
        let row = row(1, 1, status);
        let mut hold = hold(&row);
        if status == Status::Confirmed {
            hold.state = HoldState::Confirmed;
        }
        assert_eq!(found(vec![row], vec![hold]), NONE);
    }
    for over in [Status::Rejected, Status::Released, Status::Expired, Status::Requested, Status::Unknown, Status::ReleaseRequested] {
        assert_eq!(found(vec![row(1, 1, over)], vec![]), NONE, "{over}");
    }
}

#[test]
fn a_hold_is_found_by_either_spelling_of_its_key_and_by_reference_only_where_it_has_none() {
    let row = row(1, 1, Status::Reserved);
    let by_uuid = ListedHold { key: Some(row.key.as_uuid(row.tenant, &row.source).to_string().to_uppercase()), ..hold(&row) };
    assert_eq!(found(vec![row.clone()], vec![by_uuid]), NONE);
    assert_eq!(found(vec![row.clone()], vec![ListedHold { key: None, ..hold(&row) }]), NONE);
    let other_key = ListedHold { key: Some("A-17".into()), ..hold(&row) };
    assert_eq!(found(vec![row], vec![other_key]), ["LOST - recheck", "UNMANAGED H1-1 none"]);
}

#[test]
fn somebody_else_s_holds_are_never_touched_whatever_is_consented_to() {
    let all = Consent { release_unconfirmed: true, release_unknown_orders: true };
    let like = hold(&row(1, 1, Status::Reserved));
    for key in [None, Some("A-17"), Some(""), Some("00000000-0000-0000-0000-000000000001:reserve:1:x")] {
        let theirs = ListedHold { key: key.map(str::to_owned), ..like.clone() };
        let judged = judged(&books(vec![], vec![theirs]), &orders(&[(1, OrderState::Terminated)]), all);
        assert_eq!(judged, ["UNMANAGED H1-1 none"], "{key:?}");
    }
}

#[test]
fn a_ghost_is_released_only_if_its_order_is_certainly_over() {
    let ghost = || books(vec![], vec![hold(&row(1, 1, Status::Reserved))]);
    let of = |state, consent| judged(&ghost(), &orders(&[(1, state)]), consent);
    assert_eq!(of(OrderState::Terminated, Consent::default()), ["GHOST H1-1 release"]);
    assert_eq!(of(OrderState::Completed, Consent::default()), ["GHOST H1-1 release"]);
    for unsure in [OrderState::Lives, OrderState::NotKnown, OrderState::NotAsked] {
        assert_eq!(of(unsure, Consent::default()), ["GHOST H1-1 none"], "{unsure:?}");
    }
    let unknown = Consent { release_unknown_orders: true, ..Consent::default() };
    assert_eq!(of(OrderState::NotKnown, unknown), ["GHOST H1-1 release"]);
    assert_eq!(of(OrderState::Lives, unknown), ["GHOST H1-1 none"]);
}

#[test]
fn a_renamed_source_makes_no_ghosts_to_release() {
    let row = row(1, 1, Status::Reserved);
    let mut books = books(vec![], vec![hold(&row)]);
    books.elsewhere = HashMap::from([(row.key.as_str().to_owned(), SourceName::parse("old").unwrap())]);
    assert_eq!(judged(&books, &orders(&[(1, OrderState::Terminated)]), Consent::default()), ["GHOST H1-1 none"]);
}

#[test]
fn a_hold_that_a_reservation_could_not_find_is_adopted_once_a_human_is_needed() {
    let mut row = row(1, 1, Status::Unknown);
    let listed = hold(&row);
    row.reference = None;
    assert_eq!(found(vec![row.clone()], vec![listed.clone()]), NONE, "it is being found out");
    row.manual_since = Some(at(10));
    assert_eq!(found(vec![row.clone()], vec![listed.clone()]), ["GHOST H1-1 adopt"]);
    assert_eq!(found(vec![row], vec![listed.clone(), named("H9", &listed)]), ["DUPLICATE H1-1 none", "DUPLICATE H9 none"]);
}

#[test]
fn a_reservation_without_its_hold_is_lost_and_looked_at_again() {
    let reserved = row(1, 1, Status::Reserved);
    assert_eq!(found(vec![reserved.clone(), row(2, 1, Status::Confirmed)], vec![]), ["LOST - recheck", "LOST - recheck"]);
    let run_out = Reservation { expires_at: Some(at(NOW)), ..reserved.clone() };
    assert_eq!(found(vec![run_out], vec![]), NONE, "it ran out, and is looked after");
    let used = judged(&books(vec![ours(row(2, 1, Status::Confirmed))], vec![]), &orders(&[(2, OrderState::Completed)]), Consent::default());
    assert_eq!(used, NONE, "a commitment that was fulfilled leaves the list");
    let elsewhere = named("H9", &hold(&reserved));
    assert_eq!(found(vec![reserved], vec![elsewhere]), ["GHOST H9 none", "LOST - recheck"]);
}

#[test]
fn a_hold_outlives_neither_its_reservation_nor_its_order() {
    for end in [Status::Rejected, Status::Released, Status::Expired] {
        let row = row(1, 1, end);
        assert_eq!(found(vec![row.clone()], vec![hold(&row)]), ["ORPHAN H1-1 release"], "{end}");
    }
    let of = |status, state, consent| {
        let row = row(1, 1, status);
        let state_there = if status == Status::Confirmed { HoldState::Confirmed } else { HoldState::Held };
        let listed = ListedHold { state: state_there, ..hold(&row) };
        judged(&books(vec![ours(row)], vec![listed]), &orders(&[(1, state)]), consent)
    };
    for status in [Status::Reserved, Status::Confirmed, Status::Requested] {
        assert_eq!(of(status, OrderState::Terminated, Consent::default()), ["ORPHAN H1-1 release"], "{status}");
    }
    assert_eq!(of(Status::Reserved, OrderState::Completed, Consent::default()), ["ORPHAN H1-1 none"]);
    let unconfirmed = Consent { release_unconfirmed: true, ..Consent::default() };
    assert_eq!(of(Status::Reserved, OrderState::Completed, unconfirmed), ["ORPHAN H1-1 release"]);
    assert_eq!(of(Status::Confirmed, OrderState::Completed, unconfirmed), NONE, "that is how orders end");
    for state in [OrderState::Lives, OrderState::NotKnown, OrderState::NotAsked] {
        assert_eq!(of(Status::Reserved, state, unconfirmed), NONE, "{state:?}");
    }
    assert_eq!(of(Status::Requested, OrderState::Lives, Consent::default()), ["GHOST H1-1 none"]);
}

#[test]
fn one_hold_too_many_is_the_one_that_the_reservation_does_not_know() {
    let row = row(1, 1, Status::Reserved);
    let own = hold(&row);
    let twice = || vec![named("H9", &own), own.clone()];
    assert_eq!(found(vec![row.clone()], twice()), ["DUPLICATE H9 release"]);
    let mut by_key = books(vec![ours(row.clone())], twice());
    by_key.releases_by_reference = false;
    assert_eq!(judged(&by_key, &Orders::default(), Consent::default()), ["DUPLICATE H9 none"], "a release by key would let both go");
}

#[test]
fn a_hold_of_an_earlier_attempt_beside_a_live_one_is_a_duplicate_with_and_without_its_reservation() {
    let (first, second) = (row(1, 1, Status::Released), row(1, 2, Status::Reserved));
    let holds = || vec![hold(&first), hold(&second)];
    assert_eq!(found(vec![first.clone(), second.clone()], holds()), ["DUPLICATE H1-1 release"]);
    assert_eq!(found(vec![second.clone()], holds()), ["DUPLICATE H1-1 release"]);
    // With nothing alive beside it, each is what it is.
    assert_eq!(found(vec![first.clone(), row(1, 2, Status::Expired)], holds()), ["ORPHAN H1-1 release", "ORPHAN H1-2 release"]);
}

#[test]
fn quantities_are_compared_line_by_line_by_id_or_by_product() {
    let row = row(1, 1, Status::Reserved);
    let with = |lines: Vec<(LineName, i64)>| {
        let lines = lines.into_iter().map(|(name, n)| ListedLine { name, reserved: Decimal::from(n) }).collect();
        compare(&books(vec![ours(row.clone())], vec![ListedHold { lines, ..hold(&row) }]), &Orders::default(), Consent::default(), at(NOW))
    };
    let id = || LineName::Id(row.lines[0].line.order_line.to_string());
    assert_eq!(with(vec![]), [], "a list that does not say");
    assert_eq!(with(vec![(LineName::Product("PHONE".into()), 2)]), []);
    assert_eq!(with(vec![(id(), 1), (id(), 1)]), []);
    let why = |drifts: Vec<Drift>| drifts.into_iter().map(|d| format!("{} {} {}", d.kind, d.remedy, d.why)).collect::<Vec<_>>();
    assert_eq!(why(with(vec![(id(), 1)])), ["QUANTITY_DRIFT recheck the inventory holds 1 x PHONE instead of 2"]);
    let stranger = with(vec![(LineName::Product("CASE".into()), 1)]);
    assert_eq!(
        why(stranger),
        ["QUANTITY_DRIFT recheck the inventory holds 0 x PHONE instead of 2, 1 of `CASE`, which is no line of this order"]
    );
}

#[test]
fn what_was_held_in_part_is_compared_with_that_part() {
    let mut row = row(1, 1, Status::Reserved);
    row.lines[0].reserved = Some(Decimal::ONE);
    let mut listed = hold(&row);
    assert_eq!(found(vec![row.clone()], vec![listed.clone()]), ["QUANTITY_DRIFT H1-1 recheck"]);
    listed.lines[0].reserved = "1.000000".parse().unwrap();
    assert_eq!(found(vec![row], vec![listed]), NONE);
}

#[test]
fn another_end_of_a_hold_is_a_drift_and_a_cut_second_is_none() {
    let row = row(1, 1, Status::Reserved);
    let until = |at| vec![ListedHold { expires_at: at, ..hold(&row) }];
    assert_eq!(found(vec![row.clone()], until(Some(at(NOW + 60) - TimeDelta::milliseconds(999)))), NONE);
    assert_eq!(found(vec![row.clone()], until(None)), NONE, "a list that does not say");
    assert_eq!(found(vec![row.clone()], until(Some(at(NOW + 59)))), ["EXPIRY_DRIFT H1-1 recheck"]);
    let confirmed = ListedHold { state: HoldState::Confirmed, ..hold(&row) };
    assert_eq!(found(vec![row.clone()], vec![confirmed]), ["EXPIRY_DRIFT H1-1 recheck"]);
}

#[test]
fn a_commitment_that_the_inventory_only_holds_is_pointed_out_where_it_can_be_told() {
    let row = row(1, 1, Status::Confirmed);
    let mut books = books(vec![ours(row.clone())], vec![hold(&row)]);
    assert_eq!(judged(&books, &Orders::default(), Consent::default()), ["EXPIRY_DRIFT H1-1 none"]);
    books.capabilities.confirm = false;
    assert_eq!(judged(&books, &Orders::default(), Consent::default()), NONE);
}

#[test]
fn what_moves_is_not_judged() {
    let still = row(1, 1, Status::Reserved);
    let moving: [fn(&mut Ours); 4] = [
        |ours| ours.updated_at = at(NOW),
        |ours| ours.row.release_wanted = true,
        |ours| ours.row.pending = Some(PendingOperation::Confirm),
        |ours| ours.row.pending = Some(PendingOperation::Extend { until: at(NOW + 90) }),
    ];
    for change in moving {
        let mut ours = ours(still.clone());
        change(&mut ours);
        let short = ListedHold { lines: vec![], expires_at: Some(at(NOW)), ..hold(&still) };
        for holds in [vec![], vec![short]] {
            let judged = judged(&books(vec![ours.clone()], holds), &orders(&[(1, OrderState::Terminated)]), Consent::default());
            assert_eq!(judged, NONE, "{ours:?}");
        }
    }
    for letting_go in [Status::ReleaseRequested, Status::ReleaseUnknown] {
        let row = row(1, 1, letting_go);
        assert_eq!(found(vec![row.clone()], vec![hold(&row)]), NONE, "{letting_go}");
    }
}

#[test]
fn an_inventory_that_can_neither_look_nor_release_is_only_reported_on() {
    let (lost, orphan) = (row(1, 1, Status::Reserved), row(2, 1, Status::Released));
    let mut books = books(vec![ours(lost), ours(orphan.clone())], vec![hold(&orphan)]);
    books.capabilities = Capabilities { lookup: false, release: false, ..ALL };
    assert_eq!(judged(&books, &Orders::default(), Consent::default()), ["LOST - none", "ORPHAN H2-1 none"]);
}

#[test]
fn kinds_and_remedies_are_read_as_they_are_written() {
    for kind in DriftKind::ALL {
        assert_eq!(DriftKind::parse(kind.as_str()), Some(kind));
    }
    for remedy in Remedy::ALL {
        assert_eq!(Remedy::parse(remedy.as_str()), Some(remedy));
    }
    assert_eq!((DriftKind::parse("ghost"), Remedy::parse("RELEASE")), (None, None));
    assert_eq!(IdempotencyKey::parts("A-1"), None);
}
