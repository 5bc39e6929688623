//! Counting for dashboards.

use chrono::{DateTime, Utc};
use sqlx::Row as _;

use crate::domain::{ReservationStatus, TenantId};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Census {
    /// The reservations that are not at an end, by state; states without any are counted as none.
    pub states: Vec<StateCount>,
    /// Questions that wait for a human.
    pub open_cases: i64,
}

/// How many reservations are in a state.
#[derive(Debug, Clone, Copy)]
pub struct StateCount {
    /// The state.
    pub status: ReservationStatus,
    /// How many.
    pub count: i64,
    /// Since how many seconds the oldest of them has not moved.
    pub oldest_age_s: f64,
}

impl Store {
    /// Counts what is open.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn count_open(&self, tenants: &[TenantId], now: DateTime<Utc>) -> Result<Census, StoreError> {
        let during = "count_open";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let rows = sqlx::query(
            "-- count_open
select status, count(*) as count, extract(epoch from $1 - min(since))::float8 as age
from (
    -- every look at a row writes it: only its last move says since when it stands where it stands
    select status, case status when 'RESERVED' then reserved_at when 'CONFIRMED' then coalesce(confirmed_at, reserved_at)
        else (select max(moved_at) from reservation_transition m where m.reservation_id = r.reservation_id) end as since
    from reservation r
    where status in ('REQUESTED', 'UNKNOWN', 'RESERVED', 'CONFIRMED', 'RELEASE_REQUESTED', 'RELEASE_UNKNOWN')
) as open
group by status",
        )
        .bind(now)
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        let open_cases =
            sqlx::query_scalar("-- count_cases\nselect count(*) from fallout_case where closed_at is null and given_up_at is null")
                .fetch_one(&mut *tx)
                .answered(during)
                .await?;
        tx.commit().answered(during).await?;
        let mut found = std::collections::HashMap::new();
        for row in rows {
            let status: String = row.try_get("status").map_err(StoreError::during(during))?;
            let count: i64 = row.try_get("count").map_err(StoreError::during(during))?;
            let age: f64 = row.try_get("age").map_err(StoreError::during(during))?;
            found.insert(status, (count, age.max(0.0)));
        }
        let states = ReservationStatus::ALL
            .into_iter()
            .filter(|status| !status.is_end())
            .map(|status| {
                let (count, oldest_age_s) = found.get(status.as_str()).copied().unwrap_or_default();
                StateCount { status, count, oldest_age_s }
            })
            .collect();
        Ok(Census { states, open_cases })
    }
}
