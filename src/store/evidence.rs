//! Availability evidence: what an inventory believed, kept as it was said.

use uuid::Uuid;

use crate::domain::{AvailabilityEvidence, EvidenceId};
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// What a check was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An order.
    Order(Uuid),
    /// A quote in one of its revisions.
    Quote(Uuid, i32),
}

impl Store {
    /// Keeps an answered check with its lines.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn put_evidence(&self, evidence: &AvailabilityEvidence, subject: Subject) -> Result<EvidenceId, StoreError> {
        let during = "put_evidence";
        let (subject_type, subject_id, revision) = match subject {
            Subject::Order(id) => ("ORDER", id, None),
            Subject::Quote(id, revision) => ("QUOTE", id, Some(revision)),
        };
        let mut tx = begin(&self.pool, during, &[evidence.tenant]).await?;
        sqlx::query(
            "-- put_evidence
insert into availability_evidence (evidence_id, tenant_id, source_system, source_reference, subject_type, subject_id, subject_revision,
    status, checked_at, expires_at, explanation_code, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $9)",
        )
        .bind(evidence.id.0)
        .bind(evidence.tenant.0)
        .bind(evidence.source.as_str())
        .bind(&evidence.source_reference)
        .bind(subject_type)
        .bind(subject_id)
        .bind(revision)
        .bind(evidence.status.as_str())
        .bind(evidence.checked_at)
        .bind(evidence.expires_at)
        .bind(&evidence.explanation_code)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::during(during))?;
        for (position, line) in evidence.lines.iter().enumerate() {
            sqlx::query(
                "-- put_evidence_line
insert into availability_evidence_line (evidence_line_id, tenant_id, evidence_id, line_ref, requested_quantity, available_quantity, status)
values ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(Uuid::new_v5(&evidence.id.0, &position.to_be_bytes()))
            .bind(evidence.tenant.0)
            .bind(evidence.id.0)
            .bind(line.order_line.to_string())
            .bind(line.requested.decimal())
            .bind(line.available)
            .bind(line.status.as_str())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::during(during))?;
        }
        tx.commit().await.map_err(StoreError::during(during))?;
        Ok(evidence.id)
    }
}
