//! `inventory.release`: let a hold go, whatever is known of it.

use crate::domain::Goal;
use crate::operations::{Attempt, Errand, Find, Release};
use crate::topics::exit::Exit;
use crate::topics::handler::Topics;
use crate::topics::input::{Input, InputError};
use crate::topics::registry::Topic;
use crate::topics::waiting;

pub(crate) async fn work(topics: &Topics, input: &Input<'_>) -> Result<Exit, InputError> {
    let errand = Errand {
        tenant: input.tenant()?,
        find: input.find()?,
        goal: Goal::Release,
        actor: input.remark("releaseReason", 200)?.map(|reason| format!("release: {reason}")),
        waiting: Some(waiting::task(input.task, "release", None)),
    };
    // An order that names no reservation may have a reserve under way that is not on record yet.
    let attempt = match &errand.find {
        Find::Newest(order, step) => match (input.source(), input.group()) {
            (Ok(source), Ok(group)) => Some(Attempt { source, order: *order, step: step.clone(), group }),
            // Whatever is wrong there keeps the reserve from being made as well.
            _ => None,
        },
        Find::Id(_) | Find::Key(..) | Find::Group(..) => None,
    };
    Ok(match topics.operations.release(Release { errand, attempt }).await {
        Ok(conclusion) => Exit::of(Topic::Release, conclusion),
        Err(error) => Exit::failed(&error),
    })
}
