//! Looking at what is due: by the daemon's own loop, or by `inventory.reconcile` with the scope `due`, on a timer of the engine.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt as _;

use crate::domain::{ReservationStatus, TenantId};
use crate::engine::Variables;
use crate::metrics::RECONCILED;
use crate::operations::{Conclusion, Due, OperationError};
use crate::topics::exit::{Exit, Say};
use crate::topics::handler::Topics;

/// How many rows are looked at side by side.
const SIDE_BY_SIDE: usize = 8;
/// How many rows one look into the database brings.
const AT_ONCE: i64 = 64;
/// How long one sweep goes on; what is left is left to the next.
const LONGEST_SWEEP: Duration = Duration::from_secs(60);

/// How long a task may be settled and untold before it is told from here: its own worker is quicker.
const UNTOLD_FOR: TimeDelta = TimeDelta::seconds(2);

/// What a sweep came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Swept {
    looked_at: i64,
    still_open: i64,
}

/// What a look at one row came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Extended,
    Open,
    NotSent,
    Settled,
    Busy,
    /// There was nothing to look at any more.
    Nothing,
}

impl Looked {
    /// The metric's label.
    fn label(self) -> &'static str {
        match self {
            Self::Extended => "extended",
            Self::Open => "open",
            Self::NotSent => "not_sent",
            Self::Settled => "settled",
            Self::Busy => "busy",
            Self::Nothing => "nothing",
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::NotSent | Self::Busy)
    }
}

/// Sweeps once for a task of the engine: of these tenants, or of all if there are none.
pub(crate) async fn work(topics: &Topics, tenants: &[TenantId]) -> Exit {
    match topics.sweep(tenants).await {
        Ok(Swept { looked_at, still_open }) => {
            let variables = Variables::new().with("sweptReservations", looked_at).with("sweptStillOpen", still_open);
            Exit { say: Say::Complete(variables), about: None, until: None }
        }
        Err(error) => Exit::failed(&error),
    }
}

impl Topics {
    /// Looks at these rows, some side by side, and tells whoever waits for them. All of them are looked at, whatever fails. After a stop
    /// no look is begun, and those that were are finished: a call is not left without its answer.
    ///
    /// # Errors
    /// The last [`OperationError`] that there was.
    pub async fn look_at_all(&self, due: Vec<Due>, stop: impl Fn() -> bool) -> Result<(), OperationError> {
        self.look_side_by_side(due.into_iter().take_while(|_| !stop())).await.map(drop)
    }

    /// The outcomes of looks at these rows, each of which is brought to its end.
    async fn look_side_by_side(&self, due: impl Iterator<Item = Due>) -> Result<Vec<Looked>, OperationError> {
        let (mut outcomes, mut failed) = (Vec::new(), None);
        let mut looks = futures::stream::iter(due).map(|due| self.look_at(due)).buffer_unordered(SIDE_BY_SIDE);
        while let Some(looked) = looks.next().await {
            metrics::counter!(RECONCILED, "outcome" => looked.as_ref().map_or("error", |outcome| outcome.label())).increment(1);
            match looked {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(outcomes), Err)
    }

    async fn sweep(&self, tenants: &[TenantId]) -> Result<Swept, OperationError> {
        let until = self.clock.instant() + LONGEST_SWEEP;
        let (mut swept, mut seen) = (Swept::default(), HashSet::new());
        while self.clock.instant() < until {
            let mut due = self.operations.list_due(tenants, AT_ONCE).await?;
            // What somebody else is at stays due, and is not looked at twice.
            due.retain(|due| seen.insert(due.reservation));
            if due.is_empty() {
                break;
            }
            for outcome in self.look_side_by_side(due.into_iter()).await? {
                swept.looked_at += 1;
                swept.still_open += i64::from(outcome.is_open());
            }
        }
        self.tell_settled(tenants, AT_ONCE).await?;
        Ok(swept)
    }

    /// Tells the tasks whose reservation was settled a while ago and that were not told, and withdraws questions that are answered. One
    /// that cannot be told does not stand in the way of the others.
    ///
    /// # Errors
    /// The last [`OperationError`] that there was.
    pub async fn tell_settled(&self, tenants: &[TenantId], limit: i64) -> Result<(), OperationError> {
        let mut failed = None;
        for settled in self.operations.list_settled_waiting(tenants, UNTOLD_FOR, limit).await? {
            failed = self.tell_waiting(settled.tenant, settled.reservation, None).await.err().or(failed);
        }
        for case in self.operations.list_answered_cases(tenants, UNTOLD_FOR, limit).await? {
            failed = self.withdraw(&case).await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Looks at one row that is due, and tells the tasks that wait for it how it stands or how far it got.
    async fn look_at(&self, due: Due) -> Result<Looked, OperationError> {
        if let Some((row, until)) = self.operations.extension_due(due).await?
            && self.order_lives(&row).await
        {
            let extended = self.operations.extend_by_itself(due, &row, until).await?;
            tracing::info!(reservation.id = %row.id, until = %until, outcome = extended.label(), "a hold of a living order was to be extended");
            return Ok(Looked::Extended);
        }
        Ok(match &self.operations.look_at(due).await? {
            Conclusion::Unknown(row, why) => {
                tracing::info!(reservation.id = %row.id, status = %row.status, checks = row.checks, why, "still open");
                let human = if row.manual_since.is_some() { " A human must find out and decide." } else { "" };
                let progress = format!("look {} at `{}`: {why}.{human}", row.checks, row.source);
                self.tell_waiting(due.tenant, due.reservation, Some(&progress)).await?;
                Looked::Open
            }
            Conclusion::NotSent(row, why) => {
                let progress = format!("`{}` could not be reached: {why}", row.source);
                self.tell_waiting(due.tenant, due.reservation, Some(&progress)).await?;
                Looked::NotSent
            }
            Conclusion::Settled(row) => {
                if row.status != ReservationStatus::Reserved {
                    tracing::info!(reservation.id = %row.id, status = %row.status, "found out");
                }
                self.tell_waiting(due.tenant, due.reservation, None).await?;
                self.release_if_order_gone(row).await?;
                Looked::Settled
            }
            Conclusion::Refused(row, rejection) => {
                tracing::info!(reservation.id = %row.id, code = rejection.code, "found out: refused");
                self.tell_waiting(due.tenant, due.reservation, None).await?;
                Looked::Settled
            }
            Conclusion::Busy(_) => Looked::Busy,
            Conclusion::NotPossible(..) | Conclusion::NotFound | Conclusion::OtherRequest(_) | Conclusion::EarlierAttemptLives => {
                Looked::Nothing
            }
        })
    }
}
