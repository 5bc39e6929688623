//! Reserves for an order step, at most once per key: a new key is claimed and asked for; a known one is answered from its row.

use std::sync::Arc;

use crate::domain::{Goal, ReserveRequest};
use crate::operations::{Conclusion, Errand, OperationError, Operations, ids};
use crate::store::{Find, FreshClaim, WaitingTask};

/// A request for a hold, and who waits for it.
#[derive(Debug, Clone)]
pub struct Reserve {
    /// What is to be held.
    pub request: ReserveRequest,
    /// The engine's process instance that asks.
    pub process_instance: Option<String>,
    /// The external task that waits.
    pub waiting: Option<WaitingTask>,
}

impl Operations {
    /// Reserves. Afterwards there is a row for the key, and at most one hold at the inventory.
    ///
    /// # Errors
    /// [`OperationError`]; nothing was sent then, unless it is [`OperationError::Interrupted`].
    pub async fn reserve(&self, command: Reserve) -> Result<Conclusion, OperationError> {
        let Reserve { mut request, process_instance, waiting } = command;
        let source = self.source(&request.source)?;
        // No inventory is asked to hold longer than it can; the process learns the real time from `reservedUntil`.
        request.hold_for = source.max_hold.map_or(request.hold_for, |most| request.hold_for.min(most));
        let errand = Errand {
            tenant: request.tenant,
            find: Find::Key(request.source.clone(), request.key()),
            goal: Goal::Reserve,
            actor: None,
            waiting,
        };
        let hash = request.hash();

        // Claim: the wish and the call are on record before the inventory hears of them.
        let fresh = FreshClaim {
            id: ids::reservation(),
            call: ids::call(),
            request: Arc::new(request),
            process_instance,
            actor: Arc::clone(&self.actor),
            orphan_after: source.policy.orphan_after,
            now: self.clock.now(),
        };
        match self.store.claim_fresh(fresh).await {
            Ok(Some(asking)) => self.go_on(&errand, Some(hash), Some(asking)).await,
            Ok(None) => self.go_on(&errand, Some(hash), None).await,
            Err(crate::store::StoreError::EarlierAttemptLives) => Ok(Conclusion::EarlierAttemptLives),
            Err(error) => Err(error.into()),
        }
    }
}
