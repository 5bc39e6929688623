//! Reads: what is available, which hold is this, which holds are there. They may lag behind the truth.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;

use super::answer::{Answer, Refusal};
use super::tenant::Tenant;
use crate::simulator::amount::Amount;
use crate::simulator::clock::Instant;
use crate::simulator::command::{CheckRequest, ListRequest};
use crate::simulator::config::{LookupMode, SimulatorConfig};
use crate::simulator::entry::Effect;
use crate::simulator::hold::Hold;

#[derive(Serialize)]
struct Availability<'a> {
    reference: &'a str,
    lines: Vec<AvailabilityLine<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AvailabilityLine<'a> {
    line_id: &'a str,
    sku: &'a str,
    available: Amount,
    state: &'static str,
}

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<&'a Hold>,
    next: Option<&'a str>,
}

impl Tenant {
    /// Says what there is; lines of the same product compete with each other.
    pub(super) fn check(&self, request: &CheckRequest, reference: &str, config: &SimulatorConfig) -> Answer {
        let mut promised: BTreeMap<(&str, Option<&str>), Amount> = BTreeMap::new();
        let mut lines = Vec::with_capacity(request.lines.len());
        for line in &request.lines {
            let place = (line.sku.as_str(), line.location_id.as_deref());
            let stock = self.shelf.available(place.0, place.1, config.default_stock).unwrap_or(Amount::ZERO);
            let earlier = promised.entry(place).or_default();
            let available = Amount::new(stock.get() - earlier.get()).max(Amount::ZERO);
            *earlier = Amount::new(earlier.get() + line.quantity.min(available).get());
            let state = match available {
                none if none == Amount::ZERO => "UNAVAILABLE",
                some if some < line.quantity => "PARTIAL",
                _ => "AVAILABLE",
            };
            lines.push(AvailabilityLine { line_id: &line.line_id, sku: &line.sku, available, state });
        }
        Answer::told(&Availability { reference: request.reference.as_deref().unwrap_or(reference), lines })
    }

    /// Finds a hold by the key of its request.
    pub(super) fn lookup_key(&self, key: &str, now: Instant, config: &SimulatorConfig) -> Result<Answer, Refusal> {
        if config.lookup != LookupMode::ByKey {
            return Err(Refusal::not_supported("look a reservation up by its key"));
        }
        let hold = self.hold_of_key(key).filter(|hold| hold.visible_at <= now).ok_or_else(Refusal::not_found)?;
        Ok(Answer::hold(200, hold, Effect::None))
    }

    /// Finds a hold by its reference.
    pub(super) fn lookup_reference(&self, reference: &str, now: Instant, config: &SimulatorConfig) -> Result<Answer, Refusal> {
        if config.lookup == LookupMode::None {
            return Err(Refusal::not_supported("look a reservation up"));
        }
        let hold = self.visible(reference, now).ok_or_else(Refusal::not_found)?;
        Ok(Answer::hold(200, hold, Effect::None))
    }

    /// One page of holds in the order of their creation.
    pub(super) fn list(&self, request: &ListRequest, now: Instant, config: &SimulatorConfig) -> Result<Answer, Refusal> {
        if !config.list {
            return Err(Refusal::not_supported("list reservations"));
        }
        let start = request.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = (start, Bound::Unbounded);
        let wanted = |hold: &&Hold| hold.visible_at <= now && request.states.contains(&hold.state);
        let only_active = request.states.iter().all(|state| state.is_active());
        let mut items: Vec<&Hold> = if only_active {
            let active = self.active.range::<str, _>(range);
            active.filter_map(|reference| self.holds.get(reference)).filter(wanted).take(request.limit + 1).collect()
        } else {
            self.holds.range::<str, _>(range).map(|(_, hold)| hold).filter(wanted).take(request.limit + 1).collect()
        };
        let more = items.len() > request.limit;
        items.truncate(request.limit);
        let next = items.last().filter(|_| more).map(|hold| hold.reference.as_str());
        Ok(Answer::told(&Page { items, next }))
    }
}
