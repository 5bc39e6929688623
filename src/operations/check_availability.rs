//! Answers what can be had: from evidence that is recent enough, else by asking the inventory. Whatever is answered is on record.
//!
//! A time-out is unknown, never unavailable, and what is unknown answers no later question. Evidence is read from its row, so
//! that a cache may vanish or lie without changing an answer.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use crate::cache::{MARK_GRACE, Mark, Marked};
use crate::domain::{
    AvailabilityEvidence, AvailabilityQuestion, AvailabilityStatus, EvidenceId, Explanation, Fingerprint, LineAvailability, OrderLine,
    RequestError, SourceName, Subject, TenantId, explain, summarize,
};
use crate::metrics;
use crate::operations::flights::{Landed, Lost};
use crate::operations::{OperationError, Operations, ids};
use crate::supplier::{AvailabilityAnswer, CheckAsk, Reply, Source};

/// How long to wait before looking again whether another replica has its answer.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What came of looking whether another replica asks.
enum Waited {
    /// Its answer is on record.
    Answered(Arc<AvailabilityEvidence>),
    /// It is for us to ask; with the mark, if there is one.
    Ask(Option<Marked>),
}

/// A question about what can be had.
#[derive(Debug, Clone)]
pub struct CheckAvailability {
    /// Whose question it is.
    pub tenant: TenantId,
    /// The inventory to ask.
    pub source: SourceName,
    /// What the answer is for.
    pub subject: Subject,
    /// What is asked about; 1 to 200 lines.
    pub lines: Vec<OrderLine>,
    /// The customer, where the inventory wants to know.
    pub customer: Option<String>,
    /// Where lines without a place of their own are wanted.
    pub location: Option<String>,
    /// The sales channel.
    pub channel: Option<String>,
    /// Who asks, by their own name for the request: for the record and for events.
    pub request: Option<String>,
    /// How old evidence may be and yet answer without a call of its own. The source's `reuse_for_s` is the most. Nothing said: that
    /// much for a quote, and not at all for an order. Not at all also means no answer to a question that was put before this one came.
    pub fresh_enough: Option<TimeDelta>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The inventory was asked for it.
    Fresh,
    /// The inventory was being asked the very same at that moment, for somebody else.
    Shared,
    /// The inventory had said so recently enough.
    Reused,
}

impl Provenance {
    /// One word for answers and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "FRESH",
            Self::Shared => "SHARED",
            Self::Reused => "REUSED",
        }
    }
}

/// Evidence, and how it reads at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceView {
    /// The evidence, as it was kept.
    pub evidence: Arc<AvailabilityEvidence>,
    /// Its verdict now: past the expiry it is stale.
    pub status: AvailabilityStatus,
    /// Where it comes from.
    pub from: Provenance,
}

/// Why there is no evidence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CheckError {
    /// The lines make no question.
    #[error("the lines of the check {0}")]
    Lines(#[from] RequestError),
    /// The operation could not be carried out. Shared, because several questions may have waited for one answer.
    #[error(transparent)]
    Operation(Arc<OperationError>),
    /// Whoever asked the inventory for us ended without an answer.
    #[error("the check was broken off")]
    BrokenOff,
}

impl From<OperationError> for CheckError {
    fn from(error: OperationError) -> Self {
        Self::Operation(Arc::new(error))
    }
}

impl From<Lost> for CheckError {
    fn from(_: Lost) -> Self {
        Self::BrokenOff
    }
}

impl CheckError {
    /// Waiting and asking again may help.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Lines(_) => false,
            Self::Operation(error) => error.is_away(),
            Self::BrokenOff => true,
        }
    }
}

impl CheckAvailability {
    /// What the inventory would be asked.
    #[must_use]
    pub fn question(&self) -> AvailabilityQuestion {
        AvailabilityQuestion {
            tenant: self.tenant,
            source: self.source.clone(),
            lines: self.lines.clone(),
            customer: self.customer.clone(),
            location: self.location.clone(),
            channel: self.channel.clone(),
        }
    }

    /// How old evidence may be.
    fn at_most(&self, source: &Source) -> TimeDelta {
        let usual = match self.subject {
            Subject::Quote(..) => source.reuse_for,
            // An order becomes an obligation, and whoever looks by hand wants to know how it is now.
            Subject::Order(_) | Subject::Operational(_) => TimeDelta::zero(),
        };
        self.fresh_enough.unwrap_or(usual).clamp(TimeDelta::zero(), source.reuse_for)
    }
}

impl Operations {
    /// Answers what can be had, and keeps the answer. An inventory that did not answer makes evidence that says so.
    ///
    /// # Errors
    /// [`CheckError`] when the lines make no question, the source is unknown or the database is away. No answer is invented then.
    pub async fn check_availability(&self, check: CheckAvailability) -> Result<EvidenceView, CheckError> {
        let question = check.question();
        question.check()?;
        let at_most = check.at_most(self.source(&check.source)?);
        let fingerprint = Fingerprint::of(&question);
        let (evidence, from) = match self.shown_again(&check, &question, fingerprint, at_most).await {
            Some(evidence) => (evidence, Provenance::Reused),
            None => self.answered(&check, &question, fingerprint, at_most).await?,
        };
        metrics::availability_check(evidence.source.as_str(), from.as_str(), evidence.status.as_str());
        Ok(self.view(evidence, from))
    }

    /// What the cache has for this very question and subject from a moment ago. A quote that is looked at again and again costs the
    /// database nothing; an order is never answered from here.
    async fn shown_again(
        &self,
        check: &CheckAvailability,
        question: &AvailabilityQuestion,
        fingerprint: Fingerprint,
        at_most: TimeDelta,
    ) -> Option<Arc<AvailabilityEvidence>> {
        if at_most.is_zero() || !matches!(check.subject, Subject::Quote(..)) {
            return None;
        }
        let now = self.clock.now();
        let found = self.cache.evidence(check.tenant, fingerprint, now).await?;
        let same = found.subject == check.subject && question.retold(&found.lines).as_ref() == Some(&found.lines);
        (same && found.is_usable(now, at_most)).then(|| Arc::new(found))
    }

    /// An answer from a row or from the inventory, made out to whoever asks.
    ///
    /// Equal questions at the same moment wait for one answer, as far as it can be new enough for each of them. It goes on even if
    /// whoever asked first has gone.
    async fn answered(
        &self,
        check: &CheckAvailability,
        question: &AvailabilityQuestion,
        fingerprint: Fingerprint,
        at_most: TimeDelta,
    ) -> Result<(Arc<AvailabilityEvidence>, Provenance), CheckError> {
        let since = self.now_as_kept() - at_most;
        let (evidence, from) = match self.board(check, fingerprint, at_most, since).await? {
            Some(found) => found,
            // Whoever asked first accepted an older answer than this caller does. The next one may be another of these, the one after
            // it is our own.
            None => match self.board(check, fingerprint, at_most, since).await? {
                Some(found) => found,
                None => self.board(check, fingerprint, at_most, DateTime::<Utc>::MAX_UTC).await?.ok_or(CheckError::BrokenOff)?,
            },
        };
        let evidence = self.made_out_to(check, question, evidence).await?;
        if evidence.status.is_told() && matches!(check.subject, Subject::Quote(..)) {
            self.cache.keep_evidence(&evidence, self.clock.now()).await;
        }
        Ok((evidence, from))
    }

    /// The answer to a question that was put since then, by this caller or by another; nothing if that other had one from before.
    async fn board(
        &self,
        check: &CheckAvailability,
        fingerprint: Fingerprint,
        at_most: TimeDelta,
        since: DateTime<Utc>,
    ) -> Result<Option<(Arc<AvailabilityEvidence>, Provenance)>, CheckError> {
        let asking = {
            let (operations, check) = (self.clone(), check.clone());
            async move { operations.answer(&check, fingerprint, at_most).await }
        };
        let (landed, mine) = self.flights.board(fingerprint, since, self.now_as_kept(), asking).await?;
        let (evidence, from) = landed?;
        let from = if mine || from == Provenance::Reused { from } else { Provenance::Shared };
        Ok((mine || evidence.checked_at >= since).then_some((evidence, from)))
    }

    /// The evidence as it reads now.
    pub(crate) fn view(&self, evidence: Arc<AvailabilityEvidence>, from: Provenance) -> EvidenceView {
        EvidenceView { status: evidence.status_at(self.clock.now()), evidence, from }
    }

    /// The answer to a question, from a row that is recent enough or from the inventory.
    async fn answer(&self, check: &CheckAvailability, fingerprint: Fingerprint, at_most: TimeDelta) -> Landed {
        if at_most.is_zero() {
            // Whoever wants to know anew must not be shown the older answer afterwards, whoever else is.
            self.cache.forget_evidence(check.tenant, fingerprint).await;
            return self.asked(check, fingerprint).await;
        }
        if let Some(found) = self.recent(check, fingerprint, at_most).await? {
            return Ok((Arc::new(found), Provenance::Reused));
        }
        let marked = match self.wait_for_others(check, fingerprint, at_most).await? {
            Waited::Answered(found) => return Ok((found, Provenance::Shared)),
            Waited::Ask(marked) => marked,
        };
        let landed = self.asked(check, fingerprint).await;
        if let Some(marked) = marked {
            self.cache.unmark(marked).await;
        }
        landed
    }

    async fn asked(&self, check: &CheckAvailability, fingerprint: Fingerprint) -> Landed {
        Ok((Arc::new(self.put_question(check, fingerprint).await?), Provenance::Fresh))
    }

    /// Marks the question as under way, so that other replicas wait for its answer; or waits for theirs. The wait has an end: a mark
    /// that a dead process left behind costs a while and nothing more.
    async fn wait_for_others(
        &self,
        check: &CheckAvailability,
        fingerprint: Fingerprint,
        at_most: TimeDelta,
    ) -> Result<Waited, OperationError> {
        let at_longest = self.source(&check.source)?.check_timeout + MARK_GRACE;
        let begun = self.clock.instant();
        let by = ids::evidence().to_string();
        let mut pause = SHORTEST_PAUSE;
        loop {
            match self.cache.mark(check.tenant, fingerprint, by.clone(), at_longest).await {
                Mark::Untold => return Ok(Waited::Ask(None)),
                Mark::Mine(marked) => {
                    // Somebody may have answered between the first look and the mark.
                    return Ok(match self.recent(check, fingerprint, at_most).await? {
                        Some(found) => {
                            self.cache.unmark(marked).await;
                            Waited::Answered(Arc::new(found))
                        }
                        None => Waited::Ask(Some(marked)),
                    });
                }
                Mark::Others(_) if self.clock.instant().saturating_duration_since(begun) >= at_longest => return Ok(Waited::Ask(None)),
                Mark::Others(left) => tokio::time::sleep(pause.min(left.max(SHORTEST_PAUSE))).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The newest evidence that may answer without a call.
    async fn recent(
        &self,
        check: &CheckAvailability,
        fingerprint: Fingerprint,
        at_most: TimeDelta,
    ) -> Result<Option<AvailabilityEvidence>, OperationError> {
        let now = self.clock.now();
        let found = self.store.get_newest_evidence(check.tenant, fingerprint, check.subject, now - at_most, now).await?;
        Ok(found.filter(|found| found.is_usable(now, at_most)))
    }

    /// Asks the inventory and keeps what it says.
    async fn put_question(&self, check: &CheckAvailability, fingerprint: Fingerprint) -> Result<AvailabilityEvidence, OperationError> {
        let source = self.source(&check.source)?;
        let id = ids::evidence();
        let ask = CheckAsk {
            tenant: check.tenant,
            correlation: id.to_string(),
            lines: check.lines.clone(),
            customer: check.customer.clone(),
            location: check.location.clone(),
            channel: check.channel.clone(),
            timeout: source.check_timeout,
        };
        // The moment before the question: what is answered may have changed since, and nobody may think it newer than it is.
        let asked_at = self.now_as_kept();
        let started = self.clock.instant();
        let reply = source.supplier.check(&ask).await;
        let took = self.clock.instant().saturating_duration_since(started);
        metrics::supplier_call(check.source.as_str(), "check", reply.answer.class().as_str(), took);
        let now = self.now_as_kept();
        let evidence = evidence(id, check, fingerprint, source, reply, asked_at, now);
        self.store.put_evidence(evidence.clone(), now).await?;
        Ok(evidence)
    }

    /// The evidence itself if it was given for this very question; else a copy of it for the subject, on record like any other.
    async fn made_out_to(
        &self,
        check: &CheckAvailability,
        question: &AvailabilityQuestion,
        evidence: Arc<AvailabilityEvidence>,
    ) -> Result<Arc<AvailabilityEvidence>, OperationError> {
        let lines = question.retold(&evidence.lines).unwrap_or_else(|| evidence.lines.clone());
        if evidence.subject == check.subject && lines == evidence.lines {
            return Ok(evidence);
        }
        let copy = AvailabilityEvidence {
            id: ids::evidence(),
            subject: check.subject,
            request: check.request.clone(),
            copied_from: Some(evidence.copied_from.unwrap_or(evidence.id)),
            lines,
            ..evidence.as_ref().clone()
        };
        self.store.put_evidence(copy.clone(), self.now_as_kept()).await?;
        Ok(Arc::new(copy))
    }

    /// Now, to the microsecond: what is answered and what is read back later are the same.
    pub(crate) fn now_as_kept(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}

/// What a reply is evidence of.
fn evidence(
    id: EvidenceId,
    check: &CheckAvailability,
    fingerprint: Fingerprint,
    source: &Source,
    reply: Reply<AvailabilityAnswer>,
    asked_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> AvailabilityEvidence {
    let explanation = explain(&reply.answer, &reply.evidence);
    let (reference, lines) = match reply.answer {
        crate::domain::Answer::Done(said) => {
            // A line that the inventory does not mention is not known, whatever it says of the others.
            let told = |line: &OrderLine| said.lines.iter().find(|l| l.order_line == line.order_line).cloned();
            let line = |line| told(line).unwrap_or_else(|| LineAvailability::unknown(line, Explanation::LINE_NOT_TOLD));
            (said.reference, check.lines.iter().map(line).collect::<Vec<_>>())
        }
        crate::domain::Answer::Refused(_) | crate::domain::Answer::NotSent(_) | crate::domain::Answer::Unknown(_) => {
            let code = explanation.as_ref().map_or(Explanation::ANSWER_NOT_USABLE, |explanation| explanation.code.as_str());
            (None, check.lines.iter().map(|line| LineAvailability::unknown(line, code)).collect())
        }
    };
    let status = summarize(&lines);
    let wait = explanation.as_ref().and_then(|explanation| explanation.again_in).and_then(|wait| TimeDelta::from_std(wait).ok());
    let unexplained = (status == AvailabilityStatus::Unknown).then(|| Explanation::LINE_NOT_TOLD.to_owned());
    AvailabilityEvidence {
        id,
        tenant: check.tenant,
        subject: check.subject,
        source: check.source.clone(),
        source_reference: reference,
        fingerprint,
        status,
        checked_at: asked_at,
        expires_at: asked_at + source.evidence_ttl,
        explanation: explanation.as_ref().map(|explanation| explanation.code.clone()).or(unexplained),
        recheck_after: (status == AvailabilityStatus::Unknown).then(|| now + wait.unwrap_or(source.policy.first_check)),
        customer: check.customer.clone(),
        location: check.location.clone(),
        channel: check.channel.clone(),
        request: check.request.clone(),
        copied_from: None,
        why: explanation.map(|explanation| explanation.why),
        http_status: reply.evidence.http_status,
        // An answer that could be read is in the lines.
        excerpt: reply.evidence.excerpt.filter(|_| status == AvailabilityStatus::Unknown),
        lines,
    }
}
