//! `inventory.recheck`: ask again before going on, either what is available or whether the hold still stands.

use serde_json::json;

use crate::domain::{AvailabilityEvidence, AvailabilityStatus, Goal};
use crate::engine::Variables;
use crate::operations::{CheckAvailability, CheckError, Errand, Subject};
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
    let question = CheckAvailability {
        tenant: input.tenant()?,
        source: input.source()?,
        subject: Subject::from(input.order()?),
        lines: lines::read(input)?,
        customer: input.short_text("customerId")?,
        location: input.short_text("locationId")?,
        channel: input.short_text("channel")?,
        good_for: input.defaults.evidence_good_for,
    };
    let (evidence, why) = match topics.operations.check_availability(question).await {
        Ok(answered) => answered,
        Err(CheckError::Operation(error)) => return Ok(Exit::failed(&error)),
    };
    let variables = Variables::new()
        .with("evidenceId", evidence.id.to_string())
        .with("availabilityStatus", evidence.status.as_str())
        .with("evidenceExpiresAt", instant(evidence.expires_at));
    let say = match evidence.status {
        AvailabilityStatus::Available => Say::Complete(variables),
        AvailabilityStatus::PartiallyAvailable | AvailabilityStatus::Unavailable => Say::BpmnError {
            code: Code::AvailabilityChanged,
            message: format!("the inventory `{}` says {}", evidence.source, evidence.status.as_str()),
            variables: variables.with("rejectionCode", evidence.status.as_str()).with("rejectionLines", short_lines(&evidence)),
        },
        // Not knowing is no reason to turn an order away: ask again.
        AvailabilityStatus::Unknown | AvailabilityStatus::NotChecked | AvailabilityStatus::Stale => Say::Retry {
            message: format!("the availability is not known: {}", why.unwrap_or_else(|| "the inventory did not say".to_owned())),
        },
    };
    Ok(Exit { say, about: None, until: None })
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
