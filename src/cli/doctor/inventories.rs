//! The inventories: reachable, speaking as their profiles say, able to do what makes an unknown outcome knowable.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use uuid::Uuid;

use super::clocks::{Reading, compare};
use super::finding::{Findings, Level};
use crate::clock::SharedClock;
use crate::domain::{
    Answer, AttemptGroup, Capabilities, ExternalReference, IdempotencyKey, Look, Operation, OrderId, OrderLine, OrderLineId, Quantity,
    ReservationStep, TenantId,
};
use crate::supplier::{CheckAsk, HoldAsk, Question, Reply, Source};

/// A product and a reference that nobody has.
const MADE_UP: &str = "holdfast-doctor";

/// Looks one inventory over: asks for a hold that cannot be there.
pub(super) async fn check(source: &Source, tenant: TenantId, clock: &SharedClock, skew: TimeDelta) -> Findings {
    let mut findings = Findings::of("inventories");
    let name = source.name.as_str();
    let asked_at = clock.now();
    let reached = probe(source, tenant, &mut findings).await;
    abilities(name, source.supplier.capabilities(), &mut findings);
    if reached {
        let dated_at = clock.now();
        match source.supplier.server_date(source.timeout).await {
            Some(theirs) => compare(&mut findings, name, Reading::of_date(dated_at, clock.now(), theirs), skew),
            None => findings.add(Level::Note, name, "its answers carry no date, so that its clock cannot be compared", ""),
        }
        let took = clock.now() - asked_at;
        if took.to_std().is_ok_and(|took| took > source.timeout) {
            findings.add(
                Level::Warning,
                name,
                format!("it took {} ms to answer, about as long as a call may take", took.num_milliseconds()),
                "raise timeout_ms, or find out why it is slow: every call that times out leaves an outcome to be found out",
            );
        }
    }
    findings
}

/// Asks something that acts on nothing; says whether anybody answered.
async fn probe(source: &Source, tenant: TenantId, findings: &mut Findings) -> bool {
    let name = source.name.as_str();
    let lookup = hold_ask(source, tenant);
    if source.supplier.obstacle(Question::Hold(Operation::Lookup, &lookup)).is_none() {
        let Reply { answer, evidence } = source.supplier.lookup(&lookup).await;
        return match answer {
            Answer::Done(Look::Absent) => {
                findings.ok(name, "looks up a hold, and says that a made-up one is not there");
                true
            }
            Answer::Done(Look::Found(_)) => {
                findings.add(
                    Level::Error,
                    name,
                    "says that it has a hold which cannot exist: its look-up does not go by the key",
                    "correct the profile's look-up: with this one, outcomes would be believed that never were",
                );
                true
            }
            other => not_as_it_should(name, other, evidence.http_status, findings),
        };
    }
    let check = check_ask(source, tenant);
    if source.supplier.obstacle(Question::Check(&check)).is_none() {
        let Reply { answer, evidence } = source.supplier.check(&check).await;
        return match answer {
            Answer::Done(_) | Answer::Refused(_) => {
                findings.ok(name, "answers an availability check");
                true
            }
            other => not_as_it_should(name, other.map(|_| Look::Absent), evidence.http_status, findings),
        };
    }
    let date = source.supplier.server_date(source.timeout).await;
    if date.is_some() {
        findings.ok(name, "answers; nothing that its profile describes could be asked without an effect");
    } else {
        findings.add(
            Level::Warning,
            name,
            "nothing that its profile describes could be asked without an effect, and its address alone gave no answer",
            "check base_url, and that it can be reached from this host",
        );
    }
    date.is_some()
}

fn not_as_it_should(name: &str, answer: Answer<Look>, status: Option<u16>, findings: &mut Findings) -> bool {
    match (answer, status) {
        (Answer::NotSent(why), _) => {
            findings.add(
                Level::Error,
                name,
                format!("cannot be reached: {why}"),
                format!("check sources.{name}.base_url, and that the inventory runs and can be reached from this host"),
            );
            false
        }
        (Answer::Unknown(why), Some(401 | 403)) => {
            findings.add(
                Level::Error,
                name,
                format!("does not let us in: {why}"),
                format!("check sources.{name}.auth; its secrets come by environment"),
            );
            true
        }
        (Answer::Unknown(why), status) => {
            findings.add(
                Level::Error,
                name,
                format!("does not answer as its profile says: {why}"),
                format!(
                    "compare sources.{name}.profile with the inventory's API; what a profile does not list is unknown (docs/inventories.md)"
                ),
            );
            status.is_some()
        }
        (Answer::Done(_) | Answer::Refused(_), _) => {
            findings.add(Level::Warning, name, "refuses to be asked about a hold", "correct the profile's look-up");
            true
        }
    }
}

/// Says what it can do, and what follows for an outcome that is unknown.
fn abilities(name: &str, can: Capabilities, findings: &mut Findings) {
    let list = [
        (can.idempotent_create, "create the same key twice safely"),
        (can.lookup, "look up"),
        (can.release, "release"),
        (can.idempotent_release, "release twice safely"),
        (can.confirm, "confirm"),
        (can.extend, "extend"),
        (can.list, "list its active holds"),
    ];
    let (able, unable): (Vec<_>, Vec<_>) = list.into_iter().partition(|(can, _)| *can);
    let words = |list: Vec<(bool, &'static str)>| list.into_iter().map(|(_, what)| what).collect::<Vec<_>>().join(", ");
    let cannot = if unable.is_empty() { String::new() } else { format!("; it cannot {}", words(unable)) };
    findings.ok(name, format!("can {}{cannot}", words(able)));
    let keyed = can.idempotent_create || can.lookup_by_key;
    if !keyed && can.list {
        findings.add(
            Level::Note,
            name,
            "an unknown reserve is looked for in the whole list of active holds, by order, lines and time; where that is not clear, a human decides",
            "",
        );
    } else if !keyed {
        findings.add(
            Level::Warning,
            name,
            "an unknown reserve can be found out by nobody but a human: it neither remembers a key nor looks one up, and lists nothing",
            "describe a look-up by key in the profile, or a list; if the API has neither, ask its owners for one",
        );
    }
    if can.release && !can.idempotent_release && !can.lookup && !can.list {
        findings.add(
            Level::Warning,
            name,
            "an unknown release can be found out by nobody but a human",
            "describe a look-up in the profile, or promise idempotent_release if that is so",
        );
    }
    if !can.release {
        findings.add(Level::Note, name, "holds cannot be released: what a cancelled order holds runs out by itself", "");
    }
}

fn hold_ask(source: &Source, tenant: TenantId) -> HoldAsk {
    // Random, so that no two doctors ask about the same hold, and none of an order.
    let order = OrderId(Uuid::new_v4());
    let key = ReservationStep::parse(MADE_UP)
        .map_or_else(|_| IdempotencyKey::stored(order.to_string()), |step| IdempotencyKey::derive(order, &step, AttemptGroup::FIRST));
    let key_only = HoldAsk {
        tenant,
        source: source.name.clone(),
        order,
        key,
        reference: None,
        lines: Vec::new(),
        hold_seconds: 1,
        until: None,
        accept_partial: false,
        customer: None,
        location: None,
        timeout: source.timeout,
        send_before: Instant::now() + source.timeout + Duration::from_secs(1),
    };
    if source.supplier.obstacle(Question::Hold(Operation::Lookup, &key_only)).is_none() {
        return key_only;
    }
    HoldAsk { reference: ExternalReference::parse(&format!("{MADE_UP}-{order}")).ok(), ..key_only }
}

fn check_ask(source: &Source, tenant: TenantId) -> CheckAsk {
    let line = Quantity::parse("1").ok().map(|quantity| OrderLine {
        order_line: OrderLineId(Uuid::new_v4()),
        product_offering: MADE_UP.to_owned(),
        quantity,
        location: None,
    });
    CheckAsk {
        tenant,
        correlation: MADE_UP.to_owned(),
        lines: line.into_iter().collect(),
        customer: None,
        location: None,
        channel: None,
        timeout: source.check_timeout,
    }
}
