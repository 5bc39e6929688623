//! Whether the three accounts of an order agree with each other, and with what the scenario is about.

use crate::cli::demo::facts::{Facts, HoldFacts, IncidentFate, InstanceFacts, ReservationFacts, count, hold_word};
use crate::cli::demo::scenario::{End, Here, IncidentEnd, Scenario};
use crate::domain::ReservationStatus as Status;
use crate::simulator::HoldState;

/// The suffix of the worker id under which the daemon ends an incident by itself.
const RECONCILER: &str = "#reconciler";
/// Where an order waits for fulfilment.
pub(super) const WAITS_AT: &str = "Receive_FulfilmentDone";

/// Everything that disagrees, each as a sentence; nothing if all agree.
pub(super) fn disagreements(scenario: &Scenario, facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(facts.stuck.clone());
    database_and_inventory(facts, &mut found);
    database_and_engine(facts, &mut found);
    as_expected(scenario, facts, &mut found);
    found
}

/// The state of a hold that belongs to a state of ours; nothing where there must be no hold.
fn hold_of(status: Status) -> Option<HoldState> {
    match status {
        Status::Reserved => Some(HoldState::Held),
        Status::Confirmed => Some(HoldState::Confirmed),
        Status::Released => Some(HoldState::Released),
        Status::Expired => Some(HoldState::Expired),
        Status::Requested | Status::Rejected | Status::Unknown | Status::ReleaseRequested | Status::ReleaseUnknown => None,
    }
}

fn database_and_inventory(facts: &Facts, found: &mut Vec<String>) {
    for row in &facts.reservations {
        if matches!(row.status, Status::Unknown | Status::ReleaseUnknown | Status::ReleaseRequested | Status::Requested) {
            found.push(format!("the database does not know the end of {}: it is {}", row.key, row.status));
        }
        let holds: Vec<&HoldFacts> = facts.holds.iter().filter(|hold| hold.key == row.key).collect();
        match (hold_of(row.status), holds.as_slice()) {
            (None, []) => {}
            (Some(_), [hold]) => row_and_hold(row, hold, found),
            (None, holds) => found.push(format!(
                "the database says {} of {}, the inventory has {} of it",
                row.status,
                row.key,
                count(holds.len(), "hold")
            )),
            // What was released or has expired may be forgotten.
            (Some(HoldState::Released | HoldState::Expired), []) => {}
            (Some(_), []) => found.push(format!("the database says {} of {}, the inventory has no hold of it", row.status, row.key)),
            (Some(_), holds) => found.push(format!("the inventory has {} of {}: there must be one", count(holds.len(), "hold"), row.key)),
        }
    }
    for hold in facts.holds.iter().filter(|hold| facts.reservations.iter().all(|row| row.key != hold.key)) {
        found.push(format!("the inventory has a hold that the database does not know: {} of {}", hold.reference, hold.key));
    }
    let active = facts.holds.iter().filter(|hold| hold.is_active()).count();
    if active > 1 {
        found.push(format!("the inventory has {active} active holds of one order"));
    }
}

fn row_and_hold(row: &ReservationFacts, hold: &HoldFacts, found: &mut Vec<String>) {
    if hold_of(row.status) != Some(hold.state) {
        found.push(format!("the database says {} of {}, the inventory says {}", row.status, row.key, hold_word(hold.state)));
    }
    if row.reference.as_ref().is_none_or(|reference| *reference != hold.reference) {
        let ours = row.reference.as_deref().unwrap_or("no name");
        found.push(format!("the database has {ours} for the hold that the inventory calls {}", hold.reference));
    }
    if row.reserved.is_some_and(|reserved| reserved != hold.reserved) {
        let ours = row.reserved.unwrap_or_default();
        found.push(format!("the database says that {ours} are held under {}, the inventory says {}", hold.reference, hold.reserved));
    }
}

fn database_and_engine(facts: &Facts, found: &mut Vec<String>) {
    let newest = facts.reservations.last();
    let status = newest.map(|row| row.status);
    for instance in &facts.instances {
        let fits = match (end_of(instance), status) {
            (Some("End_OrderFulfilled"), status) => status == Some(Status::Confirmed),
            (Some("End_NotAvailable"), status) => status.is_none(),
            (Some("End_OrderRejected"), status) => status == Some(Status::Rejected),
            (Some("End_OrderCancelled"), status) => matches!(status, None | Some(Status::Released | Status::Expired | Status::Rejected)),
            (None, status) if waits(instance) => status == Some(Status::Reserved),
            // Whether this is an end that the order should have is for the scenario to say.
            _ => true,
        };
        if !fits {
            let ours = status.map_or("no reservation".to_owned(), |status| status.to_string());
            found.push(format!("the engine's instance {} is at {}, the database has {ours}", instance.id, place(instance)));
        }
        let (theirs, ours) = (&instance.reference, newest.and_then(|row| row.reference.as_ref()));
        if theirs.as_ref().is_some_and(|theirs| Some(theirs) != ours) {
            let (theirs, ours) = (theirs.as_deref().unwrap_or("none"), ours.map_or("none", String::as_str));
            found.push(format!("the process has the reference {theirs}, the database {ours}"));
        }
    }
}

fn as_expected(scenario: &Scenario, facts: &Facts, found: &mut Vec<String>) {
    let expect = &scenario.expect;
    if facts.instances.len() != scenario.instances {
        found.push(format!("{} of {} instances were started", facts.instances.len(), scenario.instances));
    }
    for instance in &facts.instances {
        let there = match expect.end {
            End::At(end) => instance.state == "COMPLETED" && end_of(instance) == Some(end),
            End::Waits => instance.state == "ACTIVE" && waits(instance),
        };
        if !there {
            let wanted = match expect.end {
                End::At(end) => end,
                End::Waits => WAITS_AT,
            };
            found.push(format!(
                "the engine's instance {} is {} at {}, it should be at {wanted}",
                instance.id,
                instance.state,
                place(instance)
            ));
        }
    }
    let states: Vec<Status> = facts.reservations.iter().map(|row| row.status).collect();
    let as_wanted = match (expect.here, states.as_slice()) {
        (Here::Nothing, []) => true,
        (Here::One(wanted), [only]) => wanted == *only,
        (Here::AfterExpiry(wanted), [lost @ .., last]) => !lost.is_empty() && lost.iter().all(|s| *s == Status::Expired) && wanted == *last,
        _ => false,
    };
    if !as_wanted {
        found.push(format!("the database should have {}, it has {}", describe(expect.here), list(&states)));
    }
    if scenario.mishap.fault().is_some() && facts.fault.as_ref().is_none_or(|fault| fault.fired != 1) {
        let fired = facts.fault.as_ref().map_or(0, |fault| fault.fired);
        found.push(format!("the fault should have struck one request, it struck {fired}"));
    }
    if let Some((begins, end)) = expect.incident
        && !facts.incidents().any(|incident| incident.message.starts_with(begins) && ended_as(&incident.end, end))
    {
        found.push(format!("the engine's history has no incident `{begins}` that {}", how(end)));
    }
    if let Some(open) = facts.incidents().find(|incident| incident.end == IncidentFate::Open) {
        found.push(format!("an incident is open at {}", open.at));
    }
    let failed = facts.failed_attempts().count();
    if failed < expect.retried {
        found.push(format!("at least {} attempts should have failed and been repeated, {failed} did", expect.retried));
    }
    if expect.partial && !facts.holds.iter().any(|hold| hold.is_active() && hold.reserved < hold.requested) {
        found.push("the inventory holds all that was asked for, not a part of it".to_owned());
    }
    if expect.decided && !facts.reservations.iter().any(|row| row.decided_by.is_some()) {
        found.push("the database has no human's decision on record".to_owned());
    }
    if scenario.quantity == 0 {
        let corrected = facts.incidents().filter_map(|incident| incident.ended_at).min();
        if corrected.is_none_or(|corrected| facts.first_request_at.is_none_or(|sent| sent < corrected)) {
            found.push("something was sent to the inventory before the input was corrected".to_owned());
        }
    }
}

/// The one end event of `order-fulfilment` that an instance reached.
pub(super) fn end_of(instance: &InstanceFacts) -> Option<&str> {
    instance.ends.last().map(|(id, _)| id.as_str())
}

fn waits(instance: &InstanceFacts) -> bool {
    instance.waits_at.iter().any(|(id, _)| id == WAITS_AT)
}

fn place(instance: &InstanceFacts) -> String {
    let places: Vec<&str> = instance.ends.iter().chain(&instance.waits_at).map(|(id, _)| id.as_str()).collect();
    if places.is_empty() { "no known place".to_owned() } else { places.join(", ") }
}

/// Whether an incident that was ended so counts as ended as wanted.
fn ended_as(fate: &IncidentFate, wanted: IncidentEnd) -> bool {
    match (fate, wanted) {
        (IncidentFate::Resolved { by: Some(by) }, IncidentEnd::ByDaemon) => by.ends_with(RECONCILER),
        (IncidentFate::Resolved { by }, IncidentEnd::ByRetry) => by.as_ref().is_some_and(|by| !by.ends_with(RECONCILER)),
        (IncidentFate::Deleted, IncidentEnd::MovedOn) => true,
        _ => false,
    }
}

fn how(end: IncidentEnd) -> &'static str {
    match end {
        IncidentEnd::ByDaemon => "the daemon resolved by itself",
        IncidentEnd::ByRetry => "a retry resolved",
        IncidentEnd::MovedOn => "ended because the process moved on",
    }
}

fn describe(here: Here) -> String {
    match here {
        Here::Nothing => "nothing".to_owned(),
        Here::One(status) => status.to_string(),
        Here::AfterExpiry(status) => format!("EXPIRED, then {status}"),
    }
}

fn list(states: &[Status]) -> String {
    if states.is_empty() { "nothing".to_owned() } else { states.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use rust_decimal::Decimal;

    use super::*;
    use crate::cli::demo::facts::{FaultFacts, IncidentFacts};
    use crate::cli::demo::scenarios::SCENARIOS;
    use crate::engine::ProcessInstanceId;

    fn scenario(name: &str) -> &'static Scenario {
        SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap()
    }

    fn instance(end: &str) -> InstanceFacts {
        InstanceFacts {
            id: ProcessInstanceId::new("i"),
            state: "COMPLETED".to_owned(),
            ends: vec![(end.to_owned(), String::new())],
            waits_at: Vec::new(),
            cancelled: false,
            incidents: Vec::new(),
            failed_attempts: Vec::new(),
            reference: None,
            error_message: None,
        }
    }

    fn row(key: &str, status: Status) -> ReservationFacts {
        ReservationFacts {
            id: "r".to_owned(),
            status,
            key: key.to_owned(),
            reference: hold_of(status).map(|_| format!("HOLD-{key}")),
            reserved: Some(Decimal::ONE),
            rejection: None,
            decided_by: None,
            fact_count: 1,
        }
    }

    fn hold(key: &str, state: HoldState) -> HoldFacts {
        HoldFacts { reference: format!("HOLD-{key}"), key: key.to_owned(), state, requested: Decimal::ONE, reserved: Decimal::ONE }
    }

    fn success() -> Facts {
        Facts {
            instances: vec![InstanceFacts { reference: Some("HOLD-k".to_owned()), ..instance("End_OrderFulfilled") }],
            reservations: vec![row("k", Status::Confirmed)],
            holds: vec![hold("k", HoldState::Confirmed)],
            reserve_requests: 1,
            ..Facts::default()
        }
    }

    fn incident(message: &str, end: IncidentFate) -> IncidentFacts {
        IncidentFacts { at: "Reserve stock".to_owned(), message: message.to_owned(), raised_at: None, ended_at: None, end }
    }

    fn judged(name: &str, change: impl FnOnce(&mut Facts)) -> Vec<String> {
        let mut facts = success();
        change(&mut facts);
        disagreements(scenario(name), &facts)
    }

    #[test]
    fn three_accounts_of_a_plain_success_agree() {
        assert_eq!(judged("plain success", |_| ()), Vec::<String>::new());
    }

    #[test]
    fn a_hold_that_is_not_what_the_database_says_disagrees() {
        for state in [HoldState::Held, HoldState::Released, HoldState::Expired] {
            let found = judged("plain success", |facts| facts.holds[0].state = state);
            assert!(found[0].starts_with("the database says CONFIRMED of k, the inventory says"), "{found:?}");
        }
        assert!(judged("plain success", |facts| facts.holds.clear())[0].ends_with("has no hold of it"));
        assert!(judged("plain success", |facts| facts.holds[0].reserved = Decimal::TWO)[0].contains("the inventory says 2"));
        assert!(judged("plain success", |facts| facts.holds[0].reference = "HOLD-other".to_owned())[0].contains("HOLD-other"));
    }

    #[test]
    fn a_second_hold_disagrees_whether_its_key_is_known_or_not() {
        let found = judged("plain success", |facts| facts.holds.push(hold("k", HoldState::Held)));
        assert!(found[0].contains("2 holds of k"), "{found:?}");
        let found = judged("plain success", |facts| facts.holds.push(hold("z", HoldState::Held)));
        assert_eq!(
            found,
            ["the inventory has a hold that the database does not know: HOLD-z of z", "the inventory has 2 active holds of one order"]
        );
    }

    #[test]
    fn a_hold_under_a_refused_or_unknown_reservation_disagrees() {
        let found = judged("sold out meanwhile", |facts| facts.reservations[0].status = Status::Rejected);
        assert!(found[0].contains("says REJECTED of k, the inventory has 1 hold"), "{found:?}");
        let found = judged("plain success", |facts| facts.reservations[0].status = Status::Unknown);
        assert!(found[0].contains("does not know the end of k"), "{found:?}");
    }

    #[test]
    fn an_end_that_the_database_does_not_bear_out_disagrees() {
        let found = judged("plain success", |facts| facts.instances[0].ends[0].0 = "End_OrderCancelled".to_owned());
        assert!(found[0].contains("is at End_OrderCancelled, the database has CONFIRMED"), "{found:?}");
        let found = judged("plain success", |facts| facts.instances[0].reference = Some("HOLD-z".to_owned()));
        assert_eq!(found, ["the process has the reference HOLD-z, the database HOLD-k"]);
        let found = judged("plain success", |facts| facts.instances[0].state = "ACTIVE".to_owned());
        assert!(found[0].contains("should be at End_OrderFulfilled"), "{found:?}");
    }

    #[test]
    fn a_fault_that_never_fired_proves_nothing() {
        let struck = |fired| {
            judged("answer swallowed", |facts| {
                let by = Some("holdfast/h/1#reconciler".to_owned());
                facts.fault = Some(FaultFacts { operation: "reserve".to_owned(), kind: "swallow_answer".to_owned(), fired });
                facts.instances[0].incidents.push(incident("OUTCOME UNKNOWN of the reserve at x", IncidentFate::Resolved { by }));
            })
        };
        assert_eq!(struck(1), Vec::<String>::new());
        assert_eq!(struck(0), ["the fault should have struck one request, it struck 0"]);
    }

    #[test]
    fn an_incident_counts_only_if_it_ended_as_the_scenario_says() {
        let by = |worker: &str| IncidentFate::Resolved { by: Some(worker.to_owned()) };
        for (fate, agrees) in
            [(by("w#reconciler"), true), (by("w#starts"), false), (IncidentFate::Deleted, false), (IncidentFate::Open, false)]
        {
            let found = judged("answer swallowed", |facts| {
                facts.fault = Some(FaultFacts { operation: String::new(), kind: String::new(), fired: 1 });
                facts.instances[0].incidents.push(incident("OUTCOME UNKNOWN of the reserve", fate.clone()));
            });
            assert_eq!(found.is_empty(), agrees, "{fate:?}: {found:?}");
        }
    }

    #[test]
    fn input_is_corrected_before_anything_is_sent() {
        let at = |seconds| Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds));
        let sent = |first| {
            judged("quantity 0", |facts| {
                let by = IncidentFate::Resolved { by: Some("w#starts".to_owned()) };
                let bad = incident("BAD INPUT: variable `orderLines[0].quantity` must be more", by);
                facts.instances[0].incidents.push(IncidentFacts { ended_at: at(10), ..bad });
                facts.first_request_at = first;
            })
        };
        assert_eq!(sent(at(11)), Vec::<String>::new());
        assert_eq!(sent(at(9)), ["something was sent to the inventory before the input was corrected"]);
    }

    #[test]
    fn a_lost_hold_and_its_successor_agree_and_a_lost_hold_alone_does_not() {
        let both = |facts: &mut Facts| {
            facts.reservations.insert(0, row("j", Status::Expired));
            facts.holds.insert(0, hold("j", HoldState::Expired));
        };
        assert_eq!(judged("hold ran out", both), Vec::<String>::new());
        assert_eq!(judged("hold ran out", |_| ()), ["the database should have EXPIRED, then CONFIRMED, it has CONFIRMED"]);
    }

    #[test]
    fn the_other_expectations_are_checked_too() {
        assert_eq!(judged("inventory down", |_| ()), ["at least 2 attempts should have failed and been repeated, 0 did"]);
        assert!(
            judged("partial", |facts| facts.fault = Some(FaultFacts { operation: String::new(), kind: String::new(), fired: 1 }))[0]
                .contains("not a part")
        );
        assert!(judged("a human decides", |_| ()).iter().any(|found| found.contains("no human's decision")));
        assert_eq!(judged("duplicate request", |_| ()), ["1 of 2 instances were started"]);
        assert_eq!(judged("plain success", |facts| facts.stuck = Some("gave up".to_owned())), ["gave up"]);
    }
}
