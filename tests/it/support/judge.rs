//! The judge: whether engine, database and inventory tell the same story of an order.

use std::collections::{BTreeMap, BTreeSet};

use holdfast::simulator::{Effect, Operation, Origin};

use super::order::{BY_ITSELF, Order};
use super::rows::Row;
use super::wait::until;

impl Order<'_> {
    /// Waits until nothing is open, then compares all three.
    pub(crate) async fn judge(&self) {
        let rows = until(&format!("order {} is at rest", self.id), BY_ITSELF, async || {
            Some(self.rows().await).filter(|rows| rows.iter().all(Row::is_at_rest))
        })
        .await;
        self.holds_and_rows_agree(&rows);
        self.engine_agrees(&rows).await;
        self.judge_what_happened().await;
    }

    /// Judges what must be so at any moment, while outcomes are still open.
    pub(crate) async fn judge_what_happened(&self) {
        self.no_two_holds_at_any_time();
        self.every_hold_has_a_row(&self.rows().await);
        self.every_effect_was_on_record_before().await;
        self.moves_and_facts_have_no_gap().await;
    }

    fn holds_and_rows_agree(&self, rows: &[Row]) {
        let active: BTreeSet<String> = self.holds().into_iter().filter(|hold| hold.state.is_active()).map(|hold| hold.reference).collect();
        let believed: BTreeSet<String> =
            rows.iter().filter(|row| row.says_held()).map(|row| row.external_reservation_ref.clone().unwrap()).collect();
        assert_eq!(active, believed, "the inventory's holds and ours: {rows:?}");
    }

    async fn engine_agrees(&self, rows: &[Row]) {
        let held: Vec<&str> = rows.iter().filter(|row| row.says_held()).map(|row| row.status.as_str()).collect();
        let expected: &[&str] = match self.ends().await.last().map(String::as_str) {
            Some("End_OrderFulfilled" | "End_CancelledTooLate") => &["CONFIRMED"],
            Some(_) => &[],
            None if self.has_ended().await => &[],
            None => &["RESERVED"],
        };
        assert_eq!(held, expected, "what the order's end in the engine asks for");
    }

    fn no_two_holds_at_any_time(&self) {
        let mut active = BTreeSet::new();
        for entry in self.ledger() {
            let Some(reference) = entry.reference else { continue };
            match entry.effect {
                Effect::HoldPlaced => drop(active.insert(reference)),
                Effect::HoldReleased | Effect::HoldExpired | Effect::Forgotten => drop(active.remove(&reference)),
                Effect::HoldConfirmed | Effect::HoldExtended | Effect::Drifted | Effect::Refused | Effect::None => {}
            }
            assert!(active.len() <= 1, "two holds at once after entry {} of the ledger: {active:?}", entry.seq);
        }
    }

    fn every_hold_has_a_row(&self, rows: &[Row]) {
        for hold in self.holds() {
            let row = rows.iter().find(|row| row.idempotency_key == hold.request_key);
            assert!(row.is_some(), "a hold without a row: {hold:?}");
        }
    }

    /// Whatever reached the inventory was put on record here before it was sent.
    async fn every_effect_was_on_record_before(&self) {
        let calls = self.calls().await;
        for (operation, name) in [
            (Operation::Reserve, "reserve"),
            (Operation::Release, "release"),
            (Operation::Confirm, "confirm"),
            (Operation::Extend, "extend"),
        ] {
            let mut arrived: Vec<_> = self.ledger().into_iter().filter(|e| e.operation == operation && e.by == Origin::Client).collect();
            arrived.sort_by_key(|entry| entry.received_at);
            for (before, entry) in arrived.iter().enumerate() {
                let on_record = calls.iter().filter(|call| call.operation == name && call.started_at <= entry.received_at).count();
                assert!(on_record > before, "a {name} reached the inventory before it was on record: {entry:?}, {calls:?}");
            }
        }
    }

    async fn moves_and_facts_have_no_gap(&self) {
        let mut stands = BTreeMap::new();
        for step in self.moves().await {
            let before = stands.insert(step.reservation_id, step.to_status.clone());
            assert_eq!(before, step.from_status, "{step:?} does not begin where the one before ended");
        }
        for row in self.rows().await {
            assert_eq!(stands.get(&row.reservation_id), Some(&row.status), "the moves of {row:?} lead elsewhere");
        }
        let mut told = BTreeMap::new();
        for fact in self.facts().await {
            let sequence = told.entry(fact.aggregate_id).or_insert(0);
            *sequence += 1;
            assert_eq!(fact.sequence, *sequence, "{fact:?}");
        }
    }
}
