//! Checks availability for an order and keeps what was said. A time-out is unknown, never unavailable.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::domain::{Answer, AvailabilityEvidence, AvailabilityStatus, LineAvailability, OrderLine, SourceName, TenantId, summarize};
use crate::metrics;
use crate::operations::{OperationError, Operations, ids};
use crate::store::Subject;
use crate::supplier::CheckAsk;

/// A question about what can be had.
#[derive(Debug, Clone)]
pub struct CheckAvailability {
    /// Whose question it is.
    pub tenant: TenantId,
    /// The inventory to ask.
    pub source: SourceName,
    /// What the answer is for.
    pub subject: Subject,
    /// What is asked about.
    pub lines: Vec<OrderLine>,
    /// The customer, where the inventory wants to know.
    pub customer: Option<String>,
    /// Where lines without a place of their own are wanted.
    pub location: Option<String>,
    /// The sales channel.
    pub channel: Option<String>,
    /// How long the answer may be used.
    pub good_for: TimeDelta,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The operation could not be carried out.
    #[error(transparent)]
    Operation(#[from] OperationError),
}

impl Operations {
    /// Asks, and keeps the answer. An inventory that did not answer makes evidence that says so.
    ///
    /// # Errors
    /// [`CheckError`] when the source is unknown or the database is away.
    pub async fn check_availability(&self, question: CheckAvailability) -> Result<(AvailabilityEvidence, Option<String>), CheckError> {
        let source = self.source(&question.source)?;
        let id = ids::evidence();
        let ask = CheckAsk {
            tenant: question.tenant,
            correlation: id.to_string(),
            lines: question.lines.clone(),
            customer: question.customer.clone(),
            location: question.location.clone(),
            channel: question.channel.clone(),
            timeout: source.check_timeout,
        };
        let started = std::time::Instant::now();
        let reply = source.supplier.check(&ask).await;
        metrics::supplier_call(question.source.as_str(), "check", reply.answer.class().as_str(), started.elapsed());
        let now = self.clock.now();
        let unknown = |line: &OrderLine| LineAvailability {
            order_line: line.order_line,
            product_offering: line.product_offering.clone(),
            requested: line.quantity,
            available: None,
            status: AvailabilityStatus::Unknown,
        };
        let (reference, lines, why) = match reply.answer {
            Answer::Done(said) => {
                // A line that the inventory does not mention is not known, whatever it says of the others.
                let lines = question
                    .lines
                    .iter()
                    .map(|line| said.lines.iter().find(|l| l.order_line == line.order_line).cloned().unwrap_or_else(|| unknown(line)));
                (said.reference, lines.collect::<Vec<_>>(), None)
            }
            Answer::Refused(refusal) => (None, question.lines.iter().map(unknown).collect(), Some(refusal.code)),
            Answer::NotSent(why) | Answer::Unknown(why) => (None, question.lines.iter().map(unknown).collect(), Some(why)),
        };
        let evidence = AvailabilityEvidence {
            id,
            tenant: question.tenant,
            source: question.source,
            source_reference: reference,
            status: summarize(&lines),
            checked_at: now,
            expires_at: now + question.good_for,
            explanation_code: why.as_ref().map(|_| "SOURCE_DID_NOT_ANSWER".to_owned()),
            lines,
        };
        self.store.put_evidence(&evidence, question.subject).await.map_err(OperationError::from)?;
        Ok((evidence, why))
    }
}

/// The subject of a check made for an order.
impl From<crate::domain::OrderId> for Subject {
    fn from(order: crate::domain::OrderId) -> Self {
        let id: Uuid = order.0;
        Self::Order(id)
    }
}
