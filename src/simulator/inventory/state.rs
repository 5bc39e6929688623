//! All tenants together, the clock's queue of holds that end, and the ledger that everything goes through.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::answer::{Answer, Refusal};
use super::record::Cause;
use super::reserve::Terms;
use super::shelf::StockLevel;
use super::tenant::Tenant;
use crate::simulator::amount::Amount;
use crate::simulator::clock::Instant;
use crate::simulator::command::{Call, Command};
use crate::simulator::config::SimulatorConfig;
use crate::simulator::entry::{Answered, Effect, Operation, Origin};
use crate::simulator::hold::{Hold, HoldState};
use crate::simulator::ledger::Ledger;
use crate::simulator::webhook::Webhook;

/// How a request is acted upon: when, under which fault, and whether its true answer will go out.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) now: Instant,
    pub(crate) answered: Answered,
    pub(crate) fault: Option<&'static str>,
    /// Acts a second time, whatever the request key led to.
    pub(crate) again: bool,
    /// How often a notice of it is queued; with none, the notice comes back with the answer.
    pub(crate) notices: u8,
}

/// When something happens: by the simulator's clock, and by the machine's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) received_at: Instant,
}

/// Stock, holds and ledger of everybody.
#[derive(Debug)]
pub(crate) struct Inventory {
    config: Arc<SimulatorConfig>,
    pub(super) tenants: HashMap<String, Tenant>,
    pub(super) due: BinaryHeap<Reverse<(Instant, String, String)>>,
    pub(super) ledger: Ledger,
    pub(super) webhook: Arc<Webhook>,
    pub(super) run: String,
    named: u64,
}

impl Inventory {
    /// An inventory without stock; `run` goes into every reference and tells this run from others.
    pub(crate) fn new(config: Arc<SimulatorConfig>, ledger: Ledger, webhook: Arc<Webhook>, run: String) -> Self {
        Self { config, tenants: HashMap::new(), due: BinaryHeap::new(), ledger, webhook, run, named: 0 }
    }

    /// Does what is asked, writes it down, and says what to answer.
    pub(crate) fn act(&mut self, call: &Call, manner: &Manner) -> Answer {
        self.expire_due(Moment { now: manner.now, received_at: call.received_at });
        self.named += 1;
        let name = format!("{}-{:010}", self.run, self.named);
        let config = Arc::clone(&self.config);
        let now = manner.now;
        let tenant = self.tenant(&call.tenant);
        let result = match &call.command {
            Command::Check(request) => Ok(tenant.check(request, &format!("AV-{name}"), &config)),
            Command::Reserve(request) => {
                let reference = format!("HOLD-{name}");
                Ok(tenant.reserve(request, &Terms { config: &config, now, reference, again: manner.again }))
            }
            Command::LookupByKey(key) => tenant.lookup_key(key, now, &config),
            Command::LookupByReference(reference) => tenant.lookup_reference(reference, now, &config),
            Command::Release(change) => tenant.release(&change.reference, &config),
            Command::Confirm(change) => tenant.confirm(&change.reference),
            Command::Extend(change, expires_at) => tenant.extend(&change.reference, *expires_at, now, &config),
            Command::List(request) => tenant.list(request, now, &config),
        };
        let mut answer = result.unwrap_or_else(|refusal| Answer::refused(&refusal));
        answer.notice = self.record_call(call, manner, &answer);
        answer
    }

    /// Writes down a request that is not acted upon.
    pub(crate) fn ignore(&mut self, call: &Call, manner: &Manner) {
        let nothing = Answer { status: 0, body: Vec::new(), effect: Effect::None, code: None, reference: None, notice: None };
        self.record_call(call, manner, &nothing);
    }

    /// Says no without looking, and remembers nothing.
    pub(crate) fn refuse(&mut self, call: &Call, refusal: &Refusal, manner: &Manner) -> Answer {
        let answer = Answer::refused(refusal);
        self.record_call(call, manner, &answer);
        answer
    }

    /// Makes a refusal the lasting answer to the key of a reservation.
    pub(crate) fn remember_refusal(&mut self, call: &Call, refusal: &Refusal) {
        if let Command::Reserve(request) = &call.command {
            self.tenant(&call.tenant).remember_refusal(request, refusal.clone());
        }
    }

    /// Ends every hold whose time is over.
    pub(crate) fn expire_due(&mut self, moment: Moment) {
        while self.due.peek().is_some_and(|Reverse((expires_at, ..))| *expires_at <= moment.now) {
            let Some(Reverse((_, name, reference))) = self.due.pop() else { return };
            let Some(tenant) = self.tenants.get_mut(&name) else { continue };
            // An entry of the queue is only a reminder: the hold may have ended or been extended since.
            let over = |hold: &Hold| hold.state == HoldState::Held && hold.expires_at <= moment.now;
            if !tenant.holds.get(&reference).is_some_and(over) {
                continue;
            }
            if let Some(hold) = tenant.end(&reference, HoldState::Expired).cloned() {
                let cause = Cause { operation: Operation::Expire, effect: Effect::HoldExpired, by: Origin::Clock, moment };
                self.record_mishap(&name, &hold, cause);
            }
        }
    }

    /// Sets what a tenant has on hand.
    pub(crate) fn put_stock(&mut self, tenant: &str, sku: &str, location: Option<&str>, on_hand: Amount) {
        self.tenant(tenant).shelf.put(sku, location, on_hand);
    }

    /// Stock of one tenant or of all.
    pub(crate) fn stock(&self, tenant: Option<&str>, sku: Option<&str>) -> Vec<StockLevel> {
        self.chosen(tenant).flat_map(|(name, tenant)| tenant.shelf.levels(name, sku)).collect()
    }

    /// Holds with their tenants, visible or not.
    pub(crate) fn holds<'a>(&'a self, tenant: Option<&'a str>) -> impl Iterator<Item = (&'a str, &'a Hold)> {
        self.chosen(tenant).flat_map(|(name, tenant)| tenant.holds.values().map(move |hold| (name.as_str(), hold)))
    }

    /// One hold of one tenant, visible or not.
    pub(crate) fn hold(&self, tenant: &str, reference: &str) -> Option<&Hold> {
        self.tenants.get(tenant)?.holds.get(reference)
    }

    /// The hold that a request key stands for, visible or not.
    pub(crate) fn hold_of_key(&self, tenant: &str, key: &str) -> Option<&Hold> {
        self.tenants.get(tenant)?.hold_of_key(key)
    }

    /// What happened so far.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn owner_of(&mut self, reference: &str) -> Option<(&str, &mut Tenant)> {
        let mut tenants = self.tenants.iter_mut();
        tenants.find(|(_, tenant)| tenant.holds.contains_key(reference)).map(|(name, tenant)| (name.as_str(), tenant))
    }

    fn tenant(&mut self, name: &str) -> &mut Tenant {
        self.tenants.entry(name.to_owned()).or_default()
    }

    fn chosen<'a>(&'a self, only: Option<&'a str>) -> impl Iterator<Item = (&'a String, &'a Tenant)> {
        self.tenants.iter().filter(move |(name, _)| only.is_none_or(|only| only == name.as_str()))
    }
}
