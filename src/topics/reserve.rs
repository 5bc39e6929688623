//! `inventory.reserve`: place a hold, at most once per order step and attempt group.

use chrono::TimeDelta;

use crate::domain::ReserveRequest;
use crate::operations::Reserve;
use crate::topics::exit::Exit;
use crate::topics::handler::Topics;
use crate::topics::input::{Input, InputError, bad};
use crate::topics::registry::Topic;
use crate::topics::{lines, waiting};

pub(crate) async fn work(topics: &Topics, input: &Input<'_>) -> Result<Exit, InputError> {
    let hold_for: TimeDelta = input.duration("holdFor")?.unwrap_or(input.defaults.hold_for);
    let request = ReserveRequest {
        tenant: input.tenant()?,
        source: input.source()?,
        order: input.order()?,
        step: input.step()?,
        group: input.group()?,
        lines: lines::read(input)?,
        hold_for,
        customer: input.short_text("customerId")?,
        location: input.short_text("locationId")?,
    }
    .check()
    .map_err(|must| bad("orderLines", must, "these lines"))?;
    let command = Reserve {
        request,
        process_instance: Some(input.task.process_instance_id.as_str().to_owned()),
        waiting: Some(waiting::task(input.task, "reserve", None)),
    };
    Ok(match topics.operations.reserve(command).await {
        Ok(conclusion) => Exit::of(Topic::Reserve, conclusion),
        Err(error) => Exit::failed(&error),
    })
}
