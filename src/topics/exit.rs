//! The one table from what an operation came to, to what the engine hears.
//!
//! | what happened | the engine hears |
//! |---|---|
//! | done | complete, with what is known of the reservation |
//! | refused, or the hold is lost | the BPMN error of the topic, with code and lines as variables |
//! | nothing was sent; the database is away | failure, with retries left |
//! | the outcome is not known | failure without retries: an incident |
//! | a bad variable, an unknown source, a key in use | failure without retries, naming the variable |
//! | somebody else works on the row | nothing yet |

use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use serde_json::json;

use crate::chain::chain;
use crate::domain::{Refused, Reservation, ReservationId, ReservationStatus as Status, TenantId};
use crate::engine::{Value, Variables};
use crate::operations::{Conclusion, OperationError};
use crate::topics::incident;
use crate::topics::input::InputError;
use crate::topics::registry::{Code, Topic};

/// What the engine hears.
#[derive(Debug, Clone)]
pub enum Say {
    /// The work is done.
    Complete(Variables),
    /// The work ended in a way that the model has a path for.
    BpmnError {
        /// Which way.
        code: Code,
        /// Why, in a sentence.
        message: String,
        /// What is known.
        variables: Variables,
    },
    /// Nothing was sent: offer it again.
    Retry {
        /// Why, in a sentence.
        message: String,
    },
    /// A human should know.
    Incident {
        /// What an operator reads first.
        message: String,
    },
    /// Somebody else works on it: look again in a moment.
    Later,
}

/// What the engine hears, and which reservation it is about.
#[derive(Debug, Clone)]
pub struct Exit {
    /// What is said.
    pub say: Say,
    /// The reservation.
    pub about: Option<(TenantId, ReservationId)>,
    /// Until when its hold counts.
    pub until: Option<DateTime<Utc>>,
}

impl Exit {
    /// A bad variable: an incident that names it; nothing was sent.
    pub(crate) fn bad_input(error: &InputError) -> Self {
        Self {
            say: Say::Incident { message: format!("BAD INPUT: {error}. Nothing was sent. Correct it, then retry.") },
            about: None,
            until: None,
        }
    }

    /// An operation that could not be carried out.
    pub(crate) fn failed(error: &OperationError) -> Self {
        let say = match error {
            OperationError::UnknownSource { .. } => Say::Incident {
                message: format!(
                    "BAD INPUT: variable `inventorySource` must name a configured inventory; holdfast could not {error}. Nothing was sent. Correct it, then retry."
                ),
            },
            error if error.is_away() => Say::Retry { message: format!("the database is away: {}. Nothing was sent", chain(error)) },
            OperationError::Interrupted(cause) if cause.is_away() => Say::Retry {
                message: format!("the database went away after the inventory was asked: {}. The next attempt finds out", chain(cause)),
            },
            error => Say::Incident { message: format!("holdfast could not {}", chain(error)) },
        };
        Self { say, about: None, until: None }
    }

    /// A decision that does not count: the question is put again, with the reason.
    pub(crate) fn undecided(row: &Reservation, why: &str) -> Self {
        Self { say: open(row, why), about: Some((row.tenant, row.id)), until: None }
    }

    /// The outcome is still open, so that a process which goes on will ask a human.
    pub(crate) fn is_open(&self) -> Option<&str> {
        match &self.say {
            Say::Complete(variables) => variables.text("reconcileWhy").ok().flatten(),
            Say::BpmnError { .. } | Say::Retry { .. } | Say::Incident { .. } | Say::Later => None,
        }
    }

    /// What a topic's operation came to.
    pub(crate) fn of(topic: Topic, conclusion: Conclusion) -> Self {
        let row = match &conclusion {
            Conclusion::Settled(row)
            | Conclusion::Refused(row, _)
            | Conclusion::NotPossible(row, _)
            | Conclusion::Unknown(row, _)
            | Conclusion::NotSent(row, _)
            | Conclusion::Busy(row)
            | Conclusion::OtherRequest(row) => Some(row.as_ref()),
            Conclusion::NotFound | Conclusion::EarlierAttemptLives => None,
        };
        let about = row.map(|row| (row.tenant, row.id));
        let until = row.and_then(Reservation::ruling_expiry);
        let say = match conclusion {
            Conclusion::Settled(row) => settled(topic, &row),
            Conclusion::Busy(_) => Say::Later,
            Conclusion::OtherRequest(row) => Say::Incident { message: incident::other_request(&row) },
            Conclusion::EarlierAttemptLives => Say::Incident { message: incident::EARLIER_ATTEMPT_LIVES.to_owned() },
            Conclusion::NotFound => not_found(topic),
            Conclusion::Refused(row, rejection) => refused(topic, &row, &rejection.code, rejection.message.as_deref()),
            Conclusion::NotPossible(row, why) => not_possible(topic, &row, why),
            Conclusion::NotSent(row, why) => match topic {
                Topic::Reconcile => open(&row, &format!("the inventory could not be reached: {why}")),
                Topic::Reserve | Topic::Release | Topic::Recheck | Topic::Confirm | Topic::Extend => {
                    Say::Retry { message: format!("{} was not sent: {why}", topic.name()) }
                }
            },
            Conclusion::Unknown(row, why) => match topic {
                Topic::Reconcile => open(&row, &why),
                // A look acts on nothing, so that asking again is all there is to do.
                Topic::Recheck => Say::Retry { message: format!("the hold could not be looked at: {why}") },
                Topic::Reserve | Topic::Release | Topic::Confirm | Topic::Extend => {
                    Say::Incident { message: incident::unknown(topic, &row, &why) }
                }
            },
        };
        Self { say, about, until }
    }
}

fn settled(topic: Topic, row: &Reservation) -> Say {
    let complete = || Say::Complete(variables(row));
    let lost = || bpmn(Code::HoldLost, row, &format!("the hold is lost: the reservation is {}", row.status));
    match (topic, row.status) {
        // A process that asks what became of its confirmation must not be told RESERVED while that is open.
        (Topic::Reconcile, _) if row.is_open() => open(row, "an operation is still open"),
        (Topic::Reconcile, _) => complete(),

        (Topic::Reserve, Status::Reserved | Status::Confirmed) => complete(),
        (Topic::Reserve, Status::Rejected | Status::Released | Status::Expired | Status::ReleaseRequested | Status::Requested) => {
            bpmn(Code::ReservationRejected, row, &why_rejected(row))
        }

        (Topic::Release, Status::Released | Status::Expired | Status::Rejected | Status::ReleaseRequested | Status::Requested) => {
            complete()
        }
        (Topic::Release, Status::Confirmed | Status::Reserved) => {
            let why = row.why_kept();
            refused(topic, row, &why.code, why.message.as_deref())
        }

        (Topic::Recheck, Status::Reserved | Status::Confirmed) => complete(),
        (Topic::Confirm, Status::Confirmed) => complete(),
        (Topic::Extend, Status::Reserved | Status::Confirmed) => complete(),
        (Topic::Recheck | Topic::Confirm | Topic::Extend, _) => lost(),

        (Topic::Reserve | Topic::Release, Status::Unknown | Status::ReleaseUnknown) => {
            Say::Incident { message: incident::unknown(topic, row, "its outcome is open") }
        }
    }
}

fn not_found(topic: Topic) -> Say {
    let none = |status: &str| Say::Complete(Variables::new().with("reservationStatus", status));
    match topic {
        // An order that never came to reserving has nothing to give back.
        Topic::Release => none("NONE"),
        // Nothing was ever sent under this key: send it.
        Topic::Reconcile => none("REQUESTED"),
        Topic::Reserve | Topic::Recheck | Topic::Confirm | Topic::Extend => Say::BpmnError {
            code: if topic == Topic::Reserve { Code::ReservationRejected } else { Code::HoldLost },
            message: "there is no reservation of this order step".to_owned(),
            variables: Variables::new().with("rejectionCode", "NO_RESERVATION"),
        },
    }
}

fn refused(topic: Topic, row: &Reservation, code: &str, message: Option<&str>) -> Say {
    let text = words(code, message);
    let say = |bpmn_code| Say::BpmnError { code: bpmn_code, message: text.clone(), variables: variables(row).with("rejectionCode", code) };
    match topic {
        Topic::Confirm => say(Code::ConfirmRefused),
        Topic::Extend => say(Code::ExtendRefused),
        Topic::Release => say(Code::ReleaseRefused),
        Topic::Reserve => say(Code::ReservationRejected),
        Topic::Recheck => say(Code::HoldLost),
        Topic::Reconcile => Say::Complete(variables(row)),
    }
}

fn not_possible(topic: Topic, row: &Reservation, why: Refused) -> Say {
    match (topic, why) {
        (Topic::Reconcile, why) => open(row, &why.to_string()),
        (Topic::Extend, Refused::NotOffered(_)) => refused(topic, row, "NOT_OFFERED", Some(&why.to_string())),
        (_, Refused::OperationOpen(_)) => Say::Incident { message: incident::unknown(topic, row, &why.to_string()) },
        (Topic::Recheck | Topic::Confirm | Topic::Extend, Refused::HoldLost(_)) => bpmn(Code::HoldLost, row, &why.to_string()),
        (_, why) => Say::Incident { message: format!("{} is not possible: {why}; reservation {}", topic.name(), row.id) },
    }
}

/// Still open: the process goes on to whoever decides, with what is known as text.
fn open(row: &Reservation, why: &str) -> Say {
    let status = if row.pending.is_some() { Status::Unknown } else { row.status };
    Say::Complete(variables(row).with("reservationStatus", status.as_str()).with("reconcileWhy", why))
}

fn bpmn(code: Code, row: &Reservation, message: &str) -> Say {
    let rejection = row.rejection.as_ref().map_or("HOLD_ENDED", |r| r.code.as_str());
    let lines = row.lines.iter().filter(|line| line.reserved.is_none_or(|reserved| reserved < line.line.quantity.decimal())).map(|line| {
        json!({
            "orderLineId": line.line.order_line.to_string(),
            "productOfferingId": line.line.product_offering,
            "requested": line.line.quantity.to_string(),
            "available": line.available.or(line.reserved).map(|quantity| quantity.normalize().to_string()),
            "code": rejection,
        })
    });
    let lines = serde_json::Value::Array(lines.collect());
    Say::BpmnError {
        code,
        message: message.to_owned(),
        variables: variables(row).with("rejectionCode", rejection).with("rejectionLines", lines),
    }
}

fn words(code: &str, message: Option<&str>) -> String {
    format!("the inventory refused with {code}{}", message.map(|m| format!(": {m}")).unwrap_or_default())
}

fn why_rejected(row: &Reservation) -> String {
    match &row.rejection {
        Some(rejection) => words(&rejection.code, rejection.message.as_deref()),
        None => format!("the hold of attempt group {} has ended: the reservation is {}", row.group.number(), row.status),
    }
}

/// What a process gets to know of a reservation.
pub(crate) fn variables(row: &Reservation) -> Variables {
    Variables::new()
        .with("reservationId", row.id.to_string())
        .with("reservationStatus", row.status.as_str())
        .with("externalReservationRef", Value::from(row.reference.as_ref().map(|r| r.as_str().to_owned())))
        .with("reservedUntil", Value::from(row.ruling_expiry().map(when_over)))
        .with("reservationPartial", row.is_partial())
}

/// The first whole second at which a hold is certainly over. Cut down instead of rounded up, the model's timer would fire while the
/// inventory still holds, be told so, and fire again at once, until the rest of the second has passed.
fn when_over(expiry: DateTime<Utc>) -> String {
    let whole = expiry.trunc_subsecs(0);
    instant(if whole < expiry { whole + TimeDelta::seconds(1) } else { whole })
}

/// An instant as a text that a timer of the model can use.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn nothing_was_sent_is_said_only_where_nothing_was_sent() {
        let said = |error: OperationError| match Exit::failed(&error).say {
            Say::Retry { message } => message,
            say => panic!("{say:?}"),
        };
        let before = said(OperationError::Store(StoreError::Closing));
        let after = said(OperationError::Interrupted(StoreError::Closing));
        assert!(before.contains("Nothing was sent"), "{before}");
        assert!(!after.contains("Nothing was sent") && after.contains("after the inventory was asked"), "{after}");
    }

    #[test]
    fn a_process_is_told_the_first_whole_second_at_which_the_hold_is_over() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(when_over(at("2026-01-01T00:00:00Z")), "2026-01-01T00:00:00Z");
        assert_eq!(when_over(at("2026-01-01T00:00:00.001Z")), "2026-01-01T00:00:01Z");
        assert_eq!(when_over(at("2026-01-01T00:00:59.999999Z")), "2026-01-01T00:01:00Z");
    }
}
