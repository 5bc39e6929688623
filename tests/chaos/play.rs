//! One case from beginning to end: prepare, arm, set off, wait until it struck, heal, wait until all is at rest, judge.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use holdfast::simulator::{Fault as SimulatorFault, FaultMatch, FaultRequest, FaultScope};

use crate::case::{Case, Fault, Link, Operation, Twist};
use crate::judge::{Evidence, judge};
use crate::order::{Order, PRODUCT, QUANTITY};
use crate::rig::{FREEZE, Rig};
use crate::rows::{Fact, Rows};
use crate::support::http::http;
use crate::support::wait::until;

/// How long preparations and strikes may take: the machine has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a second fault is waited for once the first has struck: what it was to strike may never happen.
const SECOND_STRIKES_WITHIN: Duration = Duration::from_secs(20);
/// How long the other daemon may take to take over, beyond the time for which one is halted.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);
/// How long everything may take to come to rest after the last strike (L1).
const AT_REST_WITHIN: Duration = Duration::from_secs(45);
/// How long a link is down: shorter than a lease.
const SHORT_OUTAGE: Duration = Duration::from_millis(1_200);
/// The same, longer than a lease: the daemon must fence itself.
const LONG_OUTAGE: Duration = Duration::from_millis(5_000);

/// What came of a case.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Faults that struck.
    pub(crate) fired: usize,
    /// Faults that were meant to and did not.
    pub(crate) missed: Vec<String>,
    /// Broken promises.
    pub(crate) broken: Vec<String>,
    /// From the last strike until everything was at rest.
    pub(crate) recovered_in: Duration,
}

impl Outcome {
    /// What speaks against the case. A second fault that was drawn by lot may come too late to strike once the first one has struck.
    pub(crate) fn failures(&self, by_lot: bool) -> Vec<String> {
        let excused = by_lot && self.fired > 0;
        let missed = self.missed.iter().filter(|_| !excused).map(|fault| format!("{fault} never struck"));
        missed.chain(self.broken.iter().cloned()).collect()
    }
}

/// Plays a case on its rig.
pub(crate) async fn play(rig: &mut Rig, case: &Case) -> Outcome {
    let stock = if case.operation == Operation::Refuse { QUANTITY - 1 } else { 10 * QUANTITY };
    rig.inventory.set_stock(rig.engine.tenant.as_str(), PRODUCT, stock);

    let (order, blocked) = prepare(rig, case).await;
    let mut strikes = Strikes { waiting: Vec::new(), fired: 0 };
    for fault in &case.faults {
        strikes.arm(rig, fault);
    }
    let order = set_off(rig, case, order, &blocked).await;
    let missed = strikes.happen(rig, case, &order).await;
    twist(rig, case, &order, &blocked).await;
    disarm(rig, &blocked).await;

    let healed = Instant::now();
    let expected_end = expected_end(case);
    let evidence = at_rest(rig, &order, expected_end).await;
    let mut broken = std::mem::take(&mut *rig.watcher.violations.lock().unwrap());
    broken.extend(judge(&evidence));
    if rig.logged("panicked at") {
        broken.push("P: a daemon panicked".to_owned());
    }
    Outcome { fired: strikes.fired, missed, broken, recovered_in: healed.elapsed() }
}

fn expected_end(case: &Case) -> Option<&'static str> {
    match (case.twist, case.operation) {
        (Twist::Deleted, _) => None,
        (Twist::Cancelled, _) => Some("cancelled"),
        (_, Operation::Refuse) => Some("rejected"),
        (_, Operation::Release) => Some("released"),
        (_, Operation::Confirm) => Some("confirmed"),
        (_, Operation::Extend) => Some("extended"),
        (_, Operation::Reserve | Operation::Reconcile | Operation::ReconcileAbsent | Operation::Ask | Operation::Publish) => Some("held"),
    }
}

/// Brings the order to where it is to be struck; says which faults of the simulator keep it there.
async fn prepare(rig: &Rig, case: &Case) -> (Option<Order>, Vec<u64>) {
    match case.operation {
        Operation::Reserve | Operation::Refuse if matches!(case.twist, Twist::Restarted | Twist::Retried) => {
            (None, vec![block(rig, FaultScope::Lookup)])
        }
        Operation::Reserve | Operation::Refuse | Operation::Publish => (None, Vec::new()),
        Operation::Release | Operation::Confirm | Operation::Extend => {
            let order = Order::start(&rig.engine, case.operation).await;
            until("the order holds", PATIENCE, async || order.is_at("gate").await.then_some(())).await;
            (Some(order), Vec::new())
        }
        Operation::Reconcile | Operation::ReconcileAbsent | Operation::Ask => {
            let absent = case.operation == Operation::ReconcileAbsent;
            let lost = if absent { SimulatorFault::ResetBefore } else { SimulatorFault::ResetAfter };
            arm(rig, FaultScope::Reserve, Some(1), lost);
            let blocked = vec![block(rig, FaultScope::Lookup), block(rig, FaultScope::Reserve)];
            let order = Order::start(&rig.engine, case.operation).await;
            until("the outcome is unknown", PATIENCE, async || order.is_in_incident().await.then_some(())).await;
            (Some(order), blocked)
        }
    }
}

fn arm(rig: &Rig, operation: FaultScope, times: Option<u64>, fault: SimulatorFault) -> u64 {
    rig.inventory.arm(FaultRequest { operation, matching: FaultMatch::default(), skip: 0, times, chance: None, fault })
}

/// Keeps the inventory from answering such requests; it does nothing for them.
fn block(rig: &Rig, operation: FaultScope) -> u64 {
    arm(rig, operation, None, SimulatorFault::Unavailable { retry_after: 1 })
}

async fn disarm(rig: &Rig, blocked: &[u64]) {
    let client = http();
    for number in blocked {
        let _ = client.delete(format!("{}/faults/{number}", rig.inventory.admin_url())).send().await;
    }
}

/// Lets the operation happen.
async fn set_off(rig: &Rig, case: &Case, order: Option<Order>, blocked: &[u64]) -> Order {
    let Some(order) = order else { return Order::start(&rig.engine, case.operation).await };
    match case.operation {
        Operation::Release | Operation::Confirm | Operation::Extend => order.message("GoOn").await,
        Operation::Ask => {
            order.message("Ask").await;
            disarm(rig, blocked).await;
        }
        Operation::Reserve | Operation::Refuse | Operation::Reconcile | Operation::ReconcileAbsent | Operation::Publish => {
            disarm(rig, blocked).await;
        }
    }
    order
}

/// What happens to the order once the fault has struck.
async fn twist(rig: &Rig, case: &Case, order: &Order, blocked: &[u64]) {
    match case.twist {
        Twist::None | Twist::Deleted | Twist::Cancelled => {}
        Twist::Restarted | Twist::Retried => {
            until("the outcome is unknown", PATIENCE, async || order.is_in_incident().await.then_some(())).await;
            let asked = rig.inventory.ledger().len();
            if case.twist == Twist::Restarted {
                order.restart_reserve().await
            } else {
                order.retry().await
            }
            until("the task came again and went back into an incident", PATIENCE, async || {
                let again = order.is_in_incident().await && rig.inventory.ledger().len() > asked;
                // A second hold is for the judge.
                let doubled = rig.inventory.holds(rig.engine.tenant.as_str()).len() > 1;
                (again || doubled).then_some(())
            })
            .await;
            disarm(rig, blocked).await;
        }
    }
}

/// The faults of a case on their way.
struct Strikes {
    waiting: Vec<Fault>,
    fired: usize,
}

impl Strikes {
    /// Readies a fault. A link that goes down after another fault goes down when that one has struck.
    fn arm(&mut self, rig: &Rig, fault: &Fault) {
        match (fault.link(), fault.act.as_str()) {
            (Some(link), act) if is_outage(act) && self.waiting.is_empty() => shut(rig, fault, link),
            (Some(_), act) if is_outage(act) => {}
            (Some(_), _) => rig.book.arm(fault),
            (None, act) => fs::write(rig.points().join(format!("{}.{act}", fault.place)), "").unwrap(),
        }
        self.waiting.push(fault.clone());
    }

    /// Waits for each fault, and does what belongs to it. Returns those that never struck.
    async fn happen(&mut self, rig: &mut Rig, case: &Case, order: &Order) -> Vec<String> {
        let mut patience = Instant::now() + PATIENCE + FREEZE;
        let mut twisted = false;
        let mut down = case.faults.iter().skip(1).find(|fault| is_outage(&fault.act));
        while !self.waiting.is_empty() && Instant::now() < patience {
            let mut still = Vec::new();
            for fault in std::mem::take(&mut self.waiting) {
                let Some(replica) = struck(rig, &fault).await else {
                    still.push(fault);
                    continue;
                };
                self.fired += 1;
                if !std::mem::replace(&mut twisted, true) {
                    match case.twist {
                        Twist::Deleted => order.delete().await,
                        Twist::Cancelled => order.message("Cancel").await,
                        Twist::None | Twist::Restarted | Twist::Retried => {}
                    }
                }
                if let Some((fault, link)) = down.take().and_then(|fault| Some((fault, fault.link()?))) {
                    shut(rig, fault, link);
                }
                react(rig, case, &fault, replica).await;
                patience = Instant::now() + SECOND_STRIKES_WITHIN;
            }
            self.waiting = still;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.waiting.iter().map(|fault| format!("{}={}", fault.place, fault.act)).collect()
    }
}

/// The daemon that a fault has struck, if it has.
async fn struck(rig: &mut Rig, fault: &Fault) -> Option<usize> {
    match (fault.link(), fault.act.as_str()) {
        // A refused connection leaves no trace at the door: the proof is a connection that broke, or a call that was not sent.
        (Some(link), act) if is_outage(act) => {
            let unsent = async || {
                let rows = Rows::read(&rig.database.pool).await.ok()?;
                rows.calls.iter().any(|call| call.answer_class.as_deref() == Some("NOT_SENT")).then_some(0)
            };
            let broken = rig.replicas.iter().position(|replica| replica.door(link).has_broken_something());
            if broken.is_none() && link == Link::Supplier { unsent().await } else { broken }
        }
        (Some(_), _) => rig.book.struck(fault),
        (None, act) => {
            let fired = fs::read_to_string(rig.points().join(format!("{}.{act}.fired", fault.place))).ok()?;
            let id: u32 = fired.parse().ok()?;
            rig.replicas.iter().position(|replica| replica.daemon.id() == id)
        }
    }
}

fn is_outage(act: &str) -> bool {
    act.starts_with("refused")
}

/// Shuts the door of every daemon for a while.
fn shut(rig: &Rig, fault: &Fault, link: Link) {
    let time = if fault.act == "refused" { SHORT_OUTAGE } else { LONG_OUTAGE };
    for replica in &rig.replicas {
        let door = replica.door(link);
        tokio::spawn(async move { door.shut_for(time).await });
    }
}

async fn react(rig: &mut Rig, case: &Case, fault: &Fault, replica: usize) {
    let daemon = &mut rig.replicas[replica].daemon;
    if fault.kills() {
        if fault.link().is_some() {
            daemon.kill();
        }
        until("the killed daemon is dead", PATIENCE, async || daemon.has_ended().then_some(())).await;
        // Of two that two faults kill, one comes back: somebody must be there to find out.
        if rig.replicas.iter_mut().all(|replica| replica.daemon.has_ended()) {
            rig.reboot(replica);
        }
    } else if fault.freezes() {
        if fault.link().is_some() {
            daemon.signal("STOP");
        }
        until("the daemon is frozen", PATIENCE, async || daemon.is_frozen().then_some(())).await;
        rig.book.go_on();
        tokio::time::sleep(FREEZE).await;
        if case.replicas > 1 {
            taken_over(rig).await;
        }
        rig.replicas[replica].daemon.signal("CONT");
    } else if fault.act == "stall" {
        tokio::time::sleep(FREEZE).await;
        fs::write(rig.points().join(format!("{}.go", fault.place)), "").unwrap();
    }
}

/// Waits until another daemon has taken over what the halted one had open. Where it cannot, the halted one goes on after a while.
async fn taken_over(rig: &Rig) {
    let begun = Instant::now();
    while begun.elapsed() < TAKEN_OVER_WITHIN {
        let rows = Rows::read(&rig.database.pool).await.unwrap();
        if rows.reservations.iter().all(|row| row.open_call_id.is_none()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until nothing is open any more and no hold is without an order, or for as long as that may take: the hold of a deleted order is
/// let go a moment after it was looked at. An order that was told that nobody knows yet asks again.
async fn at_rest(rig: &mut Rig, order: &Order, expected_end: Option<&'static str>) -> Evidence {
    let begun = Instant::now();
    loop {
        let asked = rig.inventory.ledger().len();
        let evidence = gather(rig, order, expected_end).await;
        // What the inventory did while the rows were read is in the ledger and not in them.
        let calm =
            evidence.ledger.len() == asked && !judge(&evidence).iter().any(|broken| broken.starts_with('L') || broken.starts_with("S3"));
        let ended = evidence.record.end_time.is_some();
        if evidence.activities.iter().any(|activity| activity.activity_id == "again" && activity.end_time.is_none()) {
            order.message("Again").await;
        }
        if calm && ended || begun.elapsed() > AT_REST_WITHIN {
            return evidence;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "what is due is judged by the machine's clock, as the daemons do")]
async fn gather(rig: &mut Rig, order: &Order, expected_end: Option<&'static str>) -> Evidence {
    let tenant = rig.engine.tenant.to_string();
    Evidence {
        // The engine first: what it was told must be true already.
        activities: order.activities().await,
        record: order.record().await,
        tasks: order.tasks().await,
        rows: Rows::read(&rig.database.pool).await.unwrap(),
        told: match &rig.topic {
            Some(topic) => Some(topic.read().await.iter().map(Fact::told).collect()),
            None => None,
        },
        holds: rig.inventory.holds(&tenant),
        ledger: rig.inventory.ledger().iter().map(|entry| (**entry).clone()).collect(),
        expected_end,
        living: rig.replicas.iter_mut().map(|replica| i64::from(!replica.daemon.has_ended())).sum(),
        boots: i64::try_from(rig.boots).unwrap(),
        now: chrono::Utc::now(),
    }
}

/// Everything there is to say about a case that failed.
pub(crate) async fn describe(rig: &Rig, root: &Path) -> String {
    let mut text = format!("files in {}\n", root.join(rig.engine.tenant.as_str()).display());
    for entry in rig.inventory.ledger() {
        text.push_str(&format!("ledger {}\n", serde_json::to_string(&*entry).unwrap_or_default()));
    }
    if let Ok(rows) = Rows::read(&rig.database.pool).await {
        for row in &rows.reservations {
            text.push_str(&format!("{row:?}\n"));
        }
        for step in &rows.moves {
            text.push_str(&format!("{step:?}\n"));
        }
        for call in &rows.calls {
            text.push_str(&format!("{call:?}\n"));
        }
    }
    text
}
