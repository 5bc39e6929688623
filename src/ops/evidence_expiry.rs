//! Tells, once, of every piece of evidence that has expired.

use std::time::Duration;

use crate::domain::TenantId;
use crate::metrics::EVIDENCE_EXPIRED;
use crate::operations::{OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;

/// How often expired evidence is looked for.
const EXPIRY: Loop = Loop { name: "evidence expiry", period: Duration::from_secs(1) };
/// How much is told of in one transaction.
const STEP: u64 = 500;

/// Runs until the soft stop.
pub(crate) async fn evidence_expiry(operations: &Operations, tenants: &[TenantId], shutdown: &Shutdown) {
    EXPIRY.run(shutdown, || turn(operations, tenants)).await;
}

async fn turn(operations: &Operations, tenants: &[TenantId]) -> Result<Round, OperationError> {
    let told = operations.expire_evidence(tenants, STEP.cast_signed()).await?;
    metrics::counter!(EVIDENCE_EXPIRED).increment(told);
    Ok(if told == STEP { Round::More } else { Round::Idle })
}
