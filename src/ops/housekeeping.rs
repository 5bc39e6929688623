//! Counts what is open for the dashboards, and keeps the outbox small where nobody publishes it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::TenantId;
use crate::metrics::{EVENTS_SET_ASIDE, FALLOUT_CASES, OLDEST_OPEN, OUTBOX_OLDEST, OUTBOX_ROWS, RESERVATIONS};
use crate::operations::{OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;

/// Counting the outbox may take up this share of the time: while an old transaction is open, it walks over every row that is gone.
const COUNTING_SHARE: u32 = 50;

/// Runs until the soft stop. `keep` is the most rows of an outbox that nobody publishes.
pub(crate) async fn housekeeping(operations: &Operations, tenants: &[TenantId], keep: Option<i64>, shutdown: &Shutdown) {
    let count_at = Mutex::new(Instant::now());
    Loop { name: "housekeeping", period: Duration::from_secs(5) }.run(shutdown, || turn(operations, tenants, keep, &count_at)).await;
}

async fn turn(
    operations: &Operations,
    tenants: &[TenantId],
    keep: Option<i64>,
    count_at: &Mutex<Instant>,
) -> Result<Round, OperationError> {
    let census = operations.census(tenants).await?;
    for state in census.states {
        metrics::gauge!(RESERVATIONS, "status" => state.status.as_str()).set(state.count as f64);
        metrics::gauge!(OLDEST_OPEN, "status" => state.status.as_str()).set(state.oldest_age_s);
    }
    let begun = Instant::now();
    if begun >= *count_at.lock().unwrap_or_else(PoisonError::into_inner) {
        let outbox = operations.outbox_census(tenants).await?;
        metrics::gauge!(OUTBOX_ROWS).set(outbox.rows as f64);
        metrics::gauge!(OUTBOX_OLDEST).set(outbox.oldest_age_s);
        metrics::gauge!(EVENTS_SET_ASIDE).set(outbox.set_aside as f64);
        *count_at.lock().unwrap_or_else(PoisonError::into_inner) = begun + begun.elapsed() * COUNTING_SHARE;
    }
    metrics::gauge!(FALLOUT_CASES).set(census.open_cases as f64);
    operations.forget_sessions().await?;
    operations.forget_notices(tenants).await?;
    operations.forget_requests(tenants).await?;
    if let Some(keep) = keep
        && operations.trim_outbox(tenants, keep).await? > 0
    {
        return Ok(Round::More);
    }
    Ok(Round::Idle)
}
