//! Telling of evidence that has expired, and forgetting what is old enough: both in small steps.

use chrono::TimeDelta;

use crate::domain::TenantId;
use crate::operations::{OperationError, Operations};
use crate::store::Forgotten;

/// How long an inventory's callback is recognised when it comes again: longer than any sender goes on repeating it.
const NOTICE_KEPT: TimeDelta = TimeDelta::days(7);

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// That an event was taken in.
    pub inbox: TimeDelta,
    /// Messages that could not be used.
    pub dead_letters: TimeDelta,
    /// What inventories answered.
    pub supplier_call_evidence: TimeDelta,
    /// What could be sold at some time.
    pub availability_evidence: TimeDelta,
    /// The most rows that one statement forgets.
    pub step: i64,
}

impl Retention {
    fn of(&self, what: Forgotten) -> TimeDelta {
        match what {
            Forgotten::InboxRow => self.inbox,
            Forgotten::DeadLetter => self.dead_letters,
            Forgotten::SupplierCallEvidence => self.supplier_call_evidence,
            Forgotten::AvailabilityEvidence => self.availability_evidence,
            Forgotten::WebhookNotice => NOTICE_KEPT,
            // It carries its own end.
            Forgotten::IdempotencyRecord => TimeDelta::zero(),
        }
    }
}

impl Operations {
    /// Tells of evidence that has expired, at most `limit` of it; says of how much.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn expire_evidence(&self, tenants: &[TenantId], limit: i64) -> Result<u64, OperationError> {
        let tenants = self.tenants(tenants).await?;
        Ok(self.store.expire_evidence(&tenants, self.clock.now(), limit).await?)
    }

    /// Forgets one step of one kind of what is old enough, of every tenant that is known; says how many rows that was.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn forget(&self, what: Forgotten, retention: &Retention) -> Result<u64, OperationError> {
        // Also of tenants that are no longer served here, and of nobody: their rows are as old.
        let tenants = self.tenants(&[]).await?;
        Ok(self.store.forget(what, &tenants, self.clock.now() - retention.of(what), retention.step).await?)
    }
}
