//! Counts what is open for the dashboards, and keeps the outbox small where nobody publishes it.

use std::time::Duration;

use crate::domain::TenantId;
use crate::metrics::{FALLOUT_CASES, OLDEST_OPEN, OUTBOX_ROWS, RESERVATIONS};
use crate::operations::{OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;

/// Runs until the soft stop. `keep` is the most rows of an outbox that nobody publishes.
pub(crate) async fn housekeeping(operations: &Operations, tenants: &[TenantId], keep: Option<i64>, shutdown: &Shutdown) {
    Loop { name: "housekeeping", period: Duration::from_secs(5) }.run(shutdown, || turn(operations, tenants, keep)).await;
}

async fn turn(operations: &Operations, tenants: &[TenantId], keep: Option<i64>) -> Result<Round, OperationError> {
    let census = operations.census(tenants).await?;
    for state in census.states {
        metrics::gauge!(RESERVATIONS, "status" => state.status.as_str()).set(state.count as f64);
        metrics::gauge!(OLDEST_OPEN, "status" => state.status.as_str()).set(state.oldest_age_s);
    }
    metrics::gauge!(FALLOUT_CASES).set(census.open_cases as f64);
    metrics::gauge!(OUTBOX_ROWS).set(census.outbox_rows as f64);
    operations.forget_sessions().await?;
    operations.forget_notices(tenants).await?;
    if let Some(keep) = keep
        && operations.trim_outbox(tenants, keep).await? > 0
    {
        return Ok(Round::More);
    }
    Ok(Round::Idle)
}
