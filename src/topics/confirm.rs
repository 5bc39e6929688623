//! `inventory.confirm`: make a hold a commitment.

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
        goal: Goal::Confirm,
        actor: None,
        waiting: Some(waiting::task(input.task, "confirm", None)),
    };
    Ok(topics.run(Topic::Confirm, &errand).await)
}
