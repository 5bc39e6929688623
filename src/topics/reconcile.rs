//! `inventory.reconcile`: find out what became of a hold, or take a human's word for it.

use crate::domain::{Decision, ExternalReference, Goal};
use crate::engine::Value;
use crate::operations::Errand;
use crate::topics::exit::{Exit, Say};
use crate::topics::handler::Topics;
use crate::topics::input::{Input, InputError, bad};
use crate::topics::registry::Topic;
use crate::topics::runbook;

/// What fits into a text variable of the engine, with room to spare.
const MOST_EVIDENCE_BYTES: usize = 3_500;

pub(crate) async fn work(topics: &Topics, input: &Input<'_>) -> Result<Exit, InputError> {
    let goal = match decision(input)? {
        Some(decision) => Goal::Decide(decision),
        None => Goal::Resolve,
    };
    let tenant = input.tenant()?;
    let decided_by = input.short_text("decidedBy")?;
    let actor = match goal {
        Goal::Decide(_) => Some(format!("human: {}", decided_by.as_deref().unwrap_or("not named"))),
        _ => None,
    };
    let errand = Errand { tenant, find: input.find_group()?, goal, actor, waiting: None };
    let mut exit = topics.run(Topic::Reconcile, &errand).await;
    if let (Say::Complete(variables), Some((tenant, id))) = (&mut exit.say, exit.about)
        && let Ok(Some(timeline)) = topics.operations.timeline(tenant, id).await
    {
        let evidence = runbook::write(&timeline);
        variables.set("reconcileEvidence", Value::String(crate::engine::cut_to_bytes(&evidence, MOST_EVIDENCE_BYTES).into_owned()));
    }
    Ok(exit)
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
