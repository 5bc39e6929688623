//! What belongs to one tenant: stock, holds, and what each request key led to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;

use super::answer::Refusal;
use super::shelf::Shelf;
use crate::simulator::clock::Instant;
use crate::simulator::hold::{Hold, HoldState};

/// The holds and the stock of one tenant; no other tenant sees them.
#[derive(Debug, Default)]
pub(crate) struct Tenant {
    pub(super) shelf: Shelf,
    /// By reference, and references grow: the order is that of creation.
    pub(super) holds: BTreeMap<String, Hold>,
    /// References of the holds that keep stock, so that listing them does not walk through the past.
    pub(super) active: BTreeSet<String>,
    pub(super) keys: HashMap<String, KeyRecord>,
}

/// What a request key led to.
#[derive(Debug)]
pub(crate) struct KeyRecord {
    pub(super) fingerprint: u64,
    pub(super) outcome: KeyOutcome,
}

/// A request key leads to holds (several, if the inventory duplicates) or to a refusal.
#[derive(Debug)]
pub(crate) enum KeyOutcome {
    Held(Vec<String>),
    Refused(Refusal),
}

impl Tenant {
    /// The hold that a key stands for: an active one before one that has ended.
    pub(super) fn hold_of_key(&self, key: &str) -> Option<&Hold> {
        let KeyOutcome::Held(references) = &self.keys.get(key)?.outcome else { return None };
        let holds = || references.iter().filter_map(|reference| self.holds.get(reference));
        holds().find(|hold| hold.state.is_active()).or_else(|| holds().next_back())
    }

    /// The hold of a reference, for reads: young holds may not be visible yet.
    pub(super) fn visible(&self, reference: &str, now: Instant) -> Option<&Hold> {
        self.holds.get(reference).filter(|hold| hold.visible_at <= now)
    }

    /// Files a new hold whose stock is set aside already.
    pub(super) fn file(&mut self, hold: Hold) {
        self.active.insert(hold.reference.clone());
        self.holds.insert(hold.reference.clone(), hold);
    }

    /// Ends a hold and gives its stock back.
    pub(super) fn end(&mut self, reference: &str, state: HoldState) -> Option<&Hold> {
        let hold = self.holds.get_mut(reference)?;
        if self.active.remove(reference) {
            for line in &hold.lines {
                self.shelf.hold(&line.sku, line.taken_from.as_deref(), -line.reserved.get());
            }
        }
        hold.state = state;
        Some(hold)
    }

    /// Ends a hold and leaves no trace of it, its key included.
    pub(super) fn forget(&mut self, reference: &str) -> Option<Hold> {
        self.end(reference, HoldState::Released)?;
        let hold = self.holds.remove(reference)?;
        if let Some(KeyRecord { outcome: KeyOutcome::Held(references), .. }) = self.keys.get_mut(&hold.request_key) {
            references.retain(|other| other != reference);
            if references.is_empty() {
                self.keys.remove(&hold.request_key);
            }
        }
        Some(hold)
    }

    /// Changes what a line has set aside; stock follows.
    pub(super) fn set_reserved(&mut self, reference: &str, line: usize, reserved: Decimal) {
        let Some(hold) = self.holds.get_mut(reference) else { return };
        let Some(line) = hold.lines.get_mut(line) else { return };
        if hold.state.is_active() {
            let more = reserved - line.reserved.get();
            self.shelf.hold(&line.sku, line.taken_from.as_deref(), more);
        }
        line.reserved = crate::simulator::amount::Amount::new(reserved);
    }
}
