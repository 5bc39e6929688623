//! Availability evidence: what an inventory believed, kept as it was said. Rows are never changed.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::postgres::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{AvailabilityEvidence, LineAvailability, Subject};
use crate::fault_points::fault_point;
use crate::store::answered::Answered as _;
use crate::store::outbox::{EvidenceFact, evidence_created};
use crate::store::pool::begin;
use crate::store::tenants::distinct;
use crate::store::{Store, StoreError};

/// Evidence on its way to the database.
#[derive(Debug, Clone)]
pub(crate) struct KeepEvidence {
    pub(crate) evidence: AvailabilityEvidence,
    pub(crate) now: DateTime<Utc>,
}

impl Store {
    /// Keeps an answered check with its lines and the fact that it was answered, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`]; nothing is kept then.
    pub async fn put_evidence(&self, evidence: AvailabilityEvidence, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.evidence.write(KeepEvidence { evidence, now }).await
    }
}

#[derive(Serialize)]
struct EvidenceWrite<'a> {
    evidence_id: Uuid,
    tenant_id: Uuid,
    source_system: &'a str,
    source_reference: Option<&'a str>,
    subject_type: &'static str,
    subject_id: Uuid,
    subject_revision: Option<i32>,
    status: &'static str,
    checked_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    explanation_code: Option<&'a str>,
    diagnostic_json: Value,
    created_at: DateTime<Utc>,
    fingerprint: String,
    customer_id: Option<&'a str>,
    location_id: Option<&'a str>,
    channel: Option<&'a str>,
    request_id: Option<&'a str>,
    recheck_after: Option<DateTime<Utc>>,
    copied_from: Option<Uuid>,
}

#[derive(Serialize)]
struct LineWrite<'a> {
    evidence_line_id: Uuid,
    tenant_id: Uuid,
    evidence_id: Uuid,
    position: usize,
    line_ref: Uuid,
    product_offering_id: &'a str,
    location_id: Option<&'a str>,
    requested_quantity: String,
    available_quantity: Option<String>,
    status: &'static str,
    explanation_code: Option<&'a str>,
    offered_location_id: Option<&'a str>,
    available_from: Option<DateTime<Utc>>,
    alternate: Option<&'a str>,
}

/// How a subject is spelled in its three columns.
pub(crate) fn subject_columns(subject: Subject) -> (&'static str, Uuid, Option<i32>) {
    match subject {
        Subject::Order(order) => ("ORDER", order.0, None),
        Subject::Quote(quote, revision) => ("QUOTE", quote.0, Some(revision)),
        Subject::Operational(request) => ("OPERATIONAL", request, None),
    }
}

fn evidence_write<'a>(keep: &'a KeepEvidence) -> EvidenceWrite<'a> {
    let evidence = &keep.evidence;
    let (subject_type, subject_id, subject_revision) = subject_columns(evidence.subject);
    EvidenceWrite {
        evidence_id: evidence.id.0,
        tenant_id: evidence.tenant.0,
        source_system: evidence.source.as_str(),
        source_reference: evidence.source_reference.as_deref(),
        subject_type,
        subject_id,
        subject_revision,
        status: evidence.status.as_str(),
        checked_at: evidence.checked_at,
        expires_at: evidence.expires_at,
        explanation_code: evidence.explanation.as_deref(),
        diagnostic_json: json!({ "why": evidence.why, "httpStatus": evidence.http_status, "excerpt": evidence.excerpt }),
        created_at: keep.now,
        fingerprint: format!("\\x{}", evidence.fingerprint),
        customer_id: evidence.customer.as_deref(),
        location_id: evidence.location.as_deref(),
        channel: evidence.channel.as_deref(),
        request_id: evidence.request.as_deref(),
        recheck_after: evidence.recheck_after,
        copied_from: evidence.copied_from.map(|id| id.0),
    }
}

fn line_write<'a>(evidence: &AvailabilityEvidence, position: usize, line: &'a LineAvailability) -> LineWrite<'a> {
    LineWrite {
        evidence_line_id: Uuid::new_v5(&evidence.id.0, &position.to_be_bytes()),
        tenant_id: evidence.tenant.0,
        evidence_id: evidence.id.0,
        position,
        line_ref: line.order_line.0,
        product_offering_id: &line.product_offering,
        location_id: line.location.as_deref(),
        requested_quantity: line.requested.to_string(),
        available_quantity: line.available.map(|amount| amount.to_string()),
        status: line.status.as_str(),
        explanation_code: line.explanation.as_deref(),
        offered_location_id: line.offer.place.as_deref(),
        available_from: line.offer.from,
        alternate: line.offer.alternate.as_deref(),
    }
}

/// Writes a batch of evidence in one transaction.
pub(crate) async fn write_evidence(pool: &PgPool, batch: &[KeepEvidence]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let during = "put_evidence";
    let tenants = distinct(batch.iter().map(|keep| keep.evidence.tenant));
    let rows: Vec<_> = batch.iter().map(evidence_write).collect();
    let mut lines = Vec::with_capacity(batch.iter().map(|keep| keep.evidence.lines.len()).sum());
    for KeepEvidence { evidence, .. } in batch {
        lines.extend(evidence.lines.iter().enumerate().map(|(position, line)| line_write(evidence, position, line)));
    }
    let facts: Vec<EvidenceFact> = batch.iter().map(|keep| evidence_created(&keep.evidence)).collect();
    let mut tx = begin(pool, during, &tenants).await?;
    sqlx::query(PUT_EVIDENCE).bind(Json(&rows)).bind(Json(&lines)).bind(Json(&facts)).execute(&mut *tx).answered(during).await?;
    fault_point!("evidence.written");
    tx.commit().answered(during).await?;
    Ok(batch.iter().map(|_| Ok(())).collect())
}

const PUT_EVIDENCE: &str = "\
-- put_evidence
with wanted as (
    select * from jsonb_to_recordset($1) as w(
        evidence_id uuid, tenant_id uuid, source_system text, source_reference text, subject_type text, subject_id uuid,
        subject_revision integer, status text, checked_at timestamptz, expires_at timestamptz, explanation_code text,
        diagnostic_json jsonb, created_at timestamptz, fingerprint bytea, customer_id text, location_id text, channel text,
        request_id text, recheck_after timestamptz, copied_from uuid
    )
), kept as (
    insert into availability_evidence (evidence_id, tenant_id, source_system, source_reference, subject_type, subject_id, subject_revision,
        status, checked_at, expires_at, explanation_code, diagnostic_json, created_at, fingerprint, customer_id, location_id, channel,
        request_id, recheck_after, copied_from)
    select evidence_id, tenant_id, source_system, source_reference, subject_type, subject_id, subject_revision,
        status, checked_at, expires_at, explanation_code, jsonb_strip_nulls(diagnostic_json), created_at, fingerprint, customer_id,
        location_id, channel, request_id, recheck_after, copied_from
    from wanted
), lines as (
    insert into availability_evidence_line (evidence_line_id, tenant_id, evidence_id, position, line_ref, product_offering_id, location_id,
        requested_quantity, available_quantity, status, explanation_code, offered_location_id, available_from, alternate)
    select evidence_line_id, tenant_id, evidence_id, position, line_ref, product_offering_id, location_id,
        requested_quantity, available_quantity, status, explanation_code, offered_location_id, available_from, alternate
    from jsonb_to_recordset($2) as l(
        evidence_line_id uuid, tenant_id uuid, evidence_id uuid, position integer, line_ref text, product_offering_id text,
        location_id text, requested_quantity numeric, available_quantity numeric, status text, explanation_code text,
        offered_location_id text, available_from timestamptz, alternate text
    )
), told as (
    insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at,
        correlation_id, causation_id, payload)
    select f.event_id, w.tenant_id, 'AvailabilityEvidenceCreated', 1, 'AvailabilityEvidence', w.evidence_id, 1, f.order_id, w.created_at,
        f.correlation_id, f.causation_id, f.payload
    from jsonb_to_recordset($3) as f(
        evidence_id uuid, event_id uuid, order_id uuid, correlation_id text, causation_id text, payload jsonb
    ) join wanted w using (evidence_id)
)
insert into tenant (tenant_id, first_seen_at)
select distinct on (w.tenant_id) w.tenant_id, w.created_at from wanted w
where not exists (select from tenant t where t.tenant_id = w.tenant_id)
on conflict do nothing";
