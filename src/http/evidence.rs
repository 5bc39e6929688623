//! Availability evidence on the wire.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{AvailabilityStatus, Change, Diff, LineAvailability, LineDiff, Subject};
use crate::operations::EvidenceView;

/// What can be had. `UNKNOWN` is not `UNAVAILABLE`: the inventory did not say. `STALE` was checked too long ago to go by.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = AvailabilityStatus)]
pub(crate) enum AvailabilityView {
    NotChecked,
    Available,
    PartiallyAvailable,
    Unavailable,
    Unknown,
    Stale,
}

impl From<AvailabilityStatus> for AvailabilityView {
    fn from(status: AvailabilityStatus) -> Self {
        match status {
            AvailabilityStatus::NotChecked => Self::NotChecked,
            AvailabilityStatus::Available => Self::Available,
            AvailabilityStatus::PartiallyAvailable => Self::PartiallyAvailable,
            AvailabilityStatus::Unavailable => Self::Unavailable,
            AvailabilityStatus::Unknown => Self::Unknown,
            AvailabilityStatus::Stale => Self::Stale,
        }
    }
}

/// What an inventory said at an instant, and until when that may be used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AvailabilityEvidence)]
pub(crate) struct EvidenceBody {
    evidence_id: Uuid,
    /// The verdict over all lines, now.
    status: AvailabilityView,
    /// The verdict as it was when it was said.
    status_when_checked: AvailabilityView,
    checked_at: DateTime<Utc>,
    /// From then on it reads as `STALE`.
    expires_at: DateTime<Utc>,
    /// The inventory that said so.
    source: String,
    /// What the inventory calls its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_reference: Option<String>,
    /// `FRESH`: the inventory was asked for it. `SHARED`: it was being asked the very same at that moment. `REUSED`: it had said so
    /// recently enough.
    #[schema(example = "FRESH")]
    provenance: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote_revision: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    /// Equal questions have equal ones.
    fingerprint: String,
    /// Why the verdict is what it is, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "SOURCE_DID_NOT_ANSWER")]
    explanation_code: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    /// Where nothing is known: from when on asking again makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    recheck_after: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    lines: Vec<EvidenceLine>,
}

/// What the inventory said of one line. Quantities are decimal numbers as text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AvailabilityEvidenceLine)]
pub(crate) struct EvidenceLine {
    order_line_id: Uuid,
    product_offering_id: String,
    #[schema(example = "2")]
    requested_quantity: String,
    /// How much there is, where the inventory says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    available_quantity: Option<String>,
    status: AvailabilityView,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation_code: Option<String>,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    /// Where it would come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    available_at: Option<String>,
    /// From when on it can be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    available_from: Option<DateTime<Utc>>,
    /// What could be had instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    alternate_product_offering_id: Option<String>,
}

impl From<EvidenceView> for EvidenceBody {
    fn from(view: EvidenceView) -> Self {
        let evidence = &view.evidence;
        let (quote, order) = match evidence.subject {
            Subject::Quote(quote, revision) => (Some((quote.0, revision)), None),
            Subject::Order(order) => (None, Some(order.0)),
            Subject::Operational(_) => (None, None),
        };
        Self {
            evidence_id: evidence.id.0,
            status: view.status.into(),
            status_when_checked: evidence.status.into(),
            checked_at: evidence.checked_at,
            expires_at: evidence.expires_at,
            source: evidence.source.as_str().to_owned(),
            source_reference: evidence.source_reference.clone(),
            provenance: view.from.as_str(),
            quote_id: quote.map(|(quote, _)| quote),
            quote_revision: quote.map(|(_, revision)| revision),
            order_id: order,
            fingerprint: evidence.fingerprint.to_string(),
            explanation_code: evidence.explanation.clone(),
            explanation: evidence.why.clone(),
            recheck_after: evidence.recheck_after,
            customer_id: evidence.customer.clone(),
            location_id: evidence.location.clone(),
            channel: evidence.channel.clone(),
            lines: evidence.lines.iter().map(EvidenceLine::from).collect(),
        }
    }
}

impl EvidenceBody {
    /// The evidence's id.
    pub(crate) fn id(&self) -> Uuid {
        self.evidence_id
    }
}

impl From<&LineAvailability> for EvidenceLine {
    fn from(line: &LineAvailability) -> Self {
        Self {
            order_line_id: line.order_line.0,
            product_offering_id: line.product_offering.clone(),
            requested_quantity: line.requested.to_string(),
            available_quantity: line.available.map(|quantity| quantity.normalize().to_string()),
            status: line.status.into(),
            explanation_code: line.explanation.clone(),
            location_id: line.location.clone(),
            available_at: line.offer.place.clone(),
            available_from: line.offer.from,
            alternate_product_offering_id: line.offer.alternate.clone(),
        }
    }
}

/// What a later check says differently from an earlier one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AvailabilityDiff)]
pub(crate) struct DiffBody {
    /// The earlier evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Uuid>,
    /// The later evidence.
    after: Uuid,
    status_before: AvailabilityView,
    status_after: AvailabilityView,
    /// The earlier evidence had expired when the later one was asked for.
    had_expired: bool,
    /// Of some line, less can be had than before.
    worse: bool,
    /// The lines that changed.
    lines: Vec<LineDiffBody>,
}

/// What changed of one line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AvailabilityLineDiff)]
pub(crate) struct LineDiffBody {
    order_line_id: Uuid,
    product_offering_id: String,
    worse: bool,
    changes: Vec<ChangeBody>,
}

/// One thing that changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AvailabilityChange)]
pub(crate) struct ChangeBody {
    /// `STATUS`, `QUANTITY`, `LOCATION`, `ALTERNATE`, `TIME` or `CONFIGURATION`.
    #[schema(example = "QUANTITY")]
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[schema(example = "STOCK_FELL")]
    cause: &'static str,
}

impl From<Diff> for DiffBody {
    fn from(diff: Diff) -> Self {
        Self {
            before: diff.before.map(|id| id.0),
            after: diff.after.0,
            status_before: diff.status_before.into(),
            status_after: diff.status_after.into(),
            had_expired: diff.had_expired,
            worse: diff.is_worse(),
            lines: diff.lines.into_iter().map(LineDiffBody::from).collect(),
        }
    }
}

impl From<LineDiff> for LineDiffBody {
    fn from(line: LineDiff) -> Self {
        Self {
            order_line_id: line.order_line.0,
            product_offering_id: line.product_offering,
            worse: line.worse,
            changes: line.changes.into_iter().map(ChangeBody::from).collect(),
        }
    }
}

impl From<Change> for ChangeBody {
    fn from(change: Change) -> Self {
        Self { what: change.what.as_str(), before: change.before, after: change.after, cause: change.cause.as_str() }
    }
}
