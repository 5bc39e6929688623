//! Evidence as it lies in Redis, and the distrust with which it is read back.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    AvailabilityEvidence, AvailabilityStatus, EvidenceId, Fingerprint, LineAvailability, Offer, OrderId, OrderLineId, Quantity, QuoteId,
    SourceName, Subject, TenantId, summarize,
};

/// The layout of the value; another version's values are not read.
const LAYOUT: u8 = 1;
/// How far two replicas' clocks may differ before a value counts as one from the future.
const SKEW: TimeDelta = TimeDelta::seconds(1);

#[derive(Serialize, Deserialize)]
struct Value {
    layout: u8,
    kept_at: DateTime<Utc>,
    id: Uuid,
    tenant: Uuid,
    subject: (String, Uuid, Option<i32>),
    source: String,
    source_reference: Option<String>,
    fingerprint: String,
    status: String,
    checked_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    explanation: Option<String>,
    customer: Option<String>,
    location: Option<String>,
    channel: Option<String>,
    request: Option<String>,
    copied_from: Option<Uuid>,
    http_status: Option<u16>,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    order_line: Uuid,
    product_offering: String,
    requested: String,
    location: Option<String>,
    available: Option<String>,
    status: String,
    explanation: Option<String>,
    place: Option<String>,
    from: Option<DateTime<Utc>>,
    alternate: Option<String>,
}

/// Writes evidence. Only what an inventory said is ever kept, so that what explains silence is left out.
pub(super) fn write(evidence: &AvailabilityEvidence, kept_at: DateTime<Utc>) -> Option<String> {
    let subject = match evidence.subject {
        Subject::Order(order) => ("ORDER".to_owned(), order.0, None),
        Subject::Quote(quote, revision) => ("QUOTE".to_owned(), quote.0, Some(revision)),
        Subject::Operational(request) => ("OPERATIONAL".to_owned(), request, None),
    };
    let line = |line: &LineAvailability| Line {
        order_line: line.order_line.0,
        product_offering: line.product_offering.clone(),
        requested: line.requested.to_string(),
        location: line.location.clone(),
        available: line.available.map(|amount| amount.to_string()),
        status: line.status.as_str().to_owned(),
        explanation: line.explanation.clone(),
        place: line.offer.place.clone(),
        from: line.offer.from,
        alternate: line.offer.alternate.clone(),
    };
    let value = Value {
        layout: LAYOUT,
        kept_at,
        id: evidence.id.0,
        tenant: evidence.tenant.0,
        subject,
        source: evidence.source.as_str().to_owned(),
        source_reference: evidence.source_reference.clone(),
        fingerprint: evidence.fingerprint.to_string(),
        status: evidence.status.as_str().to_owned(),
        checked_at: evidence.checked_at,
        expires_at: evidence.expires_at,
        explanation: evidence.explanation.clone(),
        customer: evidence.customer.clone(),
        location: evidence.location.clone(),
        channel: evidence.channel.clone(),
        request: evidence.request.clone(),
        copied_from: evidence.copied_from.map(|id| id.0),
        http_status: evidence.http_status,
        lines: evidence.lines.iter().map(line).collect(),
    };
    serde_json::to_string(&value).ok()
}

/// Reads evidence back. Nothing if it is not what was written for this question a moment ago: the question is made anew from the
/// value and must have the same fingerprint, the verdict must follow from the lines, and the times must fit.
pub(super) fn read(
    text: &str,
    tenant: TenantId,
    fingerprint: Fingerprint,
    now: DateTime<Utc>,
    good_for: TimeDelta,
) -> Option<AvailabilityEvidence> {
    let value: Value = serde_json::from_str(text).ok().filter(|value: &Value| value.layout == LAYOUT)?;
    let recent = value.kept_at <= now + SKEW && now < value.kept_at + good_for && value.checked_at <= value.kept_at;
    let evidence = value.evidence(fingerprint)?;
    let same = evidence.tenant == tenant && Fingerprint::of(&evidence.question()) == fingerprint;
    let told = evidence.status.is_told() && summarize(&evidence.lines) == evidence.status;
    (recent && same && told && now < evidence.expires_at).then_some(evidence)
}

impl Value {
    fn evidence(self, fingerprint: Fingerprint) -> Option<AvailabilityEvidence> {
        let subject = match (self.subject.0.as_str(), self.subject.2) {
            ("ORDER", None) => Subject::Order(OrderId(self.subject.1)),
            ("QUOTE", Some(revision)) => Subject::Quote(QuoteId(self.subject.1), revision),
            ("OPERATIONAL", None) => Subject::Operational(self.subject.1),
            _ => return None,
        };
        Some(AvailabilityEvidence {
            id: EvidenceId(self.id),
            tenant: TenantId(self.tenant),
            subject,
            source: SourceName::parse(&self.source).ok()?,
            source_reference: self.source_reference,
            fingerprint: Some(fingerprint).filter(|print| print.to_string() == self.fingerprint)?,
            status: AvailabilityStatus::parse(&self.status)?,
            checked_at: self.checked_at,
            expires_at: self.expires_at,
            explanation: self.explanation,
            recheck_after: None,
            customer: self.customer,
            location: self.location,
            channel: self.channel,
            request: self.request,
            copied_from: self.copied_from.map(EvidenceId),
            why: None,
            http_status: self.http_status,
            excerpt: None,
            lines: self.lines.into_iter().map(Line::line).collect::<Option<_>>()?,
        })
    }
}

impl Line {
    fn line(self) -> Option<LineAvailability> {
        let available = match self.available {
            Some(text) => Some(text.parse::<Decimal>().ok()?),
            None => None,
        };
        Some(LineAvailability {
            order_line: OrderLineId(self.order_line),
            product_offering: self.product_offering,
            requested: Quantity::parse(&self.requested).ok()?,
            location: self.location,
            available,
            status: AvailabilityStatus::parse(&self.status)?,
            explanation: self.explanation,
            offer: Offer { place: self.place, from: self.from, alternate: self.alternate },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample_evidence;

    const GOOD_FOR: TimeDelta = TimeDelta::seconds(10);

    #[test]
    fn what_was_written_is_read_back_and_only_for_its_own_question() {
        let evidence = sample_evidence();
        let (tenant, print, now) = (evidence.tenant, evidence.fingerprint, evidence.checked_at);
        let text = write(&evidence, now).unwrap();
        assert_eq!(read(&text, tenant, print, now, GOOD_FOR), Some(evidence));
        assert_eq!(read(&text, TenantId(Uuid::from_u128(99)), print, now, GOOD_FOR), None);
        assert_eq!(read(&text, tenant, Fingerprint::from_bytes([9; 32]), now, GOOD_FOR), None);
    }

    #[test]
    fn a_value_from_too_long_ago_from_the_future_or_past_its_expiry_is_not_read() {
        let evidence = sample_evidence();
        let (tenant, print, now) = (evidence.tenant, evidence.fingerprint, evidence.checked_at);
        let at = |seconds| now + TimeDelta::seconds(seconds);
        let kept = |seconds| write(&evidence, at(seconds)).unwrap();
        assert!(read(&kept(0), tenant, print, at(9), GOOD_FOR).is_some());
        assert!(read(&kept(0), tenant, print, at(10), GOOD_FOR).is_none());
        assert!(read(&kept(5), tenant, print, at(3), GOOD_FOR).is_none());
        assert!(read(&kept(-1), tenant, print, at(0), GOOD_FOR).is_none(), "kept before it was said");
        assert!(read(&kept(55), tenant, print, at(59), GOOD_FOR).is_some());
        assert!(read(&kept(55), tenant, print, at(60), GOOD_FOR).is_none());
    }

    #[test]
    fn rubbish_is_not_read_however_much_it_resembles_a_value() {
        let evidence = sample_evidence();
        let (tenant, print, now) = (evidence.tenant, evidence.fingerprint, evidence.checked_at);
        let text = write(&evidence, now).unwrap();
        assert!(text.contains("\"PHONE\"") && text.contains("\"AVAILABLE\""));
        for rubbish in [
            String::new(),
            "null".to_owned(),
            "[]".to_owned(),
            text[..text.len() / 2].to_owned(),
            text.replace("\"layout\":1", "\"layout\":2"),
            text.replace("\"PHONE\"", "\"TABLET\""),
            text.replacen("\"AVAILABLE\"", "\"UNAVAILABLE\"", 1),
            text.replace("\"AVAILABLE\"", "\"UNKNOWN\""),
            text.replace("\"AVAILABLE\"", "\"PERHAPS\""),
            text.replace("\"QUOTE\"", "\"ORDER\""),
        ] {
            assert_eq!(read(&rubbish, tenant, print, now, GOOD_FOR), None, "{rubbish}");
        }
    }
}
