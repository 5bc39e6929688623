//! Setting stock aside: the key first, then every line, then the hold.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::answer::{Answer, Refusal, ShortLine};
use super::tenant::{KeyOutcome, KeyRecord, Tenant};
use crate::simulator::amount::Amount;
use crate::simulator::clock::Instant;
use crate::simulator::command::ReserveRequest;
use crate::simulator::config::{CreateMode, SimulatorConfig};
use crate::simulator::entry::{AskedLine, Effect};
use crate::simulator::hold::{Hold, HoldLine, HoldState};

/// What a reservation needs to know beside the request.
#[derive(Debug)]
pub(crate) struct Terms<'a> {
    pub(super) config: &'a SimulatorConfig,
    pub(super) now: Instant,
    /// The reference that a new hold would get.
    pub(super) reference: String,
    /// Acts although the key was seen: the fault that places a second hold.
    pub(super) again: bool,
}

impl Tenant {
    /// Sets stock aside, or answers what this key led to before.
    pub(super) fn reserve(&mut self, request: &ReserveRequest, terms: &Terms<'_>) -> Answer {
        let remembers = terms.config.create == CreateMode::Idempotent;
        let fingerprint = fingerprint(request);
        if remembers
            && !terms.again
            && let Some(answer) = self.remembered(&request.request_key, fingerprint)
        {
            return answer;
        }
        let outcome = match self.take_lines(request, terms) {
            Ok(lines) => {
                let hold = new_hold(request, terms, lines);
                let answer = Answer::hold(201, &hold, Effect::HoldPlaced);
                self.file(hold);
                self.remember_hold(request, fingerprint, terms);
                return answer;
            }
            Err(refusal) => refusal,
        };
        let answer = Answer::refused(&outcome);
        if remembers {
            self.remember_refusal(request, outcome);
        }
        answer
    }

    /// Makes a refusal the lasting answer to this key.
    pub(super) fn remember_refusal(&mut self, request: &ReserveRequest, refusal: Refusal) {
        let record = KeyRecord { fingerprint: fingerprint(request), outcome: KeyOutcome::Refused(refusal) };
        self.keys.entry(request.request_key.clone()).or_insert(record);
    }

    fn remembered(&self, key: &str, fingerprint: u64) -> Option<Answer> {
        let record = self.keys.get(key)?;
        if record.fingerprint != fingerprint {
            let message = "this requestKey was used for another request";
            return Some(Answer::refused(&Refusal::new(409, "KEY_REUSED", message)));
        }
        match &record.outcome {
            KeyOutcome::Refused(refusal) => Some(Answer::refused(refusal)),
            KeyOutcome::Held(_) => self.hold_of_key(key).map(|hold| Answer::hold(200, hold, Effect::None)),
        }
    }

    fn remember_hold(&mut self, request: &ReserveRequest, fingerprint: u64, terms: &Terms<'_>) {
        let key = request.request_key.clone();
        let record = self.keys.entry(key).or_insert(KeyRecord { fingerprint, outcome: KeyOutcome::Held(Vec::new()) });
        match &mut record.outcome {
            KeyOutcome::Held(references) => references.push(terms.reference.clone()),
            KeyOutcome::Refused(_) => record.outcome = KeyOutcome::Held(vec![terms.reference.clone()]),
        }
    }

    /// Takes what each line gets, or takes nothing and says why.
    fn take_lines(&mut self, request: &ReserveRequest, terms: &Terms<'_>) -> Result<Vec<HoldLine>, Refusal> {
        let default = terms.config.default_stock;
        let unknown = |line: &&AskedLine| self.shelf.available(&line.sku, line.location_id.as_deref(), default).is_none();
        if let Some(line) = request.lines.iter().find(unknown) {
            let mut refusal = Refusal::new(422, "UNKNOWN_PRODUCT", format!("there is no product {:?}", line.sku));
            refusal.lines.push(ShortLine { line_id: line.line_id.clone(), available: Amount::ZERO });
            return Err(refusal);
        }
        let mut taken = Vec::with_capacity(request.lines.len());
        let mut short = Vec::new();
        for line in &request.lines {
            let location = line.location_id.as_deref();
            let available = self.shelf.available(&line.sku, location, default).unwrap_or(Amount::ZERO);
            if available < line.quantity {
                short.push(ShortLine { line_id: line.line_id.clone(), available });
            }
            let source = self.shelf.source(&line.sku, location, default);
            let reserved = line.quantity.min(available);
            self.shelf.hold(&line.sku, source.as_deref(), reserved.get());
            taken.push(HoldLine {
                line_id: line.line_id.clone(),
                sku: line.sku.clone(),
                location_id: line.location_id.clone(),
                requested: line.quantity,
                reserved,
                taken_from: source,
            });
        }
        let part_will_do = terms.config.partial && request.allow_partial;
        let something = taken.iter().any(|line| line.reserved.get() > Decimal::ZERO);
        if short.is_empty() || (part_will_do && something) {
            return Ok(taken);
        }
        for line in &taken {
            self.shelf.hold(&line.sku, line.taken_from.as_deref(), -line.reserved.get());
        }
        let mut refusal = Refusal::new(409, "OUT_OF_STOCK", "there is not enough in stock");
        refusal.lines = short;
        Err(refusal)
    }
}

fn new_hold(request: &ReserveRequest, terms: &Terms<'_>, lines: Vec<HoldLine>) -> Hold {
    let longest = terms.config.max_hold_seconds.unwrap_or(u64::MAX);
    Hold {
        reference: terms.reference.clone(),
        request_key: request.request_key.clone(),
        order_id: request.order_id.clone(),
        state: HoldState::Held,
        expires_at: later(terms.now, request.hold_seconds.min(longest).saturating_mul(1000)),
        created_at: terms.now,
        lines,
        visible_at: later(terms.now, terms.config.lookup_lag_ms),
        consumed: false,
    }
}

/// An instant so many milliseconds on; the end of time if that is beyond it.
pub(super) fn later(now: Instant, milliseconds: u64) -> Instant {
    let step = i64::try_from(milliseconds).ok().and_then(TimeDelta::try_milliseconds);
    step.and_then(|step| now.checked_add_signed(step)).unwrap_or(Instant::MAX_UTC)
}

fn fingerprint(request: &ReserveRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.hash(&mut hasher);
    hasher.finish()
}
