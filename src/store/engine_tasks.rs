//! Which external task waits for which reservation: so that a settled outcome is always told.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow as _, Row as _};
use uuid::Uuid;

use crate::domain::{ReservationId, TenantId};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// An external task that was put into an incident because its outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingTask {
    /// The engine's id of the task.
    pub task_id: String,
    /// Its topic.
    pub topic: String,
    /// The worker id under which it was locked.
    pub worker_id: String,
    /// Its process instance.
    pub process_instance_id: String,
    /// What it wants: `reserve`, `release`, `confirm`, `extend` or `verify`.
    pub goal: String,
    /// The time asked for, for an extension.
    pub goal_until: Option<DateTime<Utc>>,
}

/// A waiting task as the statement takes it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct WaitingRow {
    task_id: String,
    reservation_id: Uuid,
    topic: String,
    worker_id: String,
    process_instance_id: String,
    goal: String,
    goal_until: Option<DateTime<Utc>>,
    waiting_since: DateTime<Utc>,
}

impl WaitingRow {
    pub(crate) fn of(task: &WaitingTask, reservation: ReservationId, now: DateTime<Utc>) -> Self {
        Self {
            task_id: task.task_id.clone(),
            reservation_id: reservation.0,
            topic: task.topic.clone(),
            worker_id: task.worker_id.clone(),
            process_instance_id: task.process_instance_id.clone(),
            goal: task.goal.clone(),
            goal_until: task.goal_until,
            waiting_since: now,
        }
    }
}

fn task(row: &PgRow) -> Result<WaitingTask, StoreError> {
    let row = WaitingRow::from_row(row).map_err(StoreError::during("read_engine_task"))?;
    Ok(WaitingTask {
        task_id: row.task_id,
        topic: row.topic,
        worker_id: row.worker_id,
        process_instance_id: row.process_instance_id,
        goal: row.goal,
        goal_until: row.goal_until,
    })
}

impl Store {
    /// The tasks that wait for a reservation, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_waiting(&self, tenant: TenantId, reservation: ReservationId) -> Result<Vec<WaitingTask>, StoreError> {
        let mut tx = begin(&self.pool, "list_waiting", &[tenant]).await?;
        let rows =
            sqlx::query("-- list_waiting\nselect * from engine_task where reservation_id = $1 and ended_at is null order by waiting_since")
                .bind(reservation.0)
                .fetch_all(&mut *tx)
                .answered("list_waiting")
                .await?;
        tx.commit().answered("list_waiting").await?;
        rows.iter().map(task).collect()
    }

    /// Ends the waiting of a task that was told, or that is gone. It stays in the story of its reservation.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn end_waiting(&self, tenant: TenantId, task_id: &str, how: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = begin(&self.pool, "end_waiting", &[tenant]).await?;
        sqlx::query("-- end_waiting\nupdate engine_task set ended_at = $2, ended_as = $3 where task_id = $1 and ended_at is null")
            .bind(task_id)
            .bind(now)
            .bind(how)
            .execute(&mut *tx)
            .answered("end_waiting")
            .await?;
        tx.commit().answered("end_waiting").await
    }

    /// The waiting tasks whose reservation is settled, with the reservation: they were not told yet. Where there are more than asked
    /// for, chance picks: those that cannot be told must not stand before all others for ever.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_settled_waiting(
        &self,
        tenants: &[TenantId],
        waiting_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<(TenantId, ReservationId, WaitingTask)>, StoreError> {
        let mut tx = begin(&self.pool, "list_settled_waiting", tenants).await?;
        let rows = sqlx::query(
            "-- list_settled_waiting
select e.* from engine_task e join reservation r using (reservation_id)
where e.ended_at is null and e.waiting_since < $1 and r.status not in ('UNKNOWN', 'RELEASE_UNKNOWN') and r.pending_operation is null and r.claim_session is null
order by random() limit $2",
        )
        .bind(waiting_before)
        .bind(limit)
        .fetch_all(&mut *tx)
        .answered("list_settled_waiting").await?;
        tx.commit().answered("list_settled_waiting").await?;
        rows.iter()
            .map(|row| {
                let read = |column: &str| row.try_get::<Uuid, _>(column).map_err(StoreError::during("list_settled_waiting"));
                Ok((TenantId(read("tenant_id")?), ReservationId(read("reservation_id")?), task(row)?))
            })
            .collect()
    }
}
