//! Forgetting what is old enough, a bounded number of rows at a time, by an index.

use chrono::{DateTime, Utc};

use crate::domain::TenantId;
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// What is forgotten in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forgotten {
    /// That an event was taken in; its stamps stay in the projection.
    InboxRow,
    /// A message that could not be used.
    DeadLetter,
    /// What an inventory answered; that it was asked, and the class of the answer, stay.
    SupplierCallEvidence,
    /// What could be sold at some time, once it was told that this has run out.
    AvailabilityEvidence,
    /// That an inventory called back.
    WebhookNotice,
    /// What was answered under an `Idempotency-Key`, once that answer has expired.
    IdempotencyRecord,
}

impl Forgotten {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::InboxRow,
        Self::DeadLetter,
        Self::SupplierCallEvidence,
        Self::AvailabilityEvidence,
        Self::WebhookNotice,
        Self::IdempotencyRecord,
    ];

    /// A word for it, for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::InboxRow => "inbox",
            Self::DeadLetter => "dead_letter",
            Self::SupplierCallEvidence => "supplier_call_evidence",
            Self::AvailabilityEvidence => "availability_evidence",
            Self::WebhookNotice => "webhook_notice",
            Self::IdempotencyRecord => "idempotency_record",
        }
    }

    fn statement(self) -> &'static str {
        match self {
            Self::InboxRow => PRUNE_INBOX,
            Self::DeadLetter => PRUNE_DEAD_LETTERS,
            Self::SupplierCallEvidence => PRUNE_CALL_EVIDENCE,
            Self::AvailabilityEvidence => PRUNE_EVIDENCE,
            Self::WebhookNotice => PRUNE_NOTICES,
            Self::IdempotencyRecord => PRUNE_REQUESTS,
        }
    }
}

const PRUNE_INBOX: &str = "\
-- prune_inbox
-- rows of the inbox are never changed, so that nobody may lock them either: of two replicas the later one finds fewer
delete from inbox where ctid = any (array(select ctid from inbox where received_at < $1 order by received_at limit $2))";

const PRUNE_DEAD_LETTERS: &str = "\
-- prune_dead_letters
delete from dead_letter where dead_letter_id = any (array(
    select dead_letter_id from dead_letter where died_at < $1 order by died_at limit $2 for update skip locked
))";

const PRUNE_CALL_EVIDENCE: &str = "\
-- prune_call_evidence
update supplier_call set evidence = null where call_id = any (array(
    select call_id from supplier_call where evidence is not null and ended_at < $1 order by ended_at limit $2 for update skip locked
))";

const PRUNE_EVIDENCE: &str = "\
-- prune_evidence
with old as (
    select evidence_id from availability_evidence
    where checked_at < $1 and (expires_at is null or expiry_told_at is not null)
    order by checked_at limit $2 for update skip locked
), lines as (
    delete from availability_evidence_line where evidence_id = any (array(select evidence_id from old))
)
delete from availability_evidence where evidence_id = any (array(select evidence_id from old))";

const PRUNE_NOTICES: &str = "\
-- prune_notices
delete from webhook_notice where ctid = any (array(
    select ctid from webhook_notice where received_at < $1 order by received_at limit $2
))";

const PRUNE_REQUESTS: &str = "\
-- prune_requests
delete from idempotency_record where ctid = any (array(
    select ctid from idempotency_record where expires_at < $1 order by expires_at limit $2 for update skip locked
))";

impl Store {
    /// Forgets what is from before an instant, at most `limit` rows of it; says how many.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn forget(&self, what: Forgotten, tenants: &[TenantId], before: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
        let during = "forget";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let done = sqlx::query(what.statement()).bind(before).bind(limit).execute(&mut *tx).answered(during).await?;
        tx.commit().answered(during).await?;
        Ok(done.rows_affected())
    }
}
