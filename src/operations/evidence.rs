//! Reading evidence, and asking again with a comparison: what changed since.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::{AvailabilityEvidence, AvailabilityStatus, Diff, EvidenceId, QuoteId, TenantId};
use crate::operations::{CheckAvailability, CheckError, EvidenceView, OperationError, Operations, Provenance};

/// What is known of a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteAvailability {
    /// The verdict over everything below: not checked if there is nothing.
    pub status: AvailabilityStatus,
    /// What counts of each source.
    pub evidence: Vec<EvidenceView>,
}

/// Fresh evidence, and what it says differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rechecked {
    /// The fresh evidence.
    pub fresh: EvidenceView,
    /// What changed.
    pub diff: Diff,
}

impl Operations {
    /// Reads evidence; nothing if the tenant has none of this id. Past its expiry it reads as stale.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn evidence(&self, tenant: TenantId, id: EvidenceId) -> Result<Option<EvidenceView>, OperationError> {
        let found = self.store.get_evidence(tenant, id).await?;
        Ok(found.map(|evidence| self.view(Arc::new(evidence), Provenance::Reused)))
    }

    /// Reads what counts of a quote from each source, of one revision or of the newest that was checked: as a check would be answered,
    /// were it not to ask.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn quote_evidence(
        &self,
        tenant: TenantId,
        quote: QuoteId,
        revision: Option<i32>,
    ) -> Result<QuoteAvailability, OperationError> {
        let found = self.store.list_quote_evidence(tenant, quote, revision, self.clock.now()).await?;
        let evidence: Vec<_> = found.into_iter().map(|one| self.view(Arc::new(one), Provenance::Reused)).collect();
        Ok(QuoteAvailability { status: over_all(evidence.iter().map(|view| view.status)), evidence })
    }

    /// Asks the question of some evidence again, and compares. The inventory is asked, however recent the evidence is.
    /// Nothing if the tenant has no evidence of this id.
    ///
    /// # Errors
    /// [`CheckError`].
    pub async fn recheck(&self, tenant: TenantId, id: EvidenceId, request: Option<String>) -> Result<Option<Rechecked>, CheckError> {
        let Some(before) = self.store.get_evidence(tenant, id).await.map_err(OperationError::from)? else { return Ok(None) };
        let again = asked_again(&before, request);
        let fresh = self.check_availability(again).await?;
        Ok(Some(Rechecked { diff: Diff::between(Some(&before), &fresh.evidence), fresh }))
    }
}

fn asked_again(before: &AvailabilityEvidence, request: Option<String>) -> CheckAvailability {
    let question = before.question();
    CheckAvailability {
        tenant: question.tenant,
        source: question.source,
        subject: before.subject,
        lines: question.lines,
        customer: question.customer,
        location: question.location,
        channel: question.channel,
        request,
        fresh_enough: Some(TimeDelta::zero()),
    }
}

/// The verdict over several sources: what is not known or stale of one is so of the whole, because a promise needs all of it.
fn over_all(statuses: impl Iterator<Item = AvailabilityStatus>) -> AvailabilityStatus {
    let all: Vec<_> = statuses.collect();
    let any = |status| all.contains(&status);
    match all.as_slice() {
        [] => AvailabilityStatus::NotChecked,
        _ if any(AvailabilityStatus::Unknown) => AvailabilityStatus::Unknown,
        _ if any(AvailabilityStatus::Stale) => AvailabilityStatus::Stale,
        [first, rest @ ..] if rest.iter().all(|status| status == first) => *first,
        _ => AvailabilityStatus::PartiallyAvailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_nobody_asked_about_is_not_checked_and_one_stale_source_makes_it_stale() {
        use AvailabilityStatus::{Available, NotChecked, PartiallyAvailable, Stale, Unavailable, Unknown};
        let over = |statuses: &[AvailabilityStatus]| over_all(statuses.iter().copied());
        assert_eq!(over(&[]), NotChecked);
        assert_eq!(over(&[Available, Available]), Available);
        assert_eq!(over(&[Available, Stale]), Stale);
        assert_eq!(over(&[Unknown, Stale]), Unknown);
        assert_eq!(over(&[Available, Unavailable]), PartiallyAvailable);
        assert_eq!(over(&[Unavailable]), Unavailable);
    }
}
