//! A running inventory and the daemon's side of it, as one order sees them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use holdfast::domain::{
    Answer, AttemptGroup, ExternalReference, Hold, HoldState, IdempotencyKey, Look, Operation, OrderId, OrderLine, OrderLineId, Quantity,
    ReservationStep, TenantId,
};
use holdfast::simulator::{
    CreateMode, Effect, Fault, FaultRequest, FaultScope, LedgerEntry, LookupMode, Simulator, SimulatorConfig, start,
};
use holdfast::supplier::{CheckAsk, HoldAsk, Reply, Source, SourceConfig, Supplier, Suppliers};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Long enough for any answer that is to come.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);
/// Long enough for an answer on this host, short enough to wait for one that never comes.
pub(crate) const IMPATIENT: Duration = Duration::from_millis(400);

pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    suppliers: Suppliers,
    pub(crate) tenant: TenantId,
    config: fn(&str) -> SourceConfig,
}

impl Bench {
    /// The declarative adapter with the plain profile, before an inventory with ten routers and ten phones.
    pub(crate) async fn http() -> Self {
        Self::of(|url| toml::from_str(&format!("base_url = \"{url}\"\nbreaker = {{ failures = 0 }}")).unwrap(), SimulatorConfig::default())
            .await
    }

    /// The same adapter before an inventory that keeps no key: it holds again for each request, looks nothing up, and lists holds without keys.
    pub(crate) async fn unkeyed() -> Self {
        let inventory = SimulatorConfig { create: CreateMode::Duplicating, lookup: LookupMode::None, ..SimulatorConfig::default() };
        Self::of(
            |url| toml::from_str(&format!("base_url = \"{url}\"\nprofile = \"unkeyed\"\nbreaker = {{ failures = 0 }}")).unwrap(),
            inventory,
        )
        .await
    }

    async fn of(config: fn(&str) -> SourceConfig, inventory: SimulatorConfig) -> Self {
        let simulator = start(inventory).await.unwrap();
        let tenant = TenantId(Uuid::new_v4());
        for sku in ["router", "phone"] {
            simulator.set_stock(&tenant.to_string(), sku, 10);
        }
        Self { suppliers: suppliers(config(simulator.url())), simulator, tenant, config }
    }

    /// The same adapter before an inventory of another kind.
    pub(crate) async fn with(self, inventory: SimulatorConfig) -> Self {
        Self::of(self.config, inventory).await
    }

    /// The inventory as the daemon asks it.
    pub(crate) fn supplier(&self) -> &dyn Supplier {
        &*only(&self.suppliers).supplier
    }

    /// An order of so many routers and phones, patient, that has not been sent yet.
    pub(crate) fn order(&self, routers: &str, phones: &str) -> HoldAsk {
        let order = OrderId(Uuid::new_v4());
        HoldAsk {
            tenant: self.tenant,
            source: only(&self.suppliers).name.clone(),
            order,
            key: IdempotencyKey::derive(order, &ReservationStep::parse("reserve").unwrap(), AttemptGroup::FIRST),
            reference: None,
            lines: [line("router", routers), line("phone", phones)].into_iter().flatten().collect(),
            hold_seconds: 3600,
            until: None,
            accept_partial: false,
            customer: None,
            location: None,
            timeout: PATIENT,
            send_before: Instant::now() + Duration::from_secs(60),
        }
    }

    /// A check of the same lines.
    pub(crate) fn check(&self, ask: &HoldAsk) -> CheckAsk {
        CheckAsk {
            tenant: self.tenant,
            correlation: "check-1".to_owned(),
            lines: ask.lines.clone(),
            customer: None,
            location: None,
            channel: None,
            timeout: ask.timeout,
        }
    }

    /// Places a hold of one router and answers the ask with its reference, and the hold.
    pub(crate) async fn held(&self) -> (HoldAsk, Hold) {
        let ask = self.order("1", "");
        let hold = found(self.supplier().reserve(&ask).await);
        assert_eq!(hold.state, HoldState::Held);
        (HoldAsk { reference: hold.reference.clone(), until: Some(now() + chrono::TimeDelta::hours(5)), ..ask }, hold)
    }

    pub(crate) async fn call(&self, operation: Operation, ask: &HoldAsk) -> Reply<Look> {
        let supplier = self.supplier();
        match operation {
            Operation::Reserve => supplier.reserve(ask).await,
            Operation::Lookup => supplier.lookup(ask).await,
            Operation::Release => supplier.release(ask).await,
            Operation::Confirm => supplier.confirm(ask).await,
            Operation::Extend => supplier.extend(ask).await,
            Operation::Check | Operation::List => panic!("not a call on one hold"),
        }
    }

    /// Arms a fault for the next request, whatever it is.
    pub(crate) fn once(&self, fault: Fault) -> u64 {
        let matching = Default::default();
        self.simulator.arm(FaultRequest { operation: FaultScope::Any, matching, skip: 0, times: Some(1), chance: None, fault })
    }

    /// The fault struck one request: the case is not passed by chance.
    pub(crate) fn assert_fired(&self, fault: u64) {
        let status = self.simulator.faults().into_iter().find(|status| status.id == fault).unwrap();
        assert_eq!(status.fired, 1, "{:?} never fired", status.request.fault);
    }

    /// What the inventory did for a key, oldest first.
    pub(crate) fn effects(&self, ask: &HoldAsk) -> Vec<Effect> {
        let of_key = |entry: &LedgerEntry| entry.key.as_deref() == Some(ask.key.as_str());
        self.simulator
            .ledger()
            .iter()
            .filter(|entry| of_key(entry))
            .map(|entry| entry.effect)
            .filter(|effect| *effect != Effect::None)
            .collect()
    }

    /// How many requests have reached the inventory.
    pub(crate) fn requests(&self) -> usize {
        self.simulator.ledger().len()
    }
}

/// One source of this configuration.
pub(crate) fn suppliers(config: SourceConfig) -> Suppliers {
    Suppliers::build(&BTreeMap::from([("main".to_owned(), config)])).unwrap()
}

/// The one source that there is.
pub(crate) fn only(suppliers: &Suppliers) -> &Source {
    suppliers.iter().next().unwrap()
}

fn line(sku: &str, quantity: &str) -> Option<OrderLine> {
    let quantity = Quantity::parse(quantity).ok()?;
    Some(OrderLine { order_line: OrderLineId(Uuid::new_v4()), product_offering: sku.to_owned(), quantity, location: None })
}

/// The hold that an answer describes.
pub(crate) fn found(reply: Reply<Look>) -> Hold {
    match reply.answer {
        Answer::Done(Look::Found(hold)) => hold,
        other => panic!("no hold: {other:?}, {:?}", reply.evidence),
    }
}

/// Why an answer is unknown.
#[track_caller]
pub(crate) fn unknown<T: std::fmt::Debug>(reply: &Reply<T>) -> &str {
    match &reply.answer {
        Answer::Unknown(why) => why,
        other => panic!("not unknown: {other:?}, {:?}", reply.evidence),
    }
}

/// Why nothing was sent.
#[track_caller]
pub(crate) fn not_sent<T: std::fmt::Debug>(reply: &Reply<T>) -> &str {
    match &reply.answer {
        Answer::NotSent(why) => why,
        other => panic!("sent: {other:?}, {:?}", reply.evidence),
    }
}

/// How much of each line is held, in the order's order.
pub(crate) fn reserved(ask: &HoldAsk, hold: &Hold) -> Vec<Decimal> {
    let of = |line: &OrderLine| hold.lines.iter().find(|held| held.order_line == line.order_line).map(|held| held.reserved);
    ask.lines.iter().filter_map(of).collect()
}

/// A reference that nobody has.
pub(crate) fn no_such_reference() -> Option<ExternalReference> {
    ExternalReference::parse("HOLD-none").ok()
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the inventory on the other side goes by the real time, whatever the daemon's clock says")]
pub(crate) fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
