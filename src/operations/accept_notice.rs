//! Takes word from an inventory for what it is: a hint. What it names becomes due and is looked up; what it says is not believed.
//!
//! Which tenant it concerns is found from the reservation that it names: the sender has shown that it is the inventory, and an
//! inventory may serve several tenants. Afterwards either nothing here goes by that name, or the look is on record as due.

use crate::operations::{OperationError, Operations};
use crate::store::Notice;

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeOutcome {
    /// What it names is due now, or as soon as the call that is open on it has ended.
    Accepted,
    /// It had come before; nothing is looked up again for it.
    Duplicate,
    /// Nothing here goes by that name.
    Unmatched,
}

impl Operations {
    /// Accepts a verified notice.
    ///
    /// # Errors
    /// [`OperationError::Store`]; the sender is to send it again then.
    pub async fn accept_notice(&self, notice: &Notice) -> Result<NoticeOutcome, OperationError> {
        let tenants = self.store.list_tenants().await?;
        let noted = self.store.accept_notice(&tenants, notice, self.clock.now()).await?;
        if noted.hinted > 0 {
            self.hints.notify_one();
            return Ok(NoticeOutcome::Accepted);
        }
        Ok(if noted.named > 0 { NoticeOutcome::Duplicate } else { NoticeOutcome::Unmatched })
    }

    /// Returns when something was made due here since the last time.
    pub async fn hinted(&self) {
        self.hints.notified().await;
    }
}
