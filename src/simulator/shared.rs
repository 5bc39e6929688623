//! What both listeners share: the inventory, the clock, the faults and the gate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::clock::SimulatorClock;
use super::command::{Call, Command};
use super::config::SimulatorConfig;
use super::entry::{Answered, Origin};
use super::faults::{Facts, FaultBook, Fired};
use super::hold::Hold;
use super::inventory::{Answer, Inventory, Manner, Mishap, Moment, Refusal};
use super::net::Gate;
use super::webhook::Webhook;

/// One running simulator.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<SimulatorConfig>,
    pub(crate) clock: SimulatorClock,
    pub(crate) faults: FaultBook,
    pub(crate) gate: Arc<Gate>,
    pub(crate) stop: CancellationToken,
    pub(crate) webhook: Arc<Webhook>,
    pub(crate) inventory: Mutex<Inventory>,
}

impl Shared {
    /// The inventory, for one look or one act; never across an await.
    pub(crate) fn inventory(&self) -> MutexGuard<'_, Inventory> {
        self.inventory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The inventory after everything that is due has expired.
    pub(crate) fn inventory_now(&self) -> MutexGuard<'_, Inventory> {
        let moment = self.moment();
        let mut inventory = self.inventory();
        inventory.expire_due(moment);
        inventory
    }

    /// Does what a request asks.
    pub(crate) fn act(&self, call: &Call, answered: Answered, fault: Option<&'static str>) -> Answer {
        self.act_with_notices(call, answered, fault, 1)
    }

    /// Does what a request asks, and queues so many notices of it.
    pub(crate) fn act_with_notices(&self, call: &Call, answered: Answered, fault: Option<&'static str>, notices: u8) -> Answer {
        self.inventory().act(call, &Manner { notices, ..self.manner(answered, fault, false) })
    }

    /// Does it once more, whatever its key says.
    pub(crate) fn act_again(&self, call: &Call, fault: Option<&'static str>) {
        self.inventory().act(call, &self.manner(Answered::No, fault, true));
    }

    /// Writes a request down and does nothing.
    pub(crate) fn ignore(&self, call: &Call, answered: Answered, fault: Option<&'static str>) {
        self.inventory().ignore(call, &self.manner(answered, fault, false));
    }

    /// Says no; a no on request (a fault) stays the answer to its key.
    pub(crate) fn refuse(&self, call: &Call, refusal: &Refusal, fault: Option<&'static str>) -> Answer {
        let mut inventory = self.inventory();
        if fault.is_some() {
            inventory.remember_refusal(call, refusal);
        }
        inventory.refuse(call, refusal, &self.manner(Answered::Yes, fault, false))
    }

    /// Lets something happen to a hold behind its owner's back.
    pub(crate) fn befall(&self, reference: &str, mishap: &Mishap, by: Origin) -> Result<Hold, Refusal> {
        self.inventory().befall(reference, mishap, by, self.moment())
    }

    /// The fault that strikes this request, if any.
    pub(crate) fn strike(&self, call: &Call) -> Option<Fired> {
        if !self.faults.is_armed() {
            return None;
        }
        let inventory = self.inventory();
        let command = &call.command;
        let hold = match command {
            Command::LookupByKey(key) => inventory.hold_of_key(&call.tenant, key),
            _ => command.reference().and_then(|reference| inventory.hold(&call.tenant, reference)),
        };
        let own_skus = command.lines().iter().map(|line| line.sku.as_str());
        let held_skus = hold.iter().flat_map(|hold| &hold.lines).map(|line| line.sku.as_str());
        self.faults.pick(&Facts {
            tenant: &call.tenant,
            operation: command.operation(),
            order_id: command.order_id().or(hold.map(|hold| hold.order_id.as_str())),
            keys: [command.key(), hold.map(|hold| hold.request_key.as_str())],
            skus: own_skus.chain(held_skus).collect(),
            reference: command.reference().or(hold.map(|hold| hold.reference.as_str())),
        })
    }

    /// Moves the clock and lets expire what is due by then.
    pub(crate) fn advance(&self, step_ms: i64) {
        self.clock.advance(step_ms);
        drop(self.inventory_now());
    }

    /// Shuts the gate, for good or for a while.
    pub(crate) async fn down(&self, spell: Option<Duration>) {
        let turn = self.gate.shut().await;
        let Some(spell) = spell else { return };
        let (gate, stop) = (Arc::clone(&self.gate), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(spell) => gate.open_after(turn).await,
                () = stop.cancelled() => {}
            }
        });
    }

    fn manner(&self, answered: Answered, fault: Option<&'static str>, again: bool) -> Manner {
        Manner { now: self.clock.now(), answered, fault, again, notices: 1 }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), received_at: self.clock.machine_now() }
    }
}
