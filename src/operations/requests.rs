//! Requests under an idempotency key: carried out once, answered again.

use chrono::TimeDelta;

use crate::operations::{OperationError, Operations, ids};
use crate::store::{Begun, KeptAnswer, NewRequest, RequestAttempt, RequestName};

/// How long somebody may work on a request before another may begin it anew, although the first one's session lives: longer than
/// any request may take.
const BUSY_FOR: TimeDelta = TimeDelta::minutes(6);

impl Operations {
    /// Begins the work on a request, unless it is being worked on or was answered; its answer is kept for so long.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn begin_request(&self, name: RequestName, fingerprint: [u8; 32], keep_for: TimeDelta) -> Result<Begun, OperationError> {
        let now = self.clock.now();
        let record = ids::request();
        let request = NewRequest { name, record, fingerprint, busy_until: now + BUSY_FOR, expires_at: now + keep_for };
        Ok(self.store.begin_request(&request, now).await?)
    }

    /// Keeps the answer of a request.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn answer_request(&self, attempt: &RequestAttempt, answer: &KeptAnswer) -> Result<bool, OperationError> {
        Ok(self.store.answer_request(attempt, answer, self.clock.now()).await?)
    }

    /// Lets a request go without an answer, so that it may be begun anew at once.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn abandon_request(&self, attempt: &RequestAttempt) -> Result<(), OperationError> {
        Ok(self.store.abandon_request(attempt).await?)
    }
}
