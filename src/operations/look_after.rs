//! What the reconciler needs: what is due, and who waits for it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Goal, OrderId, Reservation, ReservationId, ReservationStatus, TenantId};
use crate::fault_points::fault_point;
use crate::operations::{Conclusion, Errand, OperationError, Operations};
use crate::store::{Census, Find, OutboxCensus, Timeline, TimelinePart, WaitingTask};

/// When a row is looked at again that nobody here can find out about, because its inventory is not configured.
const UNCONFIGURED_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// The same, where nothing was sent or nothing could be done.
const NOTHING_DONE_AGAIN: TimeDelta = TimeDelta::seconds(30);
/// The same, where somebody else works on it, or a hold was to be extended.
const SOON_AGAIN: TimeDelta = TimeDelta::seconds(5);
/// The same, at the earliest, where a hold is to run out.
const EXPIRED_AGAIN: TimeDelta = TimeDelta::seconds(30);
/// The same, where a release was asked for and nothing was left to do.
const RELEASE_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How long the session of a boot that ended stays on record.
const SESSIONS_KEPT: TimeDelta = TimeDelta::weeks(1);

/// A row that is due to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which.
    pub reservation: ReservationId,
}

/// A waiting task whose reservation is settled.
#[derive(Debug, Clone)]
pub struct SettledWaiting {
    /// Whose it is.
    pub tenant: TenantId,
    /// The reservation.
    pub reservation: ReservationId,
    /// The task.
    pub task: WaitingTask,
}

impl Operations {
    /// The rows that are due, of these tenants or of all.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn list_due(&self, tenants: &[TenantId], limit: i64) -> Result<Vec<Due>, OperationError> {
        let tenants = self.tenants(tenants).await?;
        let due = self.store.list_due(&tenants, self.clock.now(), limit).await?;
        Ok(due.into_iter().map(|(tenant, reservation)| Due { tenant, reservation }).collect())
    }

    /// The waiting tasks that could be told, because their reservation is settled for longer than `since`.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn list_settled_waiting(
        &self,
        tenants: &[TenantId],
        since: TimeDelta,
        limit: i64,
    ) -> Result<Vec<SettledWaiting>, OperationError> {
        let tenants = self.tenants(tenants).await?;
        let found = self.store.list_settled_waiting(&tenants, self.clock.now() - since, limit).await?;
        Ok(found.into_iter().map(|(tenant, reservation, task)| SettledWaiting { tenant, reservation, task }).collect())
    }

    /// Finds out about a due row: lets go what is to go, looks at the rest.
    ///
    /// # Errors
    /// [`OperationError`].
    pub async fn look_at(&self, due: Due) -> Result<Conclusion, OperationError> {
        let seen_at = self.clock.now();
        let Some(row) = self.get(due.tenant, &Find::Id(due.reservation)).await? else { return Ok(Conclusion::NotFound) };
        fault_point!("reconciler.due");
        let goal = if row.release_wanted || row.status == ReservationStatus::ReleaseRequested { Goal::Release } else { Goal::Resolve };
        let errand =
            Errand { tenant: due.tenant, find: Find::Id(due.reservation), goal, actor: Some("reconciler".to_owned()), waiting: None };
        let conclusion = match self.run(&errand).await {
            // Another replica has it, or will: one that is being restarted with another configuration must not give the row up.
            Err(error @ OperationError::UnknownSource { .. }) => Conclusion::NotSent(Box::new(row.clone()), error.to_string()),
            run => run?,
        };
        // Has no effect if the row was written since it was read.
        let put_off = match &conclusion {
            Conclusion::Settled(row) => self.next_quiet_check(row, seen_at),
            Conclusion::Unknown(row, _) => {
                Some(seen_at + self.source(&row.source).map_or(UNCONFIGURED_AGAIN, |source| source.policy.slowest_check))
            }
            Conclusion::NotSent(..) | Conclusion::NotPossible(..) => Some(seen_at + NOTHING_DONE_AGAIN),
            // Whoever works on it may die: a row that is open is never put off for good.
            Conclusion::Busy(_) => Some(seen_at + SOON_AGAIN),
            Conclusion::Refused(..) | Conclusion::NotFound | Conclusion::OtherRequest(_) | Conclusion::EarlierAttemptLives => None,
        };
        fault_point!("reconciler.looked");
        self.store.put_off(due.tenant, due.reservation, row.version, seen_at, put_off).await?;
        Ok(conclusion)
    }

    /// Whether a due row is a hold that is to be extended now without anybody asking, and until when. Whether its order still
    /// lives is for the caller to find out.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn extension_due(&self, due: Due) -> Result<Option<(Reservation, DateTime<Utc>)>, OperationError> {
        let Some(row) = self.get(due.tenant, &Find::Id(due.reservation)).await? else { return Ok(None) };
        let Some(source) = self.suppliers.get(&row.source) else { return Ok(None) };
        let until = source.policy.extension_due(&row, self.clock.now()).filter(|_| source.supplier.capabilities().extend);
        Ok(until.map(|until| (row, until)))
    }

    /// Extends a hold without anybody having asked.
    ///
    /// # Errors
    /// [`OperationError`].
    pub async fn extend_by_itself(&self, due: Due, row: &Reservation, until: DateTime<Utc>) -> Result<Conclusion, OperationError> {
        let seen_at = self.clock.now();
        let (find, actor) = (Find::Id(due.reservation), Some("auto-extend".to_owned()));
        let conclusion = self.run(&Errand { tenant: due.tenant, find, goal: Goal::Extend { until }, actor, waiting: None }).await?;
        // A row that nothing was written for would be due again at once.
        self.store.put_off(due.tenant, due.reservation, row.version, seen_at, Some(seen_at + SOON_AGAIN)).await?;
        Ok(conclusion)
    }

    /// Reads a reservation.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn get(&self, tenant: TenantId, find: &Find) -> Result<Option<Reservation>, OperationError> {
        Ok(self.store.get_reservation(tenant, find).await?)
    }

    /// One page of an order's reservations, oldest first: those after this one.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn order_reservations(
        &self,
        tenant: TenantId,
        order: OrderId,
        after: Option<ReservationId>,
        limit: i64,
    ) -> Result<Vec<Reservation>, OperationError> {
        Ok(self.store.list_order_reservations(tenant, order, after, limit).await?)
    }

    /// The story of a reservation, or a part of it.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn timeline(&self, tenant: TenantId, id: ReservationId, part: &TimelinePart) -> Result<Option<Timeline>, OperationError> {
        Ok(self.store.get_timeline(tenant, id, part).await?)
    }

    /// The tasks that wait for a reservation.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn list_waiting(&self, tenant: TenantId, id: ReservationId) -> Result<Vec<WaitingTask>, OperationError> {
        Ok(self.store.list_waiting(tenant, id).await?)
    }

    /// Ends the waiting of a task: it was told, or it is gone.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn end_waiting(&self, tenant: TenantId, task_id: &str, how: &str) -> Result<(), OperationError> {
        Ok(self.store.end_waiting(tenant, task_id, how, self.clock.now()).await?)
    }

    /// The order is gone, so that its hold is not wanted any more: released by the reconciler, at once. A database that is away is waited
    /// for: nobody else may ever hear of it.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn want_release(&self, tenant: TenantId, id: ReservationId) -> Result<(), OperationError> {
        Ok(self.kept(id, || self.store.want_release(tenant, id, self.clock.now())).await?)
    }

    /// Counts what is open.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn census(&self, tenants: &[TenantId]) -> Result<Census, OperationError> {
        let tenants = self.tenants(tenants).await?;
        Ok(self.store.count_open(&tenants, self.clock.now()).await?)
    }

    /// Forgets the sessions of boots that ended more than a week ago.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn forget_sessions(&self) -> Result<u64, OperationError> {
        Ok(self.store.forget_sessions(self.clock.now() - SESSIONS_KEPT).await?)
    }

    /// Counts what waits to be told, of every tenant that is known: the relay sends the facts of all.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn outbox_census(&self) -> Result<OutboxCensus, OperationError> {
        Ok(self.store.count_outbox(self.clock.now()).await?)
    }

    /// Keeps an outbox that nobody publishes at this many rows, of whatever tenant; says how many were dropped.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn trim_outbox(&self, keep: i64) -> Result<u64, OperationError> {
        Ok(self.store.trim_outbox(keep).await?)
    }

    /// A row that concluded without a call keeps its expiry or its extension as the next look; one that is over is not looked at again.
    fn next_quiet_check(&self, row: &Reservation, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match row.status {
            ReservationStatus::Reserved => {
                let extension = self.suppliers.get(&row.source).and_then(|source| source.policy.next_try_to_extend(row, now));
                extension.or(row.expires_at.map(|at| at.max(now + EXPIRED_AGAIN)))
            }
            ReservationStatus::ReleaseRequested => Some(now + RELEASE_AGAIN),
            _ => None,
        }
    }

    /// These tenants, or all that are known if there are none.
    pub(crate) async fn tenants(&self, configured: &[TenantId]) -> Result<Vec<TenantId>, OperationError> {
        if configured.is_empty() { Ok(self.store.list_tenants().await?) } else { Ok(configured.to_vec()) }
    }
}
