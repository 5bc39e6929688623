//! Releases what an order step holds; afterwards a reserve of it that is under way and not on record yet comes too late.

use crate::domain::{AttemptGroup, OrderId, ReservationStep, SourceName};
use crate::operations::{Conclusion, Errand, OperationError, Operations, ids};
use crate::store::{Find, Unborn};

/// A release, and the attempt that may be under way without a record.
#[derive(Debug, Clone)]
pub struct Release {
    /// What is to be let go; its goal is to release.
    pub errand: Errand,
    /// What the order is about to reserve; nothing where the errand names one reservation.
    pub attempt: Option<Attempt>,
}

/// One attempt of an order step.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The inventory.
    pub source: SourceName,
    /// The order.
    pub order: OrderId,
    /// The step.
    pub step: ReservationStep,
    /// The attempt group.
    pub group: AttemptGroup,
}

impl Operations {
    /// Releases. An order that is cancelled while the task of its reserve is being fetched would otherwise be told that there is
    /// nothing to give back, and be given a hold a moment later that nobody asks for again.
    ///
    /// # Errors
    /// [`OperationError`].
    pub async fn release(&self, command: Release) -> Result<Conclusion, OperationError> {
        let Release { errand, attempt } = command;
        let conclusion = self.run(&errand).await?;
        let Some(attempt) = attempt else { return Ok(conclusion) };
        let on_record = match &conclusion {
            Conclusion::NotFound => false,
            Conclusion::Settled(row) => row.group >= attempt.group,
            _ => true,
        };
        if on_record {
            return Ok(conclusion);
        }
        let find = Find::Key(attempt.source.clone(), crate::domain::IdempotencyKey::derive(attempt.order, &attempt.step, attempt.group));
        let unborn = Unborn {
            id: ids::reservation(),
            tenant: errand.tenant,
            source: attempt.source,
            order: attempt.order,
            step: attempt.step,
            group: attempt.group,
            actor: errand.actor.clone().unwrap_or_else(|| self.actor.to_string()),
            now: self.clock.now(),
        };
        if self.store.put_unborn(&unborn).await? {
            return Ok(conclusion);
        }
        // The reserve was quicker: it is on record now.
        self.run(&Errand { find, ..errand }).await
    }
}
