//! `inventory.release`: let a hold go, whatever is known of it.

use crate::domain::Goal;
use crate::operations::Errand;
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
        actor: input.short_text("releaseReason")?.map(|reason| format!("release: {reason}")),
        waiting: Some(waiting::task(input.task, "release", None)),
    };
    Ok(topics.run(Topic::Release, &errand).await)
}
