//! The facts that wait, as a relay sees them: the first one of every aggregate, and their end once they were told.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow, Postgres, Transaction};
use uuid::Uuid;

use crate::fault_points::fault_point;
use crate::store::answered::Answered as _;
use crate::store::outbox::HeldShard;
use crate::store::{Store, StoreError};

/// What a relay wants to see.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The shards that it owns, and for each of them the row above which it looks. What lies below and waits is found by a sweep,
    /// which looks from 0.
    pub shards: Vec<(HeldShard, i64)>,
    /// How many rows of each shard it looks at.
    pub window: i64,
    /// Aggregates to look at whatever the window shows: a fact of theirs was told or refused since they were left out.
    pub also: Vec<Uuid>,
    /// Aggregates to leave out: a fact of theirs is on its way.
    pub except: Vec<Uuid>,
}

/// The first fact of an aggregate that was not told yet.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct WaitingFact {
    /// The row.
    pub outbox_id: i64,
    /// Its shard.
    pub shard: i16,
    /// The event.
    pub event_id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// The version of its schema.
    pub event_version: i32,
    /// What it is about.
    pub aggregate_type: String,
    /// Which one.
    pub aggregate_id: Uuid,
    /// The number of the fact among those of its aggregate.
    pub sequence: i64,
    /// The order, if any.
    pub order_id: Option<Uuid>,
    /// When it became true.
    pub occurred_at: DateTime<Utc>,
    /// What belongs together.
    pub correlation_id: String,
    /// What caused it.
    pub causation_id: String,
    /// What it says.
    pub payload: Value,
    /// Another topic than the configured one.
    pub topic: Option<String>,
    /// When it was asked to be told again.
    pub replayed_at: Option<DateTime<Utc>>,
    /// The highest row of its aggregate that the window showed; 0 if it showed none.
    pub seen: i64,
    /// The highest number that any row had been given when this was read, committed or not.
    pub last: i64,
}

/// A fact that the broker has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The row.
    pub outbox_id: i64,
    /// The shard, and the epoch under which the row was read.
    pub held: HeldShard,
}

/// The aggregates are found by the window, but their facts by their sequence: a transaction that was open for long may make a row
/// visible below the window, and its aggregate's later facts must not overtake it.
const LIST_WAITING: &str = "\
-- list_waiting_facts
with found as (
    select c.aggregate_id, c.outbox_id
    from unnest($1::smallint[], $2::bigint[]) as p(shard, above)
    cross join lateral (
        select w.aggregate_id, w.outbox_id from outbox w
        where w.shard = p.shard and w.outbox_id > p.above
            and w.aggregate_id <> all ($5::uuid[])
            and not exists (select from outbox_set_aside a where a.aggregate_id = w.aggregate_id)
        order by w.outbox_id limit $3
    ) c
    union all
    select a.aggregate_id, 0 from unnest($4::uuid[]) as a(aggregate_id)
    where not exists (select from outbox_set_aside s where s.aggregate_id = a.aggregate_id)
), wanted as (
    select aggregate_id, max(outbox_id) as seen from found group by aggregate_id
)
select f.*, w.seen, (select last_value from outbox_outbox_id_seq) as last
from wanted w cross join lateral (
    select o.* from outbox o where o.aggregate_id = w.aggregate_id order by o.sequence limit 1
) f
order by f.outbox_id";

/// The rows are named by an array, so that each is looked up: against a join the planner would at times walk all of the index, with
/// everything in it that an old transaction keeps from being swept up.
const DELETE_TOLD: &str = "\
-- delete_told
with held as (
    select s.shard, s.epoch from outbox_shard s where s.owner_session = $4 and s.shard = any ($2) for share
), told as (
    select array_agg(t.outbox_id) as ids
    from unnest($1::bigint[], $2::smallint[], $3::bigint[]) as t(outbox_id, shard, epoch) join held h using (shard, epoch)
)
delete from outbox where outbox_id = any ((select ids from told)::bigint[])";

impl Store {
    /// The first waiting fact of every aggregate that the reading shows, of all tenants, in the order in which they were written.
    /// Aggregates with a fact that was set aside are left out.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_waiting_facts(&self, reading: &Reading) -> Result<Vec<WaitingFact>, StoreError> {
        let during = "list_waiting_facts";
        let shards: Vec<i16> = reading.shards.iter().map(|(held, _)| held.shard).collect();
        let above: Vec<i64> = reading.shards.iter().map(|(_, above)| *above).collect();
        let mut tx = begin_for_all(&self.pool, during).await?;
        let rows: Vec<PgRow> = sqlx::query(LIST_WAITING)
            .bind(shards)
            .bind(above)
            .bind(reading.window)
            .bind(&reading.also)
            .bind(&reading.except)
            .fetch_all(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await?;
        rows.iter().map(|row| WaitingFact::from_row(row).map_err(StoreError::during(during))).collect()
    }

    /// Takes away what the broker has taken, where this session still owns the shard under that epoch; says how many rows went.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`]; whether the rows went is then not known, and telling them again is safe.
    pub async fn delete_told(&self, told: &[Told]) -> Result<u64, StoreError> {
        let during = "delete_told";
        let ids: Vec<i64> = told.iter().map(|told| told.outbox_id).collect();
        let shards: Vec<i16> = told.iter().map(|told| told.held.shard).collect();
        let epochs: Vec<i64> = told.iter().map(|told| told.held.epoch).collect();
        let mut tx = begin_for_all(&self.pool, during).await?;
        let done =
            sqlx::query(DELETE_TOLD).bind(ids).bind(shards).bind(epochs).bind(self.session.0).execute(&mut *tx).answered(during).await?;
        fault_point!("relay.mark_written");
        tx.commit().answered(during).await?;
        fault_point!("relay.marked");
        Ok(done.rows_affected())
    }

    /// Wakes the relay of this process: facts were committed.
    pub fn outbox_was_written(&self) {
        self.outbox_wake.notify_one();
    }

    /// Returns once facts were committed by this process since the last call. Those of other processes are found by looking.
    pub async fn outbox_written(&self) {
        self.outbox_wake.notified().await;
    }
}

/// Begins a transaction that sees every tenant's rows.
///
/// With a nearly empty outbox the planner prefers a full scan, which is slow while an old transaction keeps dead rows; so sequential
/// scans are switched off. Plans then look so expensive that PostgreSQL would JIT-compile them, which takes seconds; so JIT is
/// switched off, too.
pub(super) async fn begin_for_all(pool: &PgPool, during: &'static str) -> Result<Transaction<'static, Postgres>, StoreError> {
    let mut tx = pool.begin().answered(during).await?;
    sqlx::query(
        "-- set_all_tenants
select set_config('holdfast.tenants', coalesce(array_agg(tenant_id), '{}')::text, true), set_config('enable_seqscan', 'off', true),
    set_config('jit', 'off', true)
from tenant",
    )
    .execute(&mut *tx)
    .answered(during)
    .await?;
    Ok(tx)
}
