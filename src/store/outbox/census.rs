//! How full the outbox is, and keeping it small where nobody publishes it.

use chrono::{DateTime, Utc};
use sqlx::Row as _;

use crate::store::answered::Answered as _;
use crate::store::outbox::waiting::begin_for_all;
use crate::store::{Store, StoreError};

/// How many rows a round of trimming takes away at most.
const MOST_TRIMMED: i64 = 5_000;

/// How full the outbox is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OutboxCensus {
    /// Facts that wait.
    pub rows: i64,
    /// How many seconds ago the oldest of them became true; 0 without any.
    pub oldest_age_s: f64,
    /// Facts that were set aside.
    pub set_aside: i64,
}

impl Store {
    /// Counts what waits to be told, of every tenant that is known, whoever is served.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn count_outbox(&self, now: DateTime<Utc>) -> Result<OutboxCensus, StoreError> {
        let during = "count_outbox";
        let mut tx = begin_for_all(&self.pool, during).await?;
        let row = sqlx::query(
            "-- count_outbox
select count(*) as rows, coalesce(extract(epoch from $1 - min(occurred_at)), 0)::float8 as age,
    (select count(*) from outbox_set_aside) as set_aside
from outbox",
        )
        .bind(now)
        .fetch_one(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        let age: f64 = row.try_get("age").map_err(StoreError::during(during))?;
        Ok(OutboxCensus {
            rows: row.try_get("rows").map_err(StoreError::during(during))?,
            oldest_age_s: age.max(0.0),
            set_aside: row.try_get("set_aside").map_err(StoreError::during(during))?,
        })
    }

    /// Drops the oldest facts beyond `keep`, of whatever tenant, a bounded number at a time; says how many. What was set aside goes with
    /// its fact: else its aggregate would wait for ever behind a fact that is gone.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn trim_outbox(&self, keep: i64) -> Result<u64, StoreError> {
        let during = "trim_outbox";
        let mut tx = begin_for_all(&self.pool, during).await?;
        let dropped: i64 = sqlx::query_scalar(
            "-- trim_outbox
with dropped as (
    delete from outbox where outbox_id in (
        select outbox_id from outbox
        where outbox_id <= (select outbox_id from outbox order by outbox_id desc offset $1 limit 1)
        order by outbox_id limit $2
    ) returning event_id
), aside as (
    delete from outbox_set_aside where event_id in (select event_id from dropped)
)
select count(*) from dropped",
        )
        .bind(keep)
        .bind(MOST_TRIMMED)
        .fetch_one(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(dropped.unsigned_abs())
    }
}
