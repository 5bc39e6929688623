//! `inventory.reconcile`: find out what became of a hold, take a human's word for it, or sweep over everything that is due.

use crate::domain::{Decision, ExternalReference, Goal, Inadmissible};
use crate::engine::Value;
use crate::operations::{Conclusion, Decided, Errand, TimelinePart, Word};
use crate::topics::exit::{Exit, Say};
use crate::topics::handler::Topics;
use crate::topics::input::{Input, InputError, bad};
use crate::topics::registry::Topic;
use crate::topics::{runbook, sweep};

/// What fits into a text variable of the engine, with room to spare.
const MOST_EVIDENCE_BYTES: usize = 3_500;
/// The longest comment that is kept, in characters; the form has the same limit.
const MOST_COMMENT: usize = 2_000;

pub(crate) async fn work(topics: &Topics, input: &Input<'_>) -> Result<Exit, InputError> {
    match input.text("reconcileScope")?.unwrap_or("reservation") {
        "reservation" => {}
        "due" => return Ok(sweep::work(topics, &input.tenants()?).await),
        other => return Err(bad("reconcileScope", "must be `reservation` or `due`", other)),
    }
    let mut exit = match decision(input)? {
        Some(decision) => decided(topics, input, decision).await?,
        None => {
            let errand = Errand { tenant: input.tenant()?, find: input.find_group()?, goal: Goal::Resolve, actor: None, waiting: None };
            topics.run(Topic::Reconcile, &errand).await
        }
    };
    if let (Some((tenant, id)), Some(why)) = (exit.about, exit.is_open()) {
        let asked = topics.operations.open_case(tenant, id, input.task.process_instance_id.as_str(), why).await;
        if let Err(error) = asked {
            return Ok(Exit::failed(&error));
        }
    }
    if let (Say::Complete(variables), Some((tenant, id))) = (&mut exit.say, exit.about)
        && let Ok(Some(timeline)) = topics.operations.timeline(tenant, id, &TimelinePart::WHOLE).await
    {
        variables.set("reconcileEvidence", Value::String(runbook::evidence(&timeline, MOST_EVIDENCE_BYTES)));
    }
    Ok(exit)
}

/// Carries out what the form says. One that was posted again, or whose answer was found meanwhile, gets the answer.
async fn decided(topics: &Topics, input: &Input<'_>, decision: Decision) -> Result<Exit, InputError> {
    let word = Word {
        tenant: input.tenant()?,
        find: input.find_group()?,
        decision,
        seen: None,
        comment: input.remark("decisionComment", MOST_COMMENT)?,
        by: input.remark("decidedBy", 200)?.unwrap_or_else(|| "not named".to_owned()),
        via: "form",
        posted_as: input.task.id.as_str().to_owned(),
        now: topics.now(),
    };
    Ok(match topics.operations.decide(&word).await {
        Ok(Decided::Done(conclusion)) => Exit::of(Topic::Reconcile, conclusion),
        Ok(Decided::Refused(row, Inadmissible::NothingOpen(_))) => Exit::of(Topic::Reconcile, Conclusion::Settled(row)),
        Ok(Decided::Refused(row, why)) => Exit::undecided(&row, &why.to_string()),
        Ok(Decided::NotFound) => Exit::of(Topic::Reconcile, Conclusion::NotFound),
        Err(error) => Exit::failed(&error),
    })
}

fn decision(input: &Input<'_>) -> Result<Option<Decision>, InputError> {
    let reference = match input.text("decisionReference")? {
        Some(text) => Some(ExternalReference::parse(text).map_err(|must| bad("decisionReference", must, text))?),
        None => None,
    };
    match input.text("decision")? {
        None => Ok(None),
        Some("HELD") => Ok(Some(Decision::Held(reference))),
        Some("NOT_HELD") => Ok(Some(Decision::NotHeld)),
        Some("ASK_AGAIN") => Ok(Some(Decision::AskAgain)),
        Some("GIVE_UP") => Ok(Some(Decision::GiveUp)),
        Some(other) => Err(bad("decision", "must be HELD, NOT_HELD, ASK_AGAIN or GIVE_UP", other)),
    }
}
