//! Rows, terms and instants for the tests in this room.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::domain::{
    AttemptGroup, CallId, Capabilities, Decision, ExternalReference, Goal, OrderId, OrderLine, OrderLineId, PendingOperation, Policy,
    Quantity, Rejection, Reservation, ReservationId, ReservationStatus as Status, ReservationStep, ReserveRequest, SourceName, TenantId,
};

/// Where every test's clock begins.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// What the inventory calls the hold.
pub(crate) fn reference() -> ExternalReference {
    ExternalReference::parse("HOLD-1").unwrap()
}

/// The id of some call.
pub(crate) fn call() -> CallId {
    CallId(Uuid::from_u128(9))
}

/// The configuration's defaults.
pub(crate) fn policy() -> Policy {
    Policy {
        linger: TimeDelta::seconds(30),
        absent_looks: 3,
        first_check: TimeDelta::seconds(1),
        slowest_check: TimeDelta::minutes(5),
        manual_after: TimeDelta::minutes(15),
        expiry_grace: TimeDelta::seconds(5),
        orphan_after: TimeDelta::seconds(10),
        accept_partial: true,
        auto_extend: None,
    }
}

/// A wish for ten of one thing, on record and not sent.
pub(crate) fn wish() -> Reservation {
    let line = OrderLine { order_line: OrderLineId(Uuid::from_u128(3)), product_offering: "PHONE".into(), quantity: ten(), location: None };
    let request = ReserveRequest {
        tenant: TenantId(Uuid::from_u128(1)),
        source: SourceName::parse("main").unwrap(),
        order: OrderId(Uuid::from_u128(2)),
        step: ReservationStep::parse("reserve").unwrap(),
        group: AttemptGroup::FIRST,
        lines: vec![line],
        hold_for: TimeDelta::hours(1),
        customer: None,
        location: None,
    };
    Reservation::requested(ReservationId(Uuid::from_u128(4)), &request, None, start())
}

fn ten() -> Quantity {
    Quantity::parse("10").unwrap()
}

/// Rows in every state, with everything that a plan looks at in every combination, reachable or not.
pub(crate) fn every_row() -> Vec<Reservation> {
    let mut rows = Vec::new();
    let pendings = [None, Some(PendingOperation::Confirm), Some(PendingOperation::Extend { until: start() + TimeDelta::hours(2) })];
    let expiries = [None, Some(start() - TimeDelta::hours(1)), Some(start() + TimeDelta::hours(1))];
    for status in Status::ALL {
        for pending in pendings {
            for release_wanted in [false, true] {
                for referenced in [false, true] {
                    for expires_at in expiries {
                        let placed = matches!(status, Status::Reserved | Status::Confirmed);
                        rows.push(Reservation {
                            status,
                            pending: pending.filter(|_| placed),
                            release_wanted,
                            reference: (referenced || placed).then(reference),
                            expires_at,
                            reserved_at: placed.then(start),
                            rejection: (status == Status::Rejected).then(|| Rejection { code: "OUT_OF_STOCK".into(), message: None }),
                            last_effect_at: Some(start()),
                            ..wish()
                        });
                    }
                }
            }
        }
    }
    rows.dedup();
    rows
}

/// Every goal, with every decision.
pub(crate) fn every_goal() -> Vec<Goal> {
    let until = start() + TimeDelta::hours(3);
    let mut goals = vec![Goal::Reserve, Goal::Release, Goal::Confirm, Goal::Extend { until }, Goal::Verify, Goal::Resolve];
    goals.extend(
        [Decision::Held(None), Decision::Held(Some(reference())), Decision::NotHeld, Decision::AskAgain, Decision::GiveUp]
            .map(Goal::Decide),
    );
    goals
}

/// Every set of capabilities: one that can repeat a release can release, one that looks by key can look.
pub(crate) fn every_capability_set() -> Vec<Capabilities> {
    let bit = |set: u32, n: u32| set & (1 << n) != 0;
    (0..256)
        .map(|set| Capabilities {
            idempotent_create: bit(set, 0),
            lookup: bit(set, 1),
            release: bit(set, 2),
            idempotent_release: bit(set, 3),
            confirm: bit(set, 4),
            extend: bit(set, 5),
            lookup_by_key: bit(set, 6),
            list: bit(set, 7),
        })
        .filter(|caps| (caps.release || !caps.idempotent_release) && (caps.lookup || !caps.lookup_by_key))
        .collect()
}
