//! `inventory.extend`: hold longer, counted from now.

use chrono::SubsecRound as _;

use crate::domain::Goal;
use crate::operations::Errand;
use crate::topics::exit::Exit;
use crate::topics::handler::Topics;
use crate::topics::input::{Input, InputError, bad};
use crate::topics::registry::Topic;
use crate::topics::waiting;

pub(crate) async fn work(topics: &Topics, input: &Input<'_>) -> Result<Exit, InputError> {
    let Some(by) = input.duration("extendFor")? else {
        return Err(bad("extendFor", "must be an ISO-8601 duration such as PT24H", ""));
    };
    let tenant = input.tenant()?;
    let find = input.find()?;
    // A task delivered again asks for the time that was asked for first, not for a later one.
    let until = match topics.operations.get(tenant, &find).await {
        Ok(Some(row)) => match row.pending {
            Some(crate::domain::PendingOperation::Extend { until }) => until,
            _ => input.task.create_time.unwrap_or_else(|| topics.now()) + by,
        },
        Ok(None) => topics.now() + by,
        Err(error) => return Ok(Exit::failed(&error)),
    };
    // Inventories know seconds: a finer wish would look unfulfilled for ever.
    let until = until.trunc_subsecs(0);
    let errand =
        Errand { tenant, find, goal: Goal::Extend { until }, actor: None, waiting: Some(waiting::task(input.task, "extend", Some(until))) };
    Ok(topics.run(Topic::Extend, &errand).await)
}
