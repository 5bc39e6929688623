//! Finds out what is open: looks at due reservations, tells the tasks that wait, and writes down how far it got.

use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt as _;

use crate::domain::{ReservationStatus, TenantId};
use crate::metrics::RECONCILED;
use crate::operations::{Conclusion, Due, OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;
use crate::topics::Topics;

/// How many rows are looked at side by side.
const SIDE_BY_SIDE: usize = 8;
/// How long a task may be settled and untold before it is told from here: its own worker is quicker.
const UNTOLD_FOR: TimeDelta = TimeDelta::seconds(2);

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
        let mut failed = None;
        let mut looks = futures::stream::iter(due).map(|due| self.look_at(due)).buffer_unordered(SIDE_BY_SIDE);
        while let Some(looked) = looks.next().await {
            failed = looked.err().or(failed);
            if shutdown.is_soft() {
                break;
            }
        }
        drop(looks);
        for settled in self.operations.list_settled_waiting(&self.tenants, UNTOLD_FOR, self.batch).await? {
            self.topics.tell_waiting(settled.tenant, settled.reservation, None).await?;
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(if full { Round::More } else { Round::Idle }),
        }
    }

    async fn look_at(&self, due: Due) -> Result<(), OperationError> {
        if let Some((row, until)) = self.operations.extension_due(due).await?
            && self.topics.order_lives(&row).await
        {
            let extended = self.operations.extend_by_itself(due, until).await?;
            tracing::info!(reservation.id = %row.id, until = %until, outcome = extended.label(), "a hold of a living order was to be extended");
            metrics::counter!(RECONCILED, "outcome" => "extended").increment(1);
            return Ok(());
        }
        let conclusion = match self.operations.look_at(due).await {
            Ok(conclusion) => conclusion,
            Err(error) => {
                metrics::counter!(RECONCILED, "outcome" => "error").increment(1);
                return Err(error);
            }
        };
        let outcome = match &conclusion {
            Conclusion::Unknown(row, why) => {
                tracing::info!(reservation.id = %row.id, status = %row.status, checks = row.checks, why, "still open");
                let human = if row.manual_since.is_some() { " A human must find out and decide." } else { "" };
                let progress = format!("look {} at `{}`: {why}.{human}", row.checks, row.source);
                self.topics.tell_waiting(due.tenant, due.reservation, Some(&progress)).await?;
                "open"
            }
            Conclusion::NotSent(row, why) => {
                let progress = format!("`{}` could not be reached: {why}", row.source);
                self.topics.tell_waiting(due.tenant, due.reservation, Some(&progress)).await?;
                "not_sent"
            }
            Conclusion::Settled(row) => {
                if row.status != ReservationStatus::Reserved {
                    tracing::info!(reservation.id = %row.id, status = %row.status, "found out");
                }
                self.topics.tell_waiting(due.tenant, due.reservation, None).await?;
                self.topics.release_if_order_gone(row).await?;
                "settled"
            }
            Conclusion::Refused(row, rejection) => {
                tracing::info!(reservation.id = %row.id, code = rejection.code, "found out: refused");
                self.topics.tell_waiting(due.tenant, due.reservation, None).await?;
                "settled"
            }
            Conclusion::Busy(_) => "busy",
            Conclusion::NotPossible(..) | Conclusion::NotFound | Conclusion::OtherRequest(_) | Conclusion::EarlierAttemptLives => "nothing",
        };
        metrics::counter!(RECONCILED, "outcome" => outcome).increment(1);
        Ok(())
    }
}
