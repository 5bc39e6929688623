//! An answered check, as it is kept: who said what, when, until when it counts, and for whom it was asked.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::domain::{
    AvailabilityQuestion, AvailabilityStatus, EvidenceId, Fingerprint, LineAvailability, OrderId, QuoteId, SourceName, TenantId,
};

/// What a check was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An order.
    Order(OrderId),
    /// A quote in one of its revisions.
    Quote(QuoteId, i32),
    /// Neither: somebody wanted to know. The id is the request's.
    Operational(Uuid),
}

/// An answered check, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityEvidence {
    /// Its id.
    pub id: EvidenceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it was asked for.
    pub subject: Subject,
    /// Who said it.
    pub source: SourceName,
    /// What the source calls its answer.
    pub source_reference: Option<String>,
    /// Over everything that may change the answer: equal questions have equal ones.
    pub fingerprint: Fingerprint,
    /// The verdict over all lines, as it was when it was said.
    pub status: AvailabilityStatus,
    /// When it was asked.
    pub checked_at: DateTime<Utc>,
    /// From when on it may no longer be used.
    pub expires_at: DateTime<Utc>,
    /// Why the verdict is what it is, where that is not plain.
    pub explanation: Option<String>,
    /// Where nothing is known: from when on asking again makes sense.
    pub recheck_after: Option<DateTime<Utc>>,
    /// The customer that was asked for.
    pub customer: Option<String>,
    /// The place that was asked for.
    pub location: Option<String>,
    /// The sales channel that was asked for.
    pub channel: Option<String>,
    /// Who asked, by their own name for the request.
    pub request: Option<String>,
    /// The evidence that this is a copy of: the same answer, for another subject.
    pub copied_from: Option<EvidenceId>,
    /// In words, why nothing is known. Redacted.
    pub why: Option<String>,
    /// The HTTP status that came, if one came.
    pub http_status: Option<u16>,
    /// The beginning of an answer that could not be used. Redacted.
    pub excerpt: Option<String>,
    /// Line by line, in the order in which they were asked.
    pub lines: Vec<LineAvailability>,
}

impl AvailabilityEvidence {
    /// The verdict as it reads at an instant: past its expiry it is stale, whatever it was.
    #[must_use]
    pub fn status_at(&self, now: DateTime<Utc>) -> AvailabilityStatus {
        if self.expires_at <= now { AvailabilityStatus::Stale } else { self.status }
    }

    /// It may answer the same question again: an inventory said so, no longer ago than this, and it has not expired.
    #[must_use]
    pub fn is_usable(&self, now: DateTime<Utc>, at_most: TimeDelta) -> bool {
        self.status.is_told() && self.status_at(now).is_told() && self.checked_at <= now && now - self.checked_at <= at_most
    }

    /// What was asked.
    #[must_use]
    pub fn question(&self) -> AvailabilityQuestion {
        AvailabilityQuestion {
            tenant: self.tenant,
            source: self.source.clone(),
            lines: self.lines.iter().map(LineAvailability::asked).collect(),
            customer: self.customer.clone(),
            location: self.location.clone(),
            channel: self.channel.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::availability::line::tests::line;
    use crate::domain::summarize;

    /// Evidence of these lines, asked at the epoch and good for a minute.
    pub(crate) fn evidence(lines: Vec<LineAvailability>) -> AvailabilityEvidence {
        let mut evidence = AvailabilityEvidence {
            id: EvidenceId(Uuid::from_u128(77)),
            tenant: TenantId(Uuid::from_u128(1)),
            subject: Subject::Quote(QuoteId(Uuid::from_u128(5)), 1),
            source: SourceName::parse("main").unwrap(),
            source_reference: None,
            fingerprint: Fingerprint::from_bytes([0; 32]),
            status: summarize(&lines),
            checked_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH + TimeDelta::minutes(1),
            explanation: None,
            recheck_after: None,
            customer: None,
            location: None,
            channel: None,
            request: None,
            copied_from: None,
            why: None,
            http_status: None,
            excerpt: None,
            lines,
        };
        evidence.fingerprint = Fingerprint::of(&evidence.question());
        evidence
    }

    /// Evidence of one available line of phones.
    pub(crate) fn sample_evidence() -> AvailabilityEvidence {
        evidence(vec![line(1, "1")])
    }

    #[test]
    fn evidence_is_stale_from_its_expiry_on_and_not_before() {
        let evidence = evidence(vec![line(1, "1")]);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        assert_eq!(evidence.status_at(at(59)), AvailabilityStatus::Available);
        assert_eq!(evidence.status_at(at(60)), AvailabilityStatus::Stale);
        assert_eq!(evidence.status_at(at(6000)), AvailabilityStatus::Stale);
    }

    #[test]
    fn only_what_an_inventory_said_recently_enough_answers_again() {
        let evidence = evidence(vec![line(1, "1")]);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let age = TimeDelta::seconds;
        assert!(evidence.is_usable(at(10), age(10)));
        assert!(!evidence.is_usable(at(11), age(10)), "older than the caller accepts");
        assert!(!evidence.is_usable(at(60), age(600)), "expired, however patient the caller");
        assert!(!evidence.is_usable(at(-1), age(600)), "from a clock that is ahead of ours");
        for status in [AvailabilityStatus::Unknown, AvailabilityStatus::NotChecked, AvailabilityStatus::Stale] {
            assert!(!AvailabilityEvidence { status, ..evidence.clone() }.is_usable(at(1), age(600)), "{status:?}");
        }
    }
}
