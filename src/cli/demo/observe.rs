//! Fetches what the engine, the database and the inventory each say of an order.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use crate::cli::demo::engine_desk::PastIncident;
use crate::cli::demo::facts::{Facts, FaultFacts, HoldFacts, IncidentFacts, IncidentFate, InstanceFacts, ReservationFacts};
use crate::cli::demo::play::Played;
use crate::cli::demo::scenario::Scenario;
use crate::cli::demo::stage::Stage;
use crate::cli::error::CliError;
use crate::domain::{OrderId, Reservation};
use crate::engine::{ProcessInstanceId, VariableRecord};
use crate::simulator::{Hold, HoldLine, Operation};
use crate::store::{Timeline, TimelinePart};

/// The most reservations that an order of the demo can have.
const MOST_ROWS: i64 = 100;

/// All three accounts of an order.
pub(super) async fn observe(stage: &Stage, scenario: &Scenario, played: &Played) -> Result<Facts, CliError> {
    let order = played.order.to_string();
    let mut facts = Facts { stuck: played.stuck.clone(), ..Facts::default() };
    for instance in &played.instances {
        facts.instances.push(engines(stage, instance).await?);
    }

    for row in stage.store.list_reservations(&[stage.tenant], Some(OrderId(played.order)), MOST_ROWS).await? {
        if let Some(timeline) = stage.store.get_timeline(stage.tenant, row.id, &TimelinePart::WHOLE).await? {
            facts.reservations.push(ours(&timeline));
        }
    }

    let inventory = stage.inventory(scenario.source)?;
    facts.holds = inventory.holds(&order).await?.iter().map(theirs).collect();
    let ledger = inventory.ledger(&order, scenario.product).await?;
    facts.reserve_requests = ledger.iter().filter(|entry| entry.operation == Operation::Reserve).count();
    facts.first_request_at = ledger.first().map(|entry| entry.received_at);
    facts.on_hand = inventory.on_hand(scenario.product).await?.map(|now| (Decimal::from(scenario.on_hand), now.get()));
    if let (Some(id), Some((scope, fault))) = (played.fault, scenario.mishap.fault()) {
        let operation = format!("{scope:?}").to_lowercase();
        facts.fault = Some(FaultFacts { operation, kind: fault.name().to_owned(), fired: inventory.fired(id).await? });
    }
    Ok(facts)
}

/// The engine's account.
async fn engines(stage: &Stage, id: &ProcessInstanceId) -> Result<InstanceFacts, CliError> {
    let record = stage.engine.instance_record(id).await?;
    let passed = stage.desk.activities(id, true).await?;
    let waits_at = stage.desk.activities(id, false).await?;
    let named = |activity: &crate::cli::demo::engine_desk::Activity| {
        (activity.activity_id.clone(), activity.activity_name.clone().unwrap_or_else(|| activity.activity_id.clone()))
    };
    let names: HashMap<String, String> = passed.iter().chain(&waits_at).map(named).collect();
    let lines = stage.desk.task_lines(id).await?;
    let incidents = stage.desk.incidents(id).await?;
    let raised: HashSet<String> = incidents.iter().filter_map(|incident| incident.history_configuration.clone()).collect();
    let incidents = incidents.into_iter().map(|incident| {
        let completed = lines.iter().find(|line| line.success_log && Some(&line.external_task_id) == incident.configuration.as_ref());
        let by = completed.and_then(|line| line.worker_id.clone());
        incident_facts(&names, incident, by)
    });
    // A failure that raised no incident left attempts over.
    let failed = lines.iter().filter(|line| line.failure_log && !raised.contains(&line.id));
    let variables = stage.engine.variable_records(id).await?;
    Ok(InstanceFacts {
        id: id.clone(),
        state: record.map_or_else(|| "unknown to the engine".to_owned(), |record| record.state),
        ends: passed.iter().filter(|activity| activity.is_end()).map(named).collect(),
        waits_at: waits_at.iter().map(named).collect(),
        cancelled: passed.iter().any(|activity| activity.activity_id == "Start_OrderCancelled"),
        incidents: incidents.collect(),
        failed_attempts: failed.filter_map(|line| line.error_message.clone()).collect(),
        reference: text(&variables, id, "externalReservationRef"),
        error_message: text(&variables, id, "errorMessage"),
    })
}

fn incident_facts(names: &HashMap<String, String>, incident: PastIncident, completed_by: Option<String>) -> IncidentFacts {
    let at = incident.activity_id.unwrap_or_default();
    IncidentFacts {
        at: names.get(&at).cloned().unwrap_or(at),
        message: incident.incident_message.unwrap_or_default(),
        raised_at: incident.create_time,
        ended_at: incident.end_time,
        end: match (incident.open, incident.deleted) {
            (true, _) => IncidentFate::Open,
            (false, true) => IncidentFate::Deleted,
            (false, false) => IncidentFate::Resolved { by: completed_by },
        },
    }
}

/// A text variable of the process itself; those of its activities are their own affair.
fn text(variables: &[VariableRecord], instance: &ProcessInstanceId, name: &str) -> Option<String> {
    let of_process = |variable: &&VariableRecord| variable.activity_instance_id.as_deref() == Some(instance.as_str());
    let found = variables.iter().filter(of_process).find(|variable| variable.name == name)?;
    found.value.as_str().map(str::to_owned)
}

/// The database's account.
fn ours(timeline: &Timeline) -> ReservationFacts {
    let row = &timeline.reservation;
    ReservationFacts {
        id: row.id.to_string(),
        status: row.status,
        key: row.key.as_str().to_owned(),
        reference: row.reference.as_ref().map(|reference| reference.as_str().to_owned()),
        reserved: reserved(row),
        rejection: row.rejection.as_ref().map(|rejection| rejection.code.clone()),
        decided_by: timeline.entries.iter().find(|entry| entry.by.starts_with("human")).map(|entry| entry.by.clone()),
        fact_count: row.event_sequence.unsigned_abs(),
    }
}

/// How much is held of all lines; nothing if it is not known of every line.
fn reserved(row: &Reservation) -> Option<Decimal> {
    row.lines.iter().map(|line| line.reserved).sum()
}

/// The inventory's account.
fn theirs(hold: &Hold) -> HoldFacts {
    let all = |amount: fn(&HoldLine) -> Decimal| hold.lines.iter().map(amount).sum();
    HoldFacts {
        reference: hold.reference.clone(),
        key: hold.request_key.clone(),
        state: hold.state,
        requested: all(|line| line.requested.get()),
        reserved: all(|line| line.reserved.get()),
    }
}
