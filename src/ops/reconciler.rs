//! Finds out what is open: looks at due reservations, tells the tasks that wait, and writes down how far it got.

use std::time::Duration;

use crate::domain::TenantId;
use crate::operations::{OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;
use crate::topics::Topics;

/// The loop and what it needs.
pub(crate) struct Reconciler {
    pub(crate) operations: Operations,
    pub(crate) topics: Topics,
    /// Empty for all.
    pub(crate) tenants: Vec<TenantId>,
    pub(crate) period: Duration,
    pub(crate) batch: i64,
}

impl Reconciler {
    pub(crate) async fn run(self, shutdown: &Shutdown) {
        Loop { name: "reconciler", period: self.period }.run_woken(shutdown, || self.operations.hinted(), || self.turn(shutdown)).await;
    }

    async fn turn(&self, shutdown: &Shutdown) -> Result<Round, OperationError> {
        let due = self.operations.list_due(&self.tenants, self.batch).await?;
        let full = i64::try_from(due.len()).is_ok_and(|found| found >= self.batch);
        let looked = self.topics.look_at_all(due, || shutdown.is_soft()).await;
        self.topics.tell_settled(&self.tenants, self.batch).await?;
        looked.map(|()| if full { Round::More } else { Round::Idle })
    }
}
