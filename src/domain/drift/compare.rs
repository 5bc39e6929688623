//! The comparison: each listed hold and each reservation is judged once, and for one reason.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::amounts;
use super::books::{Books, Consent, OrderState, Orders, Ours};
use super::finding::{Drift, DriftKind, Remedy};
use crate::domain::{IdempotencyKey, ListedHold, OrderId, PendingOperation, Reservation, ReservationStatus as Status, ReservationStep};

/// Says what differs, by kind and then by reference.
#[must_use]
pub fn compare(books: &Books, orders: &Orders, consent: Consent, now: DateTime<Utc>) -> Vec<Drift> {
    let index = Index::of(books);
    let matched: Vec<Option<&Ours>> = books.holds.iter().map(|hold| index.find(hold)).collect();
    let judge = Judge { books, orders, consent, now };
    let extras = judge.extras(&matched);
    let mut drifts = Vec::new();
    let mut present = HashSet::new();
    for (n, (hold, ours)) in books.holds.iter().zip(&matched).enumerate() {
        if let Some(ours) = ours.filter(|ours| is_its_own(&ours.row, hold)) {
            present.insert(ours.row.id);
        }
        drifts.extend(match (extras.get(&n), ours) {
            (Some(extra), ours) => judge.extra(hold, *ours, *extra),
            (None, Some(ours)) => judge.known(hold, ours),
            (None, None) => vec![judge.stranger(hold)],
        });
    }
    drifts.extend(books.rows.iter().filter(|ours| !present.contains(&ours.row.id)).filter_map(|ours| judge.without_hold(ours)));
    drifts.sort_by(|a, b| (a.kind, name(a)).cmp(&(b.kind, name(b))));
    drifts
}

fn name(drift: &Drift) -> (Option<&str>, Option<crate::domain::ReservationId>) {
    (drift.hold.as_ref().map(|hold| hold.reference.as_str()), drift.row.as_ref().map(|row| row.id))
}

/// The hold is the one that the row knows, or may yet turn out to be.
fn is_its_own(row: &Reservation, hold: &ListedHold) -> bool {
    row.reference.as_ref().is_none_or(|reference| *reference == hold.reference)
}

/// Our reservations, to be found by what an inventory calls them.
struct Index<'a> {
    by_key: HashMap<String, &'a Ours>,
    by_reference: HashMap<&'a str, &'a Ours>,
}

impl<'a> Index<'a> {
    fn of(books: &'a Books) -> Self {
        let mut index = Self { by_key: HashMap::new(), by_reference: HashMap::new() };
        for ours in &books.rows {
            let row = &ours.row;
            index.by_key.insert(row.key.as_str().to_owned(), ours);
            index.by_key.insert(row.key.as_uuid(row.tenant, &row.source).to_string(), ours);
            if let Some(reference) = &row.reference {
                index.by_reference.insert(reference.as_str(), ours);
            }
        }
        index
    }

    /// By key, in either of its spellings; by reference only where the inventory keeps no key, for a key that is there says whose it is.
    fn find(&self, hold: &ListedHold) -> Option<&'a Ours> {
        match &hold.key {
            Some(key) => self.by_key.get(key).or_else(|| self.by_key.get(&key.to_ascii_lowercase())).copied(),
            None => self.by_reference.get(hold.reference.as_str()).copied(),
        }
    }
}

/// A hold that is one too many.
#[derive(Debug, Clone, Copy)]
enum Extra<'a> {
    /// Beside this one, which its reservation knows.
    Beside(&'a ListedHold),
    /// Among several, of which nobody can say which is the one.
    Among(usize),
}

struct Judge<'a> {
    books: &'a Books,
    orders: &'a Orders,
    consent: Consent,
    now: DateTime<Utc>,
}

impl<'a> Judge<'a> {
    /// The holds that are one too many, by their place in the list.
    fn extras(&self, matched: &[Option<&'a Ours>]) -> HashMap<usize, Extra<'a>> {
        // Order ids are unique by themselves, so that a hold without a reservation needs no tenant to be put beside others.
        let mut steps: HashMap<(OrderId, ReservationStep), Vec<usize>> = HashMap::new();
        for (n, (hold, ours)) in self.books.holds.iter().zip(matched).enumerate() {
            let step = ours.map(|ours| (ours.row.order, ours.row.step.clone())).or_else(|| key_of_ours(hold));
            if let Some(step) = step {
                steps.entry(step).or_default().push(n);
            }
        }
        let mut extras = HashMap::new();
        for places in steps.into_values().filter(|places| places.len() > 1) {
            let live: Vec<usize> = places.iter().copied().filter(|n| self.is_kept(*n, matched)).collect();
            match live.as_slice() {
                [kept] => {
                    for n in places.iter().filter(|n| *n != kept) {
                        extras.insert(*n, Extra::Beside(&self.books.holds[*kept]));
                    }
                }
                // Nothing here is alive: each hold is one that should not be, and is judged by itself.
                [] => {}
                several => {
                    for n in several {
                        extras.insert(*n, Extra::Among(several.len()));
                    }
                }
            }
        }
        extras
    }

    /// The hold is what its reservation lives on.
    fn is_kept(&self, n: usize, matched: &[Option<&'a Ours>]) -> bool {
        matched[n].is_some_and(|ours| !ours.row.status.is_end() && is_its_own(&ours.row, &self.books.holds[n]))
    }

    fn extra(&self, hold: &ListedHold, ours: Option<&Ours>, extra: Extra<'_>) -> Vec<Drift> {
        if ours.is_some_and(|ours| self.is_moving(ours)) {
            return Vec::new();
        }
        let row = ours.map(|ours| &ours.row);
        let (why, remedy) = match extra {
            Extra::Beside(kept) => {
                let own_key = hold.key != kept.key && hold.key.is_some();
                let apart = own_key || self.books.releases_by_reference;
                let why = format!("the order step is held by {} already", kept.reference.as_str());
                if apart && self.books.capabilities.release {
                    (why, Remedy::Release)
                } else {
                    (format!("{why}, and the inventory releases by key only: that would let both go"), Remedy::None)
                }
            }
            Extra::Among(several) => {
                (format!("one of {several} holds of which the reservation does not know its own: a human must look"), Remedy::None)
            }
        };
        vec![drift(DriftKind::Duplicate, Some(hold), row, why, remedy)]
    }

    /// A hold that has a reservation.
    fn known(&self, hold: &ListedHold, ours: &Ours) -> Vec<Drift> {
        let row = &ours.row;
        if self.is_moving(ours) {
            return Vec::new();
        }
        let one = |kind, why: String, remedy| vec![drift(kind, Some(hold), Some(row), why, remedy)];
        if let Some(reference) = row.reference.as_ref().filter(|reference| **reference != hold.reference && !row.status.is_end()) {
            let why = format!("it is under the key of reservation {}, which knows its hold as {}", row.id, reference.as_str());
            return one(DriftKind::Ghost, why, Remedy::None);
        }
        match row.status {
            Status::Reserved | Status::Confirmed => match self.order_is_over(row) {
                Some((why, remedy)) => one(DriftKind::Orphan, why, remedy),
                None => self.amounts(hold, row),
            },
            Status::Rejected | Status::Released | Status::Expired => {
                let why = format!("the reservation is {}, and the inventory still holds", row.status);
                one(DriftKind::Orphan, why, self.if_releasable(Remedy::Release))
            }
            Status::Requested => match self.orders.of(row) {
                OrderState::Terminated => {
                    let why = "its order was ended from outside, and nothing was believed to be held".to_owned();
                    one(DriftKind::Orphan, why, self.if_releasable(Remedy::Release))
                }
                _ => {
                    let why = "the reservation is REQUESTED: it is believed that nothing was held. Sent again, it will find the hold if the inventory \
                               remembers the key"
                        .to_owned();
                    one(DriftKind::Ghost, why, Remedy::None)
                }
            },
            Status::Unknown => {
                let why = "its outcome is open and could not be found out; the list shows the hold".to_owned();
                one(DriftKind::Ghost, why, Remedy::Adopt)
            }
            // Letting go is under way.
            Status::ReleaseRequested | Status::ReleaseUnknown => Vec::new(),
        }
    }

    fn amounts(&self, hold: &ListedHold, row: &Reservation) -> Vec<Drift> {
        let looks = if self.books.capabilities.lookup { Remedy::Recheck } else { Remedy::None };
        let mut drifts = Vec::new();
        if let Some(why) = amounts::quantities(row, hold) {
            drifts.push(drift(DriftKind::QuantityDrift, Some(hold), Some(row), why, looks));
        }
        if let Some(why) = amounts::expiry(row, hold, self.books.capabilities.confirm) {
            // A commitment that the inventory does not know of is not mended by looking.
            let remedy = if row.status == Status::Confirmed { Remedy::None } else { looks };
            drifts.push(drift(DriftKind::ExpiryDrift, Some(hold), Some(row), why, remedy));
        }
        drifts
    }

    fn order_is_over(&self, row: &Reservation) -> Option<(String, Remedy)> {
        match self.orders.of(row) {
            OrderState::Terminated => {
                Some(("its order was ended from outside, without giving the hold back".to_owned(), self.if_releasable(Remedy::Release)))
            }
            OrderState::Completed if row.status == Status::Reserved => {
                let remedy = if self.consent.release_unconfirmed { self.if_releasable(Remedy::Release) } else { Remedy::None };
                Some(("its order's process came to its end, and the hold was neither confirmed nor given back".to_owned(), remedy))
            }
            OrderState::Completed | OrderState::Lives | OrderState::NotKnown | OrderState::NotAsked => None,
        }
    }

    /// A hold without a reservation.
    fn stranger(&self, hold: &ListedHold) -> Drift {
        let unmanaged = |why: &str| drift(DriftKind::Unmanaged, Some(hold), None, why.to_owned(), Remedy::None);
        let Some(key) = &hold.key else { return unmanaged("the inventory lists no key for it") };
        let Some((order, _)) = key_of_ours(hold) else { return unmanaged("its key is not one of ours") };
        let ghost = |why: String, remedy| drift(DriftKind::Ghost, Some(hold), None, why, remedy);
        if let Some(source) = self.books.elsewhere.get(key) {
            return ghost(format!("its key belongs to a reservation with `{source}`: was the source renamed?"), Remedy::None);
        }
        let release = self.if_releasable(Remedy::Release);
        match self.orders.of_id(order) {
            OrderState::Completed | OrderState::Terminated => ghost("there is no reservation, and the order is over".to_owned(), release),
            OrderState::Lives => {
                ghost("there is no reservation, but the order is under way and may still ask for it".to_owned(), Remedy::None)
            }
            OrderState::NotKnown => {
                let remedy = if self.consent.release_unknown_orders { release } else { Remedy::None };
                ghost("there is no reservation, and the engine does not know the order".to_owned(), remedy)
            }
            OrderState::NotAsked => {
                ghost("there is no reservation, and the engine could not be asked about the order".to_owned(), Remedy::None)
            }
        }
    }

    /// A reservation without a hold.
    fn without_hold(&self, ours: &Ours) -> Option<Drift> {
        let row = &ours.row;
        let says_held = matches!(row.status, Status::Reserved | Status::Confirmed);
        // Running out is the way of holds, and a commitment that was fulfilled leaves the list.
        let is_over = row.status == Status::Reserved && row.expires_at.is_some_and(|at| at <= self.now);
        let was_used = row.status == Status::Confirmed && self.orders.of(row) == OrderState::Completed;
        if !says_held || is_over || was_used || self.is_moving(ours) {
            return None;
        }
        let remedy = if self.books.capabilities.lookup { Remedy::Recheck } else { Remedy::None };
        Some(drift(
            DriftKind::Lost,
            None,
            Some(row),
            format!("the reservation is {}, and the inventory lists nothing for it", row.status),
            remedy,
        ))
    }

    /// The row is being worked on, will be looked after by itself, or changed since the list was begun.
    fn is_moving(&self, ours: &Ours) -> bool {
        let row = &ours.row;
        let in_hand = row.open_call.is_some()
            || row.release_wanted
            || matches!(row.pending, Some(PendingOperation::Confirm | PendingOperation::Extend { .. }));
        let found_out = row.status == Status::Unknown && row.manual_since.is_none();
        in_hand || found_out || ours.updated_at > self.books.began_at - self.books.at_rest_for
    }

    fn if_releasable(&self, remedy: Remedy) -> Remedy {
        if self.books.capabilities.release { remedy } else { Remedy::None }
    }
}

/// The order step of a hold whose key is one of ours.
fn key_of_ours(hold: &ListedHold) -> Option<(OrderId, ReservationStep)> {
    IdempotencyKey::parts(hold.key.as_deref()?).map(|(order, step, _)| (order, step))
}

fn drift(kind: DriftKind, hold: Option<&ListedHold>, row: Option<&Reservation>, why: String, remedy: Remedy) -> Drift {
    Drift { kind, hold: hold.cloned(), row: row.cloned(), why, remedy }
}
