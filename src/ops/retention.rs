//! Forgets what is old enough, step by step, so that no statement holds much and no table grows for ever.

use std::time::Duration;

use crate::metrics::FORGOTTEN_ROWS;
use crate::operations::{Forgotten, OperationError, Operations, Retention};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;

/// How often what is old enough is looked for.
const RETENTION: Loop = Loop { name: "retention", period: Duration::from_secs(60) };

/// Runs until the soft stop.
pub(crate) async fn retention(operations: &Operations, retention: &Retention, shutdown: &Shutdown) {
    RETENTION.run(shutdown, || turn(operations, retention, shutdown)).await;
}

async fn turn(operations: &Operations, retention: &Retention, shutdown: &Shutdown) -> Result<Round, OperationError> {
    let (mut more, mut failed) = (false, None);
    for what in Forgotten::ALL {
        if shutdown.is_soft() {
            break;
        }
        // One kind that cannot be forgotten does not keep the others.
        match operations.forget(what, retention).await {
            Ok(rows) => {
                metrics::counter!(FORGOTTEN_ROWS, "what" => what.label()).increment(rows);
                more |= i64::try_from(rows).is_ok_and(|rows| rows >= retention.step);
            }
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(if more { Round::More } else { Round::Idle }), Err)
}
