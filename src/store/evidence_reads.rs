//! Reading availability evidence. A row that does not parse is named, never skipped.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::types::Json;
use sqlx::{FromRow, Postgres};
use uuid::Uuid;

use crate::domain::{
    AvailabilityEvidence, AvailabilityStatus, EvidenceId, Fingerprint, LineAvailability, Offer, OrderId, OrderLineId, Quantity, QuoteId,
    SourceName, Subject, TenantId,
};
use crate::store::answered::Answered as _;
use crate::store::evidence::subject_columns;
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// A statement over evidence with its lines: its name, the rows, and what follows.
macro_rules! with_lines {
    ($name:literal, $rows:literal, $rest:literal) => {
        concat!(
            "-- ",
            $name,
            "\nselect e.*, l.lines from ",
            $rows,
            " e
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('line_ref', line_ref, 'product_offering_id', product_offering_id,
        'location_id', location_id, 'requested', requested_quantity::text, 'available', available_quantity::text, 'status', status,
        'explanation_code', explanation_code, 'offered_location_id', offered_location_id, 'available_from', available_from,
        'alternate', alternate) order by position, evidence_line_id), '[]') as lines
    from availability_evidence_line where evidence_id = e.evidence_id
) l
",
            $rest
        )
    };
}

const BY_ID: &str =
    with_lines!("evidence_by_id", "availability_evidence", "where e.evidence_id = $1 and e.tenant_id = $2 and e.fingerprint is not null");
const NEWEST: &str = with_lines!(
    "evidence_newest",
    "(
    select * from availability_evidence
    where tenant_id = $1 and fingerprint = $2 and checked_at between $3 and $4 and expires_at > $4
        and status in ('AVAILABLE', 'PARTIALLY_AVAILABLE', 'UNAVAILABLE')
    order by checked_at desc, (subject_type = $5 and subject_id = $6 and subject_revision is not distinct from $7) desc, evidence_id desc
    limit 1
)",
    ""
);
const OF_QUOTE: &str = with_lines!(
    "evidence_of_quote",
    "(
    with of_revision as (
        select * from availability_evidence
        where tenant_id = $1 and subject_type = 'QUOTE' and subject_id = $2 and fingerprint is not null and subject_revision = coalesce($3, (
            select max(subject_revision) from availability_evidence where tenant_id = $1 and subject_type = 'QUOTE' and subject_id = $2
        ))
    ), asked_last as (
        select distinct on (source_system) source_system, fingerprint from of_revision order by source_system, created_at desc, evidence_id desc
    )
    select distinct on (source_system) of_revision.* from of_revision join asked_last using (source_system, fingerprint)
    order by source_system, (expires_at > $4 and status in ('AVAILABLE', 'PARTIALLY_AVAILABLE', 'UNAVAILABLE')) desc,
        checked_at desc, evidence_id desc
)",
    "order by e.source_system"
);

impl Store {
    /// Reads one evidence with its lines.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::UnreadableEvidence`].
    pub async fn get_evidence(&self, tenant: TenantId, id: EvidenceId) -> Result<Option<AvailabilityEvidence>, StoreError> {
        Ok(self.read_evidence("get_evidence", tenant, sqlx::query_as(BY_ID).bind(id.0).bind(tenant.0)).await?.pop())
    }

    /// The newest answer to a question that was given by an inventory, since an instant, and has not expired; of several copies of
    /// it the one that was made for the subject.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::UnreadableEvidence`].
    pub async fn get_newest_evidence(
        &self,
        tenant: TenantId,
        fingerprint: Fingerprint,
        subject: Subject,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<AvailabilityEvidence>, StoreError> {
        let (kind, id, revision) = subject_columns(subject);
        let query = sqlx::query_as(NEWEST).bind(tenant.0).bind(fingerprint.bytes().to_vec()).bind(since).bind(now);
        let query = query.bind(kind).bind(id).bind(revision);
        Ok(self.read_evidence("get_newest_evidence", tenant, query).await?.pop())
    }

    /// What counts of a quote from each source, of a revision or of the newest that was checked: of the answers to what was asked last,
    /// the newest that was given and has not expired; if there is none, the newest.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::UnreadableEvidence`].
    pub async fn list_quote_evidence(
        &self,
        tenant: TenantId,
        quote: QuoteId,
        revision: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<Vec<AvailabilityEvidence>, StoreError> {
        let query = sqlx::query_as(OF_QUOTE).bind(tenant.0).bind(quote.0).bind(revision).bind(now);
        self.read_evidence("list_quote_evidence", tenant, query).await
    }

    async fn read_evidence(
        &self,
        during: &'static str,
        tenant: TenantId,
        query: QueryAs<'static, Postgres, Raw, PgArguments>,
    ) -> Result<Vec<AvailabilityEvidence>, StoreError> {
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        let rows = query.fetch_all(&mut *tx).answered(during).await?;
        tx.commit().answered(during).await?;
        rows.into_iter().map(Raw::evidence).collect()
    }
}

/// The columns, as they stand.
#[derive(FromRow)]
struct Raw {
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
    diagnostic_json: Json<Diagnostics>,
    fingerprint: Vec<u8>,
    customer_id: Option<String>,
    location_id: Option<String>,
    channel: Option<String>,
    request_id: Option<String>,
    recheck_after: Option<DateTime<Utc>>,
    copied_from: Option<Uuid>,
    lines: Json<Vec<RawLine>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Diagnostics {
    why: Option<String>,
    http_status: Option<u16>,
    excerpt: Option<String>,
}

#[derive(Deserialize)]
struct RawLine {
    line_ref: String,
    product_offering_id: String,
    location_id: Option<String>,
    requested: String,
    available: Option<String>,
    status: String,
    explanation_code: Option<String>,
    offered_location_id: Option<String>,
    available_from: Option<DateTime<Utc>>,
    alternate: Option<String>,
}

impl Raw {
    fn evidence(self) -> Result<AvailabilityEvidence, StoreError> {
        let id = EvidenceId(self.evidence_id);
        let unreadable =
            |column: &'static str, value: &dyn ToString| StoreError::UnreadableEvidence { id, column, value: value.to_string() };
        let subject = match (self.subject_type.as_str(), self.subject_revision) {
            ("ORDER", _) => Subject::Order(OrderId(self.subject_id)),
            ("QUOTE", Some(revision)) => Subject::Quote(QuoteId(self.subject_id), revision),
            ("OPERATIONAL", _) => Subject::Operational(self.subject_id),
            (other, _) => return Err(unreadable("subject_type", &other)),
        };
        let fingerprint: [u8; 32] = self.fingerprint.try_into().map_err(|_| unreadable("fingerprint", &"not 32 bytes"))?;
        let lines = self.lines.0.into_iter().map(|line| line.line(&unreadable)).collect::<Result<_, _>>()?;
        let Diagnostics { why, http_status, excerpt } = self.diagnostic_json.0;
        Ok(AvailabilityEvidence {
            id,
            tenant: TenantId(self.tenant_id),
            subject,
            source: SourceName::parse(&self.source_system).map_err(|_| unreadable("source_system", &self.source_system))?,
            source_reference: self.source_reference,
            fingerprint: Fingerprint::from_bytes(fingerprint),
            status: AvailabilityStatus::parse(&self.status).ok_or_else(|| unreadable("status", &self.status))?,
            checked_at: self.checked_at,
            expires_at: self.expires_at,
            explanation: self.explanation_code,
            recheck_after: self.recheck_after,
            customer: self.customer_id,
            location: self.location_id,
            channel: self.channel,
            request: self.request_id,
            copied_from: self.copied_from.map(EvidenceId),
            why,
            http_status,
            excerpt,
            lines,
        })
    }
}

impl RawLine {
    fn line(self, unreadable: &dyn Fn(&'static str, &dyn ToString) -> StoreError) -> Result<LineAvailability, StoreError> {
        let available = match &self.available {
            Some(text) => Some(text.parse::<Decimal>().map_err(|_| unreadable("available_quantity", text))?.normalize()),
            None => None,
        };
        Ok(LineAvailability {
            order_line: OrderLineId::parse(&self.line_ref).map_err(|_| unreadable("line_ref", &self.line_ref))?,
            product_offering: self.product_offering_id,
            requested: Quantity::parse(&self.requested).map_err(|_| unreadable("requested_quantity", &self.requested))?,
            location: self.location_id,
            available,
            status: AvailabilityStatus::parse(&self.status).ok_or_else(|| unreadable("line status", &self.status))?,
            explanation: self.explanation_code,
            offer: Offer { place: self.offered_location_id, from: self.available_from, alternate: self.alternate },
        })
    }
}
