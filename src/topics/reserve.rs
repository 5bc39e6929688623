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
    #[cfg(feature = "planted-bugs")]
    let request = under_another_key(request, input);
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

/// Two bugs that a test may plant: the key depends on what changes while the hold stays the same.
#[cfg(feature = "planted-bugs")]
fn under_another_key(mut request: ReserveRequest, input: &Input<'_>) -> ReserveRequest {
    use crate::domain::ReservationStep;
    use crate::fault_points::planted_bug;
    let mut step = None;
    planted_bug!("key_from_the_task", step = Some(format!("reserve-{}", input.task.id.as_str())));
    planted_bug!("key_from_the_retries", step = Some(format!("reserve-{}", input.task.retries.unwrap_or(-1))));
    if let Some(Ok(step)) = step.map(|step| ReservationStep::parse(&step)) {
        request.step = step;
    }
    request
}
