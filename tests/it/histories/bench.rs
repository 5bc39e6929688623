//! One history on the real parts: two replicas on one database, one inventory, and a clock that jumps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::clock::{Clock, SystemClock};
use holdfast::domain::{
    AttemptGroup, Decision, ExternalReference, Goal, OrderId, OrderLine, OrderLineId, Quantity, Reservation, ReservationStep,
    ReserveRequest, SourceName, TRANSITIONS, TenantId,
};
use holdfast::operations::{Attempt, Conclusion, Due, Errand, Find, Operations, Release, Reserve, new_session};
use holdfast::simulator::{self, CreateMode, Effect, FaultMatch, FaultRequest, FaultScope, Hold, HoldState, LookupMode, Origin, Simulator};
use holdfast::store::{Store, StoreOptions};
use holdfast::supplier::{SourceConfig, Suppliers};
use uuid::Uuid;

use super::book::{Standing, is_true, word};
use super::command::{Command, Fate, History, Kind, Moment, Wish};
use crate::support::database::Database;
use crate::support::http::http;
use crate::support::wait::until;

const PRODUCT: &str = "router";
/// How long a request may linger, by the daemons' clocks.
const LINGER_S: i64 = 30;

/// The machine's clock, and how far it was moved.
#[derive(Debug, Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }

    fn instant(&self) -> Instant {
        SystemClock.instant()
    }
}

/// One boot of a daemon, without its loops: they are had turn by turn.
struct Replica {
    store: Store,
    operations: Operations,
    session: Uuid,
}

struct Bench<'a> {
    database: &'a Database,
    inventory: Simulator,
    suppliers: Arc<Suppliers>,
    clock: Arc<Shifted>,
    replicas: Vec<Replica>,
    kind: Kind,
    tenant: TenantId,
    order: OrderId,
    group: AttemptGroup,
    order_gone: bool,
}

/// Plays a history and says what was wrong with it.
pub(super) async fn play(database: &Database, history: &History) -> Result<(), String> {
    let mut bench = Bench::set_up(database, history.kind).await;
    let mut told = Ok(());
    for (place, command) in history.commands.iter().enumerate() {
        told = bench.happen(command).await.map_err(|why| format!("after command {place}, {command:?}: {why}"));
        if told.is_err() {
            break;
        }
    }
    if told.is_ok() {
        told = bench.comes_to_rest().await.map_err(|why| format!("when all was healed: {why}"));
    }
    bench.take_down().await;
    told
}

impl<'a> Bench<'a> {
    async fn set_up(database: &'a Database, kind: Kind) -> Self {
        let config = simulator::SimulatorConfig {
            create: if kind == Kind::Idempotent { CreateMode::Idempotent } else { CreateMode::Duplicating },
            lookup: if kind == Kind::Mute { LookupMode::None } else { LookupMode::ByKey },
            default_stock: Some(100.into()),
            ..simulator::SimulatorConfig::default()
        };
        let inventory = simulator::start(config).await.unwrap();
        let source = source(inventory.url(), &profile(kind));
        let suppliers = Arc::new(Suppliers::build(&BTreeMap::from([("main".to_owned(), source)])).unwrap());
        let mut bench = Self {
            database,
            inventory,
            suppliers,
            clock: Arc::default(),
            replicas: Vec::new(),
            kind,
            tenant: TenantId(Uuid::new_v4()),
            order: OrderId(Uuid::new_v4()),
            group: AttemptGroup::FIRST,
            order_gone: false,
        };
        for _ in 0..2 {
            let replica = bench.boot().await;
            bench.replicas.push(replica);
        }
        bench
    }

    async fn boot(&self) -> Replica {
        let session = new_session();
        let options =
            StoreOptions { max_connections: 2, acquire_timeout: Duration::from_secs(20), session, ..self.database.store_options() };
        let store = Store::connect(&options).await.unwrap();
        let name = format!("history/{session}");
        let lease = Arc::new(store.open_session(&name, "here", "0").await.unwrap());
        let operations = Operations::new(store.clone(), Arc::clone(&self.suppliers), self.clock.clone(), lease, &name);
        Replica { store, operations, session: session.0 }
    }

    /// What a killed process leaves: a session that nobody renews. What is waited for is its lease.
    async fn dies(&mut self, place: usize) {
        let dead = self.boot().await;
        let dead = std::mem::replace(&mut self.replicas[place], dead);
        sqlx::query("update worker_session set lease_until = clock_timestamp() - interval '1 second' where session_id = $1")
            .bind(dead.session)
            .execute(self.database.pool())
            .await
            .unwrap();
        dead.store.close().await;
    }

    /// A boot that lets its lease run out must begin anew; the machine may have been slow.
    async fn awake(&mut self, place: usize) {
        if !self.replicas[place].operations.renew_session().await.unwrap() {
            self.dies(place).await;
        }
    }

    async fn happen(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Want(place, wish, fate) => self.want(*place, *wish, *fate).await?,
            Command::DieDuring(place, wish, moment) => self.die_during(*place, *wish, *moment).await,
            Command::Die(place) => self.dies(*place).await,
            Command::Turn(place) => self.turn(*place).await?,
            Command::OrderGone => {
                self.order_gone = true;
                self.mark_gone().await;
            }
            Command::DecideTruly(place) => self.decide(*place, None).await,
            Command::GiveUp(place) => self.decide(*place, Some(Decision::GiveUp)).await,
            Command::NextGroup => {
                let over = self.row().await.is_some_and(|row| row.status.is_end() && !row.release_wanted);
                if over && !self.order_gone {
                    self.group = AttemptGroup::new(i64::from(self.group.number()) + 1).unwrap();
                }
            }
            Command::Jump(seconds) => self.jump(*seconds).await,
            Command::FallBehind(seconds) => drop(self.clock.0.fetch_sub(*seconds, Ordering::SeqCst)),
        }
        self.promises_are_kept().await
    }

    async fn want(&mut self, place: usize, wish: Wish, fate: Fate) -> Result<(), String> {
        if self.order_gone && wish != Wish::Release && wish != Wish::Resolve {
            return Ok(());
        }
        self.awake(place).await;
        let before = Standing::of(self.row().await.as_ref(), self.truth());
        let sent = self.inventory.ledger().len();
        let expected = before.says(wish, fate, self.kind);
        let armed = fate.fault().map(|fault| self.arm(fault));
        if fate == Fate::Refused {
            self.inventory.down(None).await;
        }
        let conclusion = self.run(place, wish).await;
        if fate == Fate::Refused {
            self.inventory.up().await;
        }
        if let Some(number) = armed {
            self.disarm(number).await;
        }
        if let Some(expected) = expected
            && word(&conclusion) != Some(expected)
        {
            return Err(format!("{before:?} and {wish:?} with {fate:?} must come to {expected:?}, and came to {conclusion:#?}"));
        }
        if wish == Wish::Reserve && matches!(before, Standing::Held | Standing::Committed | Standing::Over(_)) {
            let asked = self.inventory.ledger()[sent..].iter().filter(|entry| entry.by == Origin::Client).count();
            if asked > 0 {
                return Err(format!("a repeated reserve for {before:?} sent {asked} requests"));
            }
        }
        let row = self.row().await;
        if wish == Wish::Release && before == Standing::Nothing && row.as_ref().is_none_or(|row| !row.status.is_end()) {
            return Err(format!("a release of nothing must leave an end behind, and left {row:#?}"));
        }
        let over = row.is_some_and(|row| row.expires_at.is_some_and(|at| at <= self.clock.now()));
        is_true(&conclusion, wish, self.truth(), self.refused(), over)
    }

    async fn run(&self, place: usize, wish: Wish) -> Conclusion {
        let operations = &self.replicas[place].operations;
        let goal = match wish {
            Wish::Reserve => {
                let command = Reserve { request: self.request(), process_instance: None, waiting: None };
                return operations.reserve(command).await.unwrap();
            }
            Wish::Release => return self.release(place).await,
            Wish::Confirm => Goal::Confirm,
            Wish::Extend => {
                let ends = self.row().await.and_then(|row| row.expires_at).unwrap_or_else(|| self.clock.now());
                Goal::Extend { until: ends + TimeDelta::minutes(10) }
            }
            Wish::Verify => Goal::Verify,
            Wish::Resolve => Goal::Resolve,
        };
        self.errand(place, goal).await
    }

    async fn release(&self, place: usize) -> Conclusion {
        let find = Find::Newest(self.order, step());
        let errand = Errand { tenant: self.tenant, find, goal: Goal::Release, actor: None, waiting: None };
        let source = SourceName::parse("main").unwrap();
        let attempt = Attempt { source, order: self.order, step: step(), group: self.group };
        self.replicas[place].operations.release(Release { errand, attempt: Some(attempt) }).await.unwrap()
    }

    async fn errand(&self, place: usize, goal: Goal) -> Conclusion {
        let errand = Errand { tenant: self.tenant, find: self.find(), goal, actor: None, waiting: None };
        self.replicas[place].operations.run(&errand).await.unwrap()
    }

    /// The replica vanishes while the inventory has its request.
    async fn die_during(&mut self, place: usize, wish: Wish, moment: Moment) {
        if self.order_gone && wish != Wish::Release && wish != Wish::Resolve {
            return;
        }
        self.awake(place).await;
        let number = self.arm(match moment {
            Moment::Acted => simulator::Fault::SwallowAnswer,
            Moment::BeforeItActs => simulator::Fault::ActLate { delay_ms: 60 },
        });
        let has_it = async {
            until("the inventory has the request", Duration::from_secs(20), async || {
                let faults = self.inventory.faults();
                let fault = faults.iter().find(|fault| fault.id == number)?;
                let reached = if moment == Moment::Acted { fault.done } else { fault.fired };
                (reached > 0).then_some(())
            })
            .await;
        };
        tokio::select! {
            // Nothing was to be sent.
            _ = self.run(place, wish) => {}
            () = has_it => {}
        }
        self.disarm(number).await;
        self.dies(place).await;
    }

    /// One turn of the replica's reconciler, without the engine's part in it.
    async fn turn(&mut self, place: usize) -> Result<(), String> {
        self.awake(place).await;
        for due in self.replicas[place].operations.list_due(&[self.tenant], 10).await.unwrap() {
            let conclusion = self.look_at(place, due).await;
            is_true(&conclusion, Wish::Resolve, self.truth(), self.refused(), true)?;
        }
        Ok(())
    }

    async fn look_at(&self, place: usize, due: Due) -> Conclusion {
        self.replicas[place].operations.look_at(due).await.unwrap()
    }

    async fn mark_gone(&self) {
        for row in self.replicas[0].store.list_reservations(&[self.tenant], None, 100).await.unwrap() {
            self.replicas[0].operations.want_release(self.tenant, row.id).await.unwrap();
        }
    }

    /// A human who is asked decides what the inventory's own books say, once nothing is on its way to it.
    async fn decide(&mut self, place: usize, decision: Option<Decision>) {
        self.awake(place).await;
        let Some(row) = self.row().await.filter(|row| row.is_open() && row.manual_since.is_some()) else { return };
        self.inventory_is_idle().await;
        let held = self.holds().into_iter().find(|hold| hold.state.is_active());
        let truth = match held {
            Some(hold) => Decision::Held(ExternalReference::parse(&hold.reference).ok()),
            None => Decision::NotHeld,
        };
        let conclusion = self.errand(place, Goal::Decide(decision.unwrap_or(truth))).await;
        drop((row, conclusion));
    }

    async fn jump(&self, seconds: i64) {
        // A request stops acting before it has lingered: that is what is assumed of every inventory.
        self.inventory_is_idle().await;
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
        self.inventory.advance_clock_ms(seconds * 1_000);
    }

    async fn inventory_is_idle(&self) {
        until("the inventory is idle", Duration::from_secs(20), async || {
            self.inventory.faults().iter().all(|fault| fault.fired == fault.done).then_some(())
        })
        .await;
    }

    /// Heals everything and has all loops turn until nothing is due but an expiry; then lets every hold run out.
    async fn comes_to_rest(&mut self) -> Result<(), String> {
        for round in 0..24 {
            self.jump(LINGER_S + 1).await;
            for place in 0..self.replicas.len() {
                self.turn(place).await?;
                if self.kind == Kind::Mute || round > 12 {
                    self.decide(place, None).await;
                }
            }
            let rows = self.rows().await;
            if rows.iter().all(is_quiet) {
                self.promises_are_kept().await?;
                return self.rows_are_true(&rows);
            }
        }
        Err(format!("something is still open: {:#?}", self.rows().await))
    }

    fn rows_are_true(&self, rows: &[Reservation]) -> Result<(), String> {
        let active: Vec<Hold> = self.holds().into_iter().filter(|hold| hold.state.is_active()).collect();
        for hold in &active {
            let on_record = rows.iter().any(|row| row.reference.as_ref().is_some_and(|r| r.as_str() == hold.reference) && says_held(row));
            if !on_record {
                return Err(format!("S3: {} is held and no row says so: {rows:#?}", hold.reference));
            }
        }
        for row in rows.iter().filter(|row| says_held(row) && row.expires_at.is_none_or(|at| at > self.clock.now())) {
            if !active.iter().any(|hold| row.reference.as_ref().is_some_and(|r| r.as_str() == hold.reference)) {
                return Err(format!("S4: a row says {} and the inventory does not: {row:#?}", row.status));
            }
        }
        if self.order_gone && !active.is_empty() {
            return Err(format!("S3: the order is gone, its hold is not: {active:?}"));
        }
        Ok(())
    }

    /// What must be so at every moment.
    async fn promises_are_kept(&self) -> Result<(), String> {
        let ledger = self.inventory.ledger();
        let mut active = BTreeSet::new();
        for entry in &ledger {
            match (entry.effect, &entry.reference) {
                (Effect::HoldPlaced, Some(reference)) => drop(active.insert(reference.clone())),
                (Effect::HoldReleased | Effect::HoldExpired, Some(reference)) => drop(active.remove(reference)),
                _ => {}
            }
            if active.len() > 1 {
                return Err(format!("S1: two holds at once: {active:?}"));
            }
        }
        let recorded: Vec<(String, String)> = self
            .read("select r.idempotency_key, c.operation from supplier_call c join reservation r using (reservation_id) where r.tenant_id = $1")
            .await;
        for entry in ledger.iter().filter(|entry| entry.by == Origin::Client && entry.effect != Effect::None) {
            let operation = serde_json::to_value(entry.operation).unwrap();
            let known = recorded.iter().any(|(key, name)| Some(key) == entry.key.as_ref() && operation == name.as_str());
            if !known {
                return Err(format!("S2: {operation} under {:?} is not on record", entry.key));
            }
        }
        self.moves_are_legal().await
    }

    /// S7 and S9.
    async fn moves_are_legal(&self) -> Result<(), String> {
        let moves: Vec<(Uuid, Option<String>, String, String)> = self
            .read("select reservation_id, from_status, to_status, cause from reservation_transition where tenant_id = $1 order by transition_id")
            .await;
        let mut stands: BTreeMap<Uuid, String> = BTreeMap::new();
        for (id, from, to, cause) in moves {
            let legal =
                TRANSITIONS.iter().any(|t| Some(t.from.as_str()) == from.as_deref() && t.to.as_str() == to && t.cause.as_str() == cause);
            if stands.get(&id) != from.as_ref() || !(legal || from.is_none() && to == "REQUESTED") {
                return Err(format!("S7: {from:?} to {to} by {cause}, after {:?}", stands.get(&id)));
            }
            stands.insert(id, to);
        }
        let counts: Vec<(Uuid, i64, i64, i64)> = self
            .read(
                "select r.reservation_id, r.event_sequence, count(o.*), coalesce(max(o.sequence), 0) from reservation r
                 left join outbox o on o.aggregate_id = r.reservation_id where r.tenant_id = $1 group by 1, 2",
            )
            .await;
        match counts.iter().find(|(_, counted, rows, last)| counted != rows || counted != last) {
            Some(gap) => Err(format!("S9: the row has counted other facts than the outbox has: {gap:?}")),
            None => Ok(()),
        }
    }

    async fn read<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        sqlx::query_as(sql).bind(self.tenant.0).fetch_all(self.database.pool()).await.unwrap()
    }

    async fn rows(&self) -> Vec<Reservation> {
        self.replicas[0].store.list_reservations(&[self.tenant], None, 100).await.unwrap()
    }

    async fn row(&self) -> Option<Reservation> {
        self.replicas[0].operations.get(self.tenant, &self.find()).await.unwrap()
    }

    fn find(&self) -> Find {
        Find::Group(self.order, step(), self.group)
    }

    fn holds(&self) -> Vec<Hold> {
        self.inventory.holds(&self.tenant.to_string())
    }

    /// The newest hold of this attempt group, whatever became of it.
    fn truth(&self) -> Option<HoldState> {
        let key = self.request().key();
        let holds: Vec<Hold> = self.holds().into_iter().filter(|hold| hold.request_key == key.as_str()).collect();
        holds.iter().find(|hold| hold.state.is_active()).or(holds.last()).map(|hold| hold.state)
    }

    /// Whether a create of this attempt group was refused.
    fn refused(&self) -> bool {
        let key = self.request().key();
        self.inventory.ledger().iter().any(|entry| entry.effect == Effect::Refused && entry.key.as_deref() == Some(key.as_str()))
    }

    fn arm(&self, fault: simulator::Fault) -> u64 {
        let request =
            FaultRequest { operation: FaultScope::Any, matching: FaultMatch::default(), skip: 0, times: Some(1), chance: None, fault };
        self.inventory.arm(request)
    }

    async fn disarm(&self, number: u64) {
        self.inventory_is_idle().await;
        let _ = http().delete(format!("{}/faults/{number}", self.inventory.admin_url())).send().await;
    }

    fn request(&self) -> ReserveRequest {
        ReserveRequest {
            tenant: self.tenant,
            source: SourceName::parse("main").unwrap(),
            order: self.order,
            step: step(),
            group: self.group,
            lines: vec![OrderLine {
                order_line: OrderLineId(self.order.0),
                product_offering: PRODUCT.to_owned(),
                quantity: Quantity::parse("2").unwrap(),
                location: None,
            }],
            hold_for: TimeDelta::hours(1),
            customer: None,
            location: None,
        }
    }

    async fn take_down(self) {
        for replica in self.replicas {
            let _ = replica.operations.end_session().await;
            replica.store.close().await;
        }
        self.inventory.stop().await;
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.session)
    }
}

fn says_held(row: &Reservation) -> bool {
    matches!(row.status.as_str(), "RESERVED" | "CONFIRMED")
}

/// Nothing about it is open; what is due is at most its expiry.
fn is_quiet(row: &Reservation) -> bool {
    let leaving = row.status.as_str() == "RELEASE_REQUESTED" || row.release_wanted;
    !row.is_open() && row.open_call.is_none() && !leaving && row.absent_looks == 0
}

fn step() -> ReservationStep {
    ReservationStep::parse("reserve").unwrap()
}

fn profile(kind: Kind) -> String {
    let plain = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/profiles/plain.toml")).unwrap();
    let mut profile: toml::Table = toml::from_str(&plain).unwrap();
    let capabilities = profile.get_mut("capabilities").and_then(toml::Value::as_table_mut).unwrap();
    capabilities.insert("idempotent_create".to_owned(), (kind == Kind::Idempotent).into());
    if kind == Kind::Mute {
        capabilities.insert("idempotent_release".to_owned(), false.into());
        profile.remove("lookup_by_key");
        profile.remove("lookup_by_reference");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("history-{kind:?}-{}.toml", Uuid::new_v4()));
    std::fs::write(&file, toml::to_string(&profile).unwrap()).unwrap();
    file.display().to_string()
}

fn source(base_url: &str, profile: &str) -> SourceConfig {
    let linger_ms = LINGER_S * 1_000;
    toml::from_str(&format!(
        "base_url = '{base_url}'\nprofile = '{profile}'\ntimeout_ms = 300\ncheck_timeout_ms = 300\nconnect_timeout_ms = 200\n\
         linger_ms = {linger_ms}\nabsent_looks = 2\nfirst_check_ms = 1000\nslowest_check_ms = 10000\nmanual_after_ms = 86400000\n\
         expiry_grace_ms = 1000\norphan_after_ms = 1000\nbreaker = {{ failures = 0, pause_ms = 1000 }}\n"
    ))
    .unwrap()
}
