//! What happened to an order, told from what was observed and from nothing else.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::cli::demo::facts::{Facts, IncidentFacts, IncidentFate, ReservationFacts, count};
use crate::domain::ReservationStatus as Status;

/// The sentence of the table.
pub(super) fn tell(facts: &Facts) -> String {
    let mut parts = Vec::new();
    if facts.instances.len() > 1 {
        parts.push(format!("started {} times", facts.instances.len()));
    }
    parts.extend(failed_attempts(facts));
    parts.extend(fault(facts));
    parts.extend(facts.incidents().map(incident));
    parts.extend(facts.reservations.iter().find_map(decision));
    parts.extend(refusal(facts));
    let lost = facts.reservations.iter().filter(|row| row.status == Status::Expired).count();
    if lost > 0 {
        parts.push(format!(
            "the hold of {} ran out, another attempt was made",
            if lost == 1 { "one attempt".to_owned() } else { format!("{lost} attempts") }
        ));
    }
    if let Some(hold) = facts.holds.iter().find(|hold| hold.reserved < hold.requested) {
        parts.push(format!("{} of {} were held", hold.reserved, hold.requested));
    }
    if facts.instances.iter().any(|instance| instance.cancelled) {
        parts.push("cancelled after it was reserved".to_owned());
    }
    if parts.is_empty() {
        parts.extend(facts.reservations.last().and_then(|row| plainly(row.status)).map(str::to_owned));
    }
    parts.push(requests(facts));
    let mut text = parts.join("; ");
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    text
}

/// What to say of an order to which nothing happened.
fn plainly(status: Status) -> Option<&'static str> {
    match status {
        Status::Reserved => Some("reserved; it waits for fulfilment"),
        Status::Confirmed => Some("reserved, fulfilled, confirmed"),
        Status::Requested | Status::Rejected | Status::Unknown | Status::ReleaseRequested | Status::Released => None,
        Status::ReleaseUnknown | Status::Expired => None,
    }
}

fn failed_attempts(facts: &Facts) -> Option<String> {
    let attempts: Vec<&String> = facts.failed_attempts().collect();
    let last = attempts.last()?;
    let times = if attempts.len() == 1 { "1 attempt".to_owned() } else { format!("{} attempts", attempts.len()) };
    let why = if last.contains("refused") { "connection refused" } else { last.as_str() };
    Some(format!("{times} failed ({}), then it went through", cut(why, 60)))
}

fn fault(facts: &Facts) -> Option<String> {
    let fault = facts.fault.as_ref().filter(|fault| fault.fired > 0)?;
    Some(match fault.kind.as_str() {
        "swallow_answer" => format!("the inventory acted on the {}, its answer was lost", fault.operation),
        "slow" => match facts.on_hand {
            Some((before, after)) => {
                format!("stock went from {} to {} while the answer to the {} was under way", plain(before), plain(after), fault.operation)
            }
            None => format!("the {} was answered late", fault.operation),
        },
        kind => format!("{kind} struck the {}", fault.operation),
    })
}

fn incident(incident: &IncidentFacts) -> String {
    let what = incident.message.split([':', '.']).next().unwrap_or_default();
    let what = what.split(" at `").next().unwrap_or_default();
    let end = match &incident.end {
        IncidentFate::Open => "which is open".to_owned(),
        IncidentFate::Resolved { by: Some(by) } if by.ends_with("#reconciler") => {
            format!("resolved by the daemon{}", after(incident.raised_at, incident.ended_at))
        }
        IncidentFate::Resolved { .. } if incident.message.starts_with("BAD INPUT") => {
            format!("corrected and retried{}", after(incident.raised_at, incident.ended_at))
        }
        IncidentFate::Resolved { .. } => format!("resolved by a retry{}", after(incident.raised_at, incident.ended_at)),
        IncidentFate::Deleted => "from which the order moved on".to_owned(),
    };
    let variable = incident.message.split('`').nth(1).filter(|_| incident.message.starts_with("BAD INPUT"));
    let variable = variable.map(|variable| format!(" ({variable})")).unwrap_or_default();
    format!("incident at {}: {what}{variable}, {end}", incident.at)
}

fn decision(row: &ReservationFacts) -> Option<String> {
    row.decided_by.as_ref().map(|who| format!("the user {} decided through the form", who.trim_start_matches("human: ")))
}

fn refusal(facts: &Facts) -> Option<String> {
    if let Some(code) = facts.reservations.iter().find_map(|row| row.rejection.as_ref()) {
        return Some(format!("the inventory refused with {code}"));
    }
    let lost = facts.reservations.iter().any(|row| row.status == Status::Expired);
    facts.instances.iter().find_map(|instance| instance.error_message.clone()).filter(|_| !lost)
}

fn requests(facts: &Facts) -> String {
    match (facts.reserve_requests, facts.holds.len()) {
        (0, 0) => "nothing was reserved".to_owned(),
        (asked, 0) => format!("{} to reserve, no hold", count(asked, "request")),
        (asked, placed) => format!("{} to reserve, {}", count(asked, "request"), count(placed, "hold")),
    }
}

fn after(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> String {
    match from.zip(to).and_then(|(from, to)| (to - from).to_std().ok()) {
        Some(time) => format!(" after {:.1} s", time.as_secs_f64()),
        None => String::new(),
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain("…".chars()).collect() }
}

/// What the inventory still holds, or how its holds ended.
pub(super) fn holds(facts: &Facts) -> String {
    if facts.holds.is_empty() {
        return "no hold".to_owned();
    }
    let words = facts.holds.iter().map(|hold| {
        let part =
            if hold.reserved == hold.requested { String::new() } else { format!(" {} of {}", plain(hold.reserved), plain(hold.requested)) };
        format!("{}{part}", super::facts::hold_word(hold.state))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn plain(quantity: Decimal) -> String {
    quantity.normalize().to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::cli::demo::facts::{FaultFacts, HoldFacts, InstanceFacts};
    use crate::engine::ProcessInstanceId;
    use crate::simulator::HoldState;

    fn instance() -> InstanceFacts {
        InstanceFacts {
            id: ProcessInstanceId::new("i"),
            state: "COMPLETED".to_owned(),
            ends: Vec::new(),
            waits_at: Vec::new(),
            cancelled: false,
            incidents: Vec::new(),
            failed_attempts: Vec::new(),
            reference: None,
            error_message: None,
        }
    }

    #[test]
    fn nothing_is_told_that_was_not_observed() {
        let facts = Facts { instances: vec![instance()], ..Facts::default() };
        assert_eq!(tell(&facts), "Nothing was reserved");
        let unfired = FaultFacts { operation: "reserve".to_owned(), kind: "swallow_answer".to_owned(), fired: 0 };
        assert_eq!(tell(&Facts { fault: Some(unfired), ..facts }), "Nothing was reserved");
    }

    #[test]
    fn an_incident_is_told_with_its_end_and_its_time() {
        let raised = DateTime::UNIX_EPOCH;
        let mut seen = IncidentFacts {
            at: "Reserve stock".to_owned(),
            message: "OUTCOME UNKNOWN of the reserve at `main`: no answer. More".to_owned(),
            raised_at: Some(raised),
            ended_at: Some(raised + TimeDelta::milliseconds(1_540)),
            end: IncidentFate::Resolved { by: Some("w#reconciler".to_owned()) },
        };
        assert_eq!(incident(&seen), "incident at Reserve stock: OUTCOME UNKNOWN of the reserve, resolved by the daemon after 1.5 s");
        seen.message = "BAD INPUT: variable `orderLines[0].quantity` must be".to_owned();
        seen.end = IncidentFate::Resolved { by: Some("w#starts".to_owned()) };
        assert_eq!(incident(&seen), "incident at Reserve stock: BAD INPUT (orderLines[0].quantity), corrected and retried after 1.5 s");
    }

    #[test]
    fn a_part_is_told_by_its_numbers() {
        let hold = HoldFacts {
            reference: "H".to_owned(),
            key: "k".to_owned(),
            state: HoldState::Confirmed,
            requested: Decimal::from(5),
            reserved: Decimal::from(3),
        };
        let facts = Facts { instances: vec![instance()], holds: vec![hold], reserve_requests: 1, ..Facts::default() };
        assert_eq!(tell(&facts), "3 of 5 were held; 1 request to reserve, 1 hold");
        assert_eq!(holds(&facts), "CONFIRMED 3 of 5");
    }
}
