//! Facts that the broker will never take as they are: they wait for a human, and so does what follows of their aggregate.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::domain::{EventId, TenantId};
use crate::store::answered::Answered as _;
use crate::store::outbox::waiting::begin_for_all;
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// A fact that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SetAside {
    /// The event.
    pub event_id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// What it is about.
    pub aggregate_type: String,
    /// Which one.
    pub aggregate_id: Uuid,
    /// Its number among the facts of that aggregate.
    pub sequence: i64,
    /// Why it was set aside.
    pub reason: String,
    /// How large the message was, in bytes.
    pub size_bytes: i64,
    /// When.
    pub set_aside_at: DateTime<Utc>,
    /// How many later facts of its aggregate wait behind it.
    pub behind: i64,
}

impl Store {
    /// Sets a fact aside. It stays in the outbox, and nothing of its aggregate is sent before a human has decided.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn put_set_aside(&self, event: EventId, reason: &str, size_bytes: usize, now: DateTime<Utc>) -> Result<(), StoreError> {
        let during = "put_set_aside";
        let mut tx = begin_for_all(&self.pool, during).await?;
        sqlx::query(
            "-- put_set_aside
insert into outbox_set_aside (event_id, tenant_id, aggregate_id, reason, size_bytes, set_aside_at)
select event_id, tenant_id, aggregate_id, $2, $3, $4 from outbox where event_id = $1 on conflict do nothing",
        )
        .bind(event.0)
        .bind(reason)
        .bind(i64::try_from(size_bytes).unwrap_or(i64::MAX))
        .bind(now)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await
    }

    /// What was set aside, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_set_aside(&self, tenants: &[TenantId]) -> Result<Vec<SetAside>, StoreError> {
        let during = "list_set_aside";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let found = sqlx::query_as(
            "-- list_set_aside
select a.event_id, a.tenant_id, o.event_type, o.aggregate_type, a.aggregate_id, o.sequence, a.reason, a.size_bytes, a.set_aside_at,
    (select count(*) from outbox n where n.aggregate_id = o.aggregate_id and n.sequence > o.sequence) as behind
from outbox_set_aside a join outbox o on o.aggregate_id = a.aggregate_id and o.event_id = a.event_id
order by a.set_aside_at, a.event_id",
        )
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(found)
    }

    /// Lets a fact that was set aside be sent again; false if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn retry_set_aside(&self, tenants: &[TenantId], event: EventId) -> Result<bool, StoreError> {
        let during = "retry_set_aside";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let done = sqlx::query("-- retry_set_aside\ndelete from outbox_set_aside where event_id = $1")
            .bind(event.0)
            .execute(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Gives a fact up that was set aside: it is never sent, and what waits behind it goes on. False if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn drop_set_aside(&self, tenants: &[TenantId], event: EventId) -> Result<bool, StoreError> {
        let during = "drop_set_aside";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let done = sqlx::query(
            "-- drop_set_aside
with aside as (delete from outbox_set_aside where event_id = $1 returning event_id, aggregate_id)
delete from outbox o using aside a where o.aggregate_id = a.aggregate_id and o.event_id = a.event_id",
        )
        .bind(event.0)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(done.rows_affected() > 0)
    }
}
