//! Takes a human's word for what cannot be found out: put on record first, then carried out like any other answer.
//!
//! Whoever posts it, form, command line or HTTP, comes through here: the same transition table guards it, and the same word delivered
//! twice is one.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::domain::{Goal, Inadmissible, Reservation, ReservationId, TenantId};
use crate::operations::{Conclusion, Errand, OperationError, Operations};
use crate::store::{AnsweredCase, FalloutCase, Find, Heard, Word};

/// What came of a word.
#[derive(Debug)]
pub enum Decided {
    /// There is no such reservation.
    NotFound,
    /// It does not count, and nothing was done.
    Refused(Box<Reservation>, Inadmissible),
    /// It was carried out.
    Done(Conclusion),
}

impl Operations {
    /// Hears a human's word, and carries it out if it counts.
    ///
    /// # Errors
    /// [`OperationError`]. The word may be on record then; saying it again is safe.
    pub async fn decide(&self, word: &Word) -> Result<Decided, OperationError> {
        let row = match self.store.put_decision(word).await? {
            Heard::NotFound => return Ok(Decided::NotFound),
            Heard::Refused(row, why) => return Ok(Decided::Refused(row, why)),
            Heard::Counts(row) => row,
        };
        let errand = Errand {
            tenant: word.tenant,
            find: Find::Id(row.id),
            goal: Goal::Decide(word.decision.clone()),
            actor: Some(format!("human: {}", word.by)),
            waiting: None,
        };
        Ok(Decided::Done(self.run_in_turn(&errand).await?))
    }

    /// The cases that wait for a human, or all of them, oldest first.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn list_cases(&self, tenants: &[TenantId], all: bool, limit: i64) -> Result<Vec<FalloutCase>, OperationError> {
        let tenants = self.tenants(tenants).await?;
        Ok(self.store.list_cases(&tenants, all, limit).await?)
    }

    /// A case by its id or by its reservation's.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn get_case(&self, tenants: &[TenantId], id: Uuid) -> Result<Option<FalloutCase>, OperationError> {
        let tenants = self.tenants(tenants).await?;
        Ok(self.store.get_case(&tenants, id).await?)
    }

    /// Opens a case: a process is about to ask a human about a reservation.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn open_case(&self, tenant: TenantId, reservation: ReservationId, instance: &str, why: &str) -> Result<(), OperationError> {
        Ok(self.store.open_case(tenant, reservation, instance, why, self.clock.now()).await?)
    }

    /// The questions whose answer was found more than `since` ago, and that were not withdrawn yet.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn list_answered_cases(
        &self,
        tenants: &[TenantId],
        since: TimeDelta,
        limit: i64,
    ) -> Result<Vec<AnsweredCase>, OperationError> {
        let tenants = self.tenants(tenants).await?;
        Ok(self.store.list_answered_cases(&tenants, self.clock.now() - since, limit).await?)
    }

    /// Writes down that the question of a case was taken back.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn withdraw_case(&self, case: &AnsweredCase) -> Result<(), OperationError> {
        Ok(self.store.withdraw_case(case.tenant, case.id, self.clock.now()).await?)
    }
}
