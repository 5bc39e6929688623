//! `inventory.recheck`: ask again before going on, either what is available or whether the hold still stands.

use serde_json::json;

use crate::domain::{AvailabilityEvidence, AvailabilityStatus, Diff, EvidenceId, Goal, Subject};
use crate::engine::Variables;
use crate::operations::{CheckAvailability, CheckError, Errand, EvidenceView};
use crate::topics::diff;
use crate::topics::exit::{Exit, Say, instant};
use crate::topics::handler::Topics;
use crate::topics::input::{Input, InputError, bad};
use crate::topics::lines;
use crate::topics::registry::{Code, Topic};

pub(crate) async fn work(topics: &Topics, input: &Input<'_>) -> Result<Exit, InputError> {
    match input.text("recheckMode")?.unwrap_or("availability") {
        "hold" => {
            let errand = Errand { tenant: input.tenant()?, find: input.find()?, goal: Goal::Verify, actor: None, waiting: None };
            let mut exit = topics.run(Topic::Recheck, &errand).await;
            if let Say::Complete(_) = exit.say
                && let Some(until) = exit.until.filter(|until| *until <= topics.now())
            {
                // By our clock the hold has run out, by the inventory's it has not: a moment later both agree. Going on would arm
                // the model's expiry timer in the past.
                exit.say = Say::Retry { message: format!("the inventory still holds, although the hold ended at {}", instant(until)) };
            }
            Ok(exit)
        }
        "availability" => availability(topics, input).await,
        other => Err(bad("recheckMode", "must be `availability` or `hold`", other)),
    }
}

async fn availability(topics: &Topics, input: &Input<'_>) -> Result<Exit, InputError> {
    let check = CheckAvailability {
        tenant: input.tenant()?,
        source: input.source()?,
        subject: Subject::Order(input.order()?),
        lines: lines::read(input)?,
        customer: input.short_text("customerId")?,
        location: input.short_text("locationId")?,
        channel: input.short_text("channel")?,
        request: None,
        fresh_enough: input.duration("freshEnough")?,
    };
    let carried = match input.text("evidenceId")? {
        Some(text) => Some(EvidenceId::parse(text).map_err(|must| bad("evidenceId", must, text))?),
        None => None,
    };
    Ok(match compare(topics, check, carried).await {
        Ok((view, diff)) => Exit { say: say(&view, &diff), about: None, until: None },
        Err(CheckError::Operation(error)) => Exit::failed(&error),
        Err(error @ CheckError::BrokenOff) => Exit { say: Say::Retry { message: error.to_string() }, about: None, until: None },
        Err(CheckError::Lines(must)) => return Err(bad("orderLines", must, "these")),
    })
}

/// Checks, and compares with the evidence that the process carries.
async fn compare(topics: &Topics, check: CheckAvailability, carried: Option<EvidenceId>) -> Result<(EvidenceView, Diff), CheckError> {
    let before = match carried {
        // Evidence that is not there stops no order: the fresh answer decides, and the comparison says that nobody had asked.
        Some(id) => topics.operations.evidence(check.tenant, id).await?,
        None => None,
    };
    let after = topics.operations.check_availability(check).await?;
    let diff = Diff::between(before.as_ref().map(|view| view.evidence.as_ref()), &after.evidence);
    Ok((after, diff))
}

fn say(view: &EvidenceView, diff: &Diff) -> Say {
    let evidence = view.evidence.as_ref();
    let variables = Variables::new()
        .with("evidenceId", evidence.id.to_string())
        .with("availabilityStatus", view.status.as_str())
        .with("evidenceExpiresAt", instant(evidence.expires_at))
        .with("availabilityDiff", diff::json(diff));
    // As it reads now: the answer may have run out on its way.
    match view.status {
        AvailabilityStatus::Available => Say::Complete(variables),
        // Whoever accepted part of it knowingly may have that part, as long as it is no less than what was shown.
        AvailabilityStatus::PartiallyAvailable
            if diff.before.is_some() && diff.status_before == AvailabilityStatus::PartiallyAvailable && !diff.is_worse() =>
        {
            Say::Complete(variables)
        }
        AvailabilityStatus::PartiallyAvailable | AvailabilityStatus::Unavailable => Say::BpmnError {
            code: Code::AvailabilityChanged,
            message: format!("the inventory `{}` says {}", evidence.source, view.status.as_str()),
            variables: variables.with("rejectionCode", view.status.as_str()).with("rejectionLines", short_lines(evidence)),
        },
        // Not knowing is no reason to turn an order away: ask again.
        AvailabilityStatus::Stale => Say::Retry {
            message: format!("the availability is not known any more: what the inventory said ran out at {}", instant(evidence.expires_at)),
        },
        AvailabilityStatus::Unknown | AvailabilityStatus::NotChecked => Say::Retry {
            message: format!("the availability is not known: {}", evidence.why.as_deref().unwrap_or("the inventory did not say")),
        },
    }
}

fn short_lines(evidence: &AvailabilityEvidence) -> serde_json::Value {
    let short = evidence.lines.iter().filter(|line| line.status != AvailabilityStatus::Available);
    let lines = short.map(|line| {
        json!({
            "orderLineId": line.order_line.to_string(),
            "productOfferingId": line.product_offering,
            "requested": line.requested.to_string(),
            "available": line.available.map(|quantity| quantity.normalize().to_string()),
            "code": line.status.as_str(),
        })
    });
    serde_json::Value::Array(lines.collect())
}
