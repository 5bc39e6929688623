//! Evidence that has run out: marked and told in one transaction, so that it is told once.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::domain::{OrderId, TenantId};
use crate::store::answered::Answered as _;
use crate::store::outbox::{AvailabilityEvidencePayload, NewFact, put_facts};
use crate::store::pool::begin;
use crate::store::product_facts::json;
use crate::store::{Store, StoreError};

/// Evidence has two facts in its life: it was created, and it expired.
const SEQUENCE: i64 = 2;

#[derive(FromRow)]
struct Expired {
    evidence_id: Uuid,
    tenant_id: Uuid,
    source_system: String,
    source_reference: Option<String>,
    subject_type: String,
    subject_id: Uuid,
    subject_revision: Option<i32>,
    status: String,
    checked_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    explanation_code: Option<String>,
    copied_from: Option<Uuid>,
}

const EXPIRE: &str = "\
-- expire_evidence
update availability_evidence e set expiry_told_at = $1
from (
    select evidence_id from availability_evidence where expiry_told_at is null and expires_at <= $1
    order by expires_at limit $2 for update skip locked
) due
where e.evidence_id = due.evidence_id
returning e.evidence_id, e.tenant_id, e.source_system, e.source_reference, e.subject_type, e.subject_id, e.subject_revision, e.status,
    e.checked_at, e.expires_at, e.explanation_code, e.copied_from";

impl Store {
    /// Tells of evidence that has expired and that nobody was told of, at most `limit` of it; says of how much.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn expire_evidence(&self, tenants: &[TenantId], now: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
        let during = "expire_evidence";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let mut expired: Vec<Expired> = sqlx::query_as(EXPIRE).bind(now).bind(limit).fetch_all(&mut *tx).answered(during).await?;
        expired.sort_by_key(|evidence| evidence.expires_at);
        let facts: Vec<NewFact> = expired.into_iter().map(|evidence| fact(evidence, now)).collect();
        put_facts(&mut tx, &facts).await?;
        tx.commit().answered(during).await?;
        if !facts.is_empty() {
            self.outbox_was_written();
        }
        Ok(u64::try_from(facts.len()).unwrap_or(u64::MAX))
    }
}

fn fact(evidence: Expired, now: DateTime<Utc>) -> NewFact {
    let subject = evidence.subject_id;
    let (order, correlation_id) = match evidence.subject_type.as_str() {
        "ORDER" => (Some(OrderId(subject)), format!("order-{subject}")),
        "QUOTE" => (None, format!("quote-{subject}")),
        _ => (None, format!("request-{subject}")),
    };
    let payload = AvailabilityEvidencePayload {
        subject_type: evidence.subject_type,
        subject_id: subject,
        subject_revision: evidence.subject_revision,
        source_system: evidence.source_system,
        source_reference: evidence.source_reference,
        status: evidence.status,
        checked_at: evidence.checked_at,
        expires_at: evidence.expires_at,
        explanation_code: evidence.explanation_code,
        copied_from: evidence.copied_from,
        lines: Vec::new(),
    };
    NewFact {
        tenant: TenantId(evidence.tenant_id),
        event_type: "AvailabilityEvidenceExpired",
        event_version: 1,
        aggregate_type: "AvailabilityEvidence",
        aggregate: evidence.evidence_id,
        sequence: SEQUENCE,
        order,
        occurred_at: now,
        correlation_id,
        causation_id: format!("expiry-{}", evidence.evidence_id),
        payload: json(&payload),
        topic: None,
    }
}
