//! Which cases there are: every point and every message of an operation, struck in every way, with one daemon and with two.

use crate::case::{Case, Fault, Inventory, Operation, Twist};

/// How a point in the daemon is struck.
const AT_POINTS: [&str; 2] = ["kill", "freeze"];
/// How a request to the inventory, and its answer, are struck.
const TO_SUPPLIER: [&str; 14] = [
    "reset_before",
    "swallow_before",
    "cut_request",
    "act_late",
    "reset_after",
    "swallow_after",
    "late",
    "cut",
    "garbage",
    "error_500",
    "kill_before",
    "kill_after",
    "freeze_before",
    "freeze_after",
];
/// How a report to the engine is struck.
const TO_ENGINE: [&str; 17] = [
    "reset_before",
    "swallow_before",
    "cut_request",
    "act_late",
    "reset_after",
    "swallow_after",
    "late",
    "cut",
    "garbage",
    "error_500",
    "conflict",
    "duplicate",
    "duplicate_second",
    "kill_before",
    "kill_after",
    "freeze_before",
    "freeze_after",
];
/// How the engine's answer with tasks in it is struck.
const FETCHED: [&str; 8] = ["reset_after", "swallow_after", "late", "cut", "garbage", "error_500", "kill_after", "freeze_after"];
/// How a COMMIT, and its answer, are struck.
const COMMITS: [&str; 11] = [
    "reset_before",
    "swallow_before",
    "reset_after",
    "swallow_after",
    "late",
    "cut",
    "garbage",
    "kill_before",
    "kill_after",
    "freeze_before",
    "freeze_after",
];

const EVERY: [Operation; 9] = [
    Operation::Reserve,
    Operation::Refuse,
    Operation::Release,
    Operation::Confirm,
    Operation::Extend,
    Operation::Reconcile,
    Operation::ReconcileAbsent,
    Operation::Ask,
    Operation::Publish,
];

/// Every case with one fault, or with the two that make up one story.
pub(crate) fn matrix() -> Vec<Case> {
    let mut cases = Vec::new();
    for replicas in [1, 2] {
        for operation in EVERY {
            for inventory in [Inventory::Strict, Inventory::Idempotent] {
                let singles = single_faults(operation, inventory);
                cases.extend(singles.into_iter().map(|faults| Case::new(operation, inventory, replicas, faults)));
            }
        }
        cases.extend(stories(replicas));
    }
    cases
}

/// A case of every kind, for every run of the tests: each operation, each link, each way to end or to halt a process.
pub(crate) fn quick() -> Vec<Case> {
    QUICK.iter().map(|text| text.parse().unwrap()).collect()
}

const QUICK: [&str; 28] = [
    "reserve/strict/1/reserve.claimed=kill",
    "reserve/strict/2/reserve.answered=freeze",
    "reserve/strict/1/reserve.settle_written=kill",
    "reserve/strict/1/supplier.reserve=swallow_after",
    "reserve/strict/1/supplier.reserve=act_late",
    "reserve/strict/1/supplier.reserve=garbage",
    "reserve/idempotent/1/supplier.reserve=duplicate_second",
    "reserve/strict/2/engine.complete=conflict",
    "reserve/strict/1/engine.fetched=swallow_after",
    "reserve/strict/1/database.settle=reset_after",
    "refuse/strict/1/supplier.reserve=reset_after",
    "release/strict/1/release.answered=kill",
    "release/strict/1/supplier.release=cut",
    "release/strict/2/database.claim=cut",
    "confirm/strict/1/confirm.claimed=kill",
    "confirm/strict/1/supplier.confirm=late",
    "confirm/strict/2/database.claim=swallow_after",
    "extend/strict/1/supplier.extend=reset_after",
    "extend/strict/2/extend.settled=kill",
    "reconcile/strict/1/lookup.answered=kill",
    "reconcile/idempotent/1/supplier.reserve=reset_before",
    "reconcile-absent/strict/1/supplier.reserve=reset_after",
    "ask/strict/1/engine.complete=reset_after",
    "publish/strict/1/relay.acked=kill",
    "publish/strict/2/relay.enqueued=freeze",
    "reserve~deleted/strict/2/reserve.settled=kill",
    "reserve~deleted/strict/1/supplier.reserve=slow",
    "reserve~cancelled/strict/1/supplier.reserve=reset_after",
];

fn single_faults(operation: Operation, inventory: Inventory) -> Vec<Vec<Fault>> {
    // Where the create is never repeated both inventories are one.
    if inventory == Inventory::Idempotent && !matches!(operation, Operation::Reserve | Operation::Reconcile) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for point in points(operation, inventory) {
        // Between the last look at the clock and the first byte nothing can help but the inventory's own memory of the key.
        let leaks = point == "call.sending" && inventory == Inventory::Strict && places(operation).contains(&"supplier.reserve");
        faults.extend(AT_POINTS.into_iter().filter(|act| !(leaks && *act == "freeze")).map(|act| vec![Fault::new(point.as_str(), act)]));
    }
    if inventory == Inventory::Idempotent && operation == Operation::Reserve {
        faults.push(vec![Fault::new("supplier.reserve", "duplicate")]);
        faults.push(vec![Fault::new("supplier.reserve", "duplicate_second")]);
        return faults;
    }
    let asked = if inventory == Inventory::Idempotent { vec!["supplier.reserve"] } else { places(operation) };
    for place in asked {
        let link = place.split('.').next().unwrap_or_default();
        let acts: &[&str] = match (link, place) {
            ("supplier", _) => &TO_SUPPLIER,
            (_, "engine.fetched") => &FETCHED,
            ("engine", _) => &TO_ENGINE,
            _ => &COMMITS,
        };
        // A request that is stopped on its way for longer than it may linger is the same leak.
        let leaks = place == "supplier.reserve" && inventory == Inventory::Strict;
        let acts = acts.iter().filter(|act| !(leaks && **act == "freeze_before"));
        faults.extend(acts.map(|act| vec![Fault::new(place, act)]));
        if link == "supplier" && !matches!(place, "supplier.reserve") {
            faults.push(vec![Fault::new(place, "duplicate")]);
        }
    }
    // What is published is written by the settlements of the other operations: only the relay's own way is struck here.
    if inventory == Inventory::Strict && operation != Operation::Publish {
        faults.push(vec![Fault::new("supplier.link", "refused")]);
        for link in ["engine.link", "database.link"] {
            faults.push(vec![Fault::new(link, "refused")]);
            faults.push(vec![Fault::new(link, "refused_long")]);
        }
    }
    faults
}

/// The points in the daemon that an operation passes.
fn points(operation: Operation, inventory: Inventory) -> Vec<String> {
    let effect = |name: &str| {
        let acts = ["claim_written", "claimed", "answered", "settle_written", "settled"].map(|act| format!("{name}.{act}"));
        acts.into_iter().chain(["call.sending".to_owned()]).collect::<Vec<_>>()
    };
    let topic = |name: &str| ["delivered", "telling", "told"].map(|act| format!("inventory.{name}.{act}")).to_vec();
    let waiting = ["waiting.locked", "waiting.telling", "waiting.told"].map(str::to_owned).to_vec();
    match operation {
        Operation::Reserve | Operation::Refuse => [effect("reserve"), topic("reserve")].concat(),
        Operation::Release => [effect("release"), topic("release")].concat(),
        Operation::Confirm => [effect("confirm"), topic("confirm")].concat(),
        Operation::Extend => [effect("extend"), topic("extend")].concat(),
        Operation::Reconcile => {
            let mut looked = effect(if inventory == Inventory::Strict { "lookup" } else { "reserve" });
            // A look-up is a GET: it has no body and no fence.
            looked.retain(|point| inventory == Inventory::Idempotent || point != "call.sending");
            [looked, waiting, vec!["reconciler.due".to_owned(), "reconciler.looked".to_owned()]].concat()
        }
        Operation::ReconcileAbsent => [effect("reserve"), waiting].concat(),
        Operation::Ask => topic("reconcile"),
        Operation::Publish => ["read", "enqueued", "acked", "mark_written", "marked"].map(|act| format!("relay.{act}")).to_vec(),
    }
}

/// The messages that an operation sends.
fn places(operation: Operation) -> Vec<&'static str> {
    let database = ["database.claim", "database.settle"];
    let of = |places: &[&'static str]| places.iter().copied().chain(database).collect();
    match operation {
        Operation::Reserve => of(&["supplier.reserve", "engine.fetched", "engine.complete"]),
        Operation::Refuse => of(&["supplier.reserve", "engine.bpmn_error"]),
        Operation::Release => of(&["supplier.release", "engine.fetched", "engine.complete"]),
        Operation::Confirm => of(&["supplier.confirm", "engine.fetched", "engine.complete"]),
        Operation::Extend => of(&["supplier.extend", "engine.fetched", "engine.complete"]),
        Operation::Reconcile => of(&["supplier.lookup", "engine.lock", "engine.settle", "database.forget"]),
        Operation::ReconcileAbsent => vec!["supplier.reserve", "engine.settle"],
        Operation::Ask => vec!["engine.complete"],
        Operation::Publish => Vec::new(),
    }
}

/// Cases with a story: what is unknown is reported while the report is struck, links go down between answer and settlement, and
/// the order is ended, cancelled, restarted or retried meanwhile.
fn stories(replicas: usize) -> Vec<Case> {
    let strict = |operation, faults| Case::new(operation, Inventory::Strict, replicas, faults);
    let mut cases = Vec::new();
    for operation in [Operation::Reserve, Operation::Release, Operation::Confirm, Operation::Extend] {
        let supplier = format!("supplier.{}", operation.as_str());
        let unknown = Fault::new(supplier.as_str(), "reset_after");
        for act in ["reset_before", "reset_after", "conflict", "kill_before", "kill_after", "freeze_before", "freeze_after"] {
            cases.push(strict(operation, vec![unknown.clone(), Fault::new("engine.failure", act)]));
        }
        for (link, act) in
            [("engine.link", "refused"), ("engine.link", "refused_long"), ("database.link", "refused"), ("database.link", "refused_long")]
        {
            cases.push(strict(operation, vec![Fault::new(supplier.as_str(), "slow"), Fault::new(link, act)]));
        }
    }
    for act in ["slow", "late", "act_late", "reset_before", "reset_after", "swallow_after"] {
        for twist in [Twist::Deleted, Twist::Cancelled] {
            cases.push(strict(Operation::Reserve, vec![Fault::new("supplier.reserve", act)]).twisted(twist));
        }
    }
    for operation in [Operation::Confirm, Operation::Extend] {
        for twist in [Twist::Deleted, Twist::Cancelled] {
            let supplier = format!("supplier.{}", operation.as_str());
            cases.push(strict(operation, vec![Fault::new(supplier.as_str(), "slow")]).twisted(twist));
            cases.push(strict(operation, vec![Fault::new(supplier.as_str(), "late")]).twisted(twist));
        }
    }
    for (place, act) in
        [("gone.known", "kill"), ("gone.known", "freeze"), ("database.want_release", "reset_before"), ("inventory.reserve.telling", "kill")]
    {
        cases
            .push(strict(Operation::Reserve, vec![Fault::new("supplier.reserve", "slow"), Fault::new(place, act)]).twisted(Twist::Deleted));
    }
    // The order is cancelled while the task of its reserve is at its worker and nothing is on record yet.
    cases.push(strict(Operation::Reserve, vec![Fault::new("inventory.reserve.delivered", "stall")]).twisted(Twist::Cancelled));
    // The order is deleted in the moment in which the worker that would have been told so dies.
    for (operation, point) in [(Operation::Reserve, "reserve.settled"), (Operation::Confirm, "confirm.settled")] {
        cases.push(strict(operation, vec![Fault::new(point, "kill")]).twisted(Twist::Deleted));
    }
    for twist in [Twist::Restarted, Twist::Retried] {
        cases.push(strict(Operation::Reserve, vec![Fault::new("supplier.reserve", "reset_after")]).twisted(twist));
        cases.push(strict(Operation::Reserve, vec![Fault::new("supplier.reserve", "reset_before")]).twisted(twist));
    }
    cases
}

/// A second fault at a moment at which the first one is being got over.
pub(crate) fn random_pair(dice: &mut impl FnMut(usize) -> usize) -> Case {
    let operation = [Operation::Reserve, Operation::Release, Operation::Confirm, Operation::Extend][dice(4)];
    let replicas = 1 + dice(2);
    let name = operation.as_str();
    let supplier = format!("supplier.{name}");
    let firsts: Vec<Fault> = [
        ("answered", "kill"),
        ("answered", "freeze"),
        ("claimed", "kill"),
        ("claimed", "freeze"),
        ("settle_written", "kill"),
        ("claim_written", "kill"),
    ]
    .into_iter()
    .map(|(point, act)| Fault::new(format!("{name}.{point}"), act))
    .chain(
        ["reset_after", "reset_before", "swallow_after", "late", "act_late", "cut", "garbage", "error_500", "kill_after"]
            .map(|act| Fault::new(supplier.as_str(), act)),
    )
    .chain(["reset_after", "kill_after", "cut", "late"].map(|act| Fault::new("database.settle", act)))
    .collect();
    let seconds: Vec<Fault> = ["claim_written", "claimed", "answered", "settle_written", "settled"]
        .into_iter()
        .flat_map(|point| AT_POINTS.map(|act| Fault::new(format!("lookup.{point}"), act)))
        .chain(["waiting.locked", "waiting.telling", "waiting.told"].into_iter().map(|point| Fault::new(point, "kill")))
        .chain(TO_SUPPLIER.into_iter().map(|act| Fault::new("supplier.lookup", act)))
        .chain(["complete", "settle", "failure", "lock"].into_iter().flat_map(|call| {
            ["reset_before", "reset_after", "kill_after", "conflict", "late"].map(|act| Fault::new(format!("engine.{call}"), act))
        }))
        .chain(["reset_before", "reset_after", "cut", "late", "kill_after"].map(|act| Fault::new("database.claim", act)))
        .collect();
    let (first, second) = (firsts[dice(firsts.len())].clone(), seconds[dice(seconds.len())].clone());
    Case::new(operation, Inventory::Strict, replicas, vec![first, second])
}
