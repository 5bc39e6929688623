//! Counts what is open for the dashboards, and keeps the outbox small where nobody publishes it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::TenantId;
use crate::metrics::{EVENTS_DROPPED, EVENTS_SET_ASIDE, FALLOUT_CASES, OLDEST_OPEN, OUTBOX_OLDEST, OUTBOX_ROWS, RESERVATIONS};
use crate::operations::{OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;

/// How often what is open is counted, and what is old is dropped.
const HOUSEKEEPING: Loop = Loop { name: "housekeeping", period: Duration::from_secs(5) };
/// Counting may take up this share of the time: it walks over every open row, and over rows that are gone while an old transaction is open.
const COUNTING_SHARE: u32 = 50;

/// Runs until the soft stop. `keep` is the most rows of an outbox that nobody publishes.
pub(crate) async fn housekeeping(operations: &Operations, tenants: &[TenantId], keep: Option<i64>, shutdown: &Shutdown) {
    if let Some(keep) = keep {
        tracing::warn!(
            keep_rows = keep,
            "facts are not published (events.mode is off): the outbox keeps the newest, and the others are dropped"
        );
    }
    let (reservations, outbox) = (Seldom::new(), Seldom::new());
    let turn = async || {
        // One of them that fails, or is slow, does not stand in the way of the others.
        let done = [
            reservations.run(count_reservations(operations, tenants)).await,
            outbox.run(count_outbox(operations)).await,
            operations.forget_sessions().await.map(drop),
        ];
        let trimmed = match keep {
            Some(keep) => operations.trim_outbox(keep).await?,
            None => 0,
        };
        metrics::counter!(EVENTS_DROPPED).increment(trimmed);
        done.into_iter().collect::<Result<(), _>>()?;
        Ok::<_, OperationError>(if trimmed > 0 { Round::More } else { Round::Idle })
    };
    HOUSEKEEPING.run(shutdown, turn).await;
}

/// Something that is done the more seldom the longer it takes, whether it succeeds or not.
struct Seldom {
    next: Mutex<Instant>,
}

impl Seldom {
    fn new() -> Self {
        Self { next: Mutex::new(Instant::now()) }
    }

    async fn run(&self, work: impl Future<Output = Result<(), OperationError>>) -> Result<(), OperationError> {
        let begun = Instant::now();
        if begun < *self.next.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(());
        }
        let done = work.await;
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = begun + begun.elapsed() * COUNTING_SHARE;
        done
    }
}

async fn count_reservations(operations: &Operations, tenants: &[TenantId]) -> Result<(), OperationError> {
    let census = operations.census(tenants).await?;
    for state in census.states {
        metrics::gauge!(RESERVATIONS, "status" => state.status.as_str()).set(state.count as f64);
        metrics::gauge!(OLDEST_OPEN, "status" => state.status.as_str()).set(state.oldest_age_s);
    }
    metrics::gauge!(FALLOUT_CASES).set(census.open_cases as f64);
    Ok(())
}

async fn count_outbox(operations: &Operations) -> Result<(), OperationError> {
    let outbox = operations.outbox_census().await?;
    metrics::gauge!(OUTBOX_ROWS).set(outbox.rows as f64);
    metrics::gauge!(OUTBOX_OLDEST).set(outbox.oldest_age_s);
    metrics::gauge!(EVENTS_SET_ASIDE).set(outbox.set_aside as f64);
    Ok(())
}
