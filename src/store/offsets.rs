//! How far each partition was taken in. Whoever moves it on says where it stood: a consumer that lost the partition cannot.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, Transaction};

use crate::store::answered::Answered as _;
use crate::store::{Store, StoreError};

/// One partition of one consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The consumer group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// Its number.
    pub number: i32,
}

/// How far a partition was taken in.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Progress {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The first message that was not taken in.
    pub next_offset: i64,
    /// How often work on that message was begun.
    pub attempts: i32,
    /// When nothing more was waiting, the last time that somebody looked.
    pub read_to_end_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Where a partition is to be gone on with: where it stands, or at `start` if nobody has read it yet.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn open_partition(&self, partition: &Partition, start: i64, now: DateTime<Utc>) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "-- open_partition
with opened as (
    insert into consumer_offset (consumer_group, topic, partition, next_offset, updated_at) values ($1, $2, $3, $4, $5)
    on conflict (consumer_group, topic, partition) do nothing returning next_offset
)
select next_offset from opened
union all
select next_offset from consumer_offset where consumer_group = $1 and topic = $2 and partition = $3
limit 1",
        )
        .bind(&partition.group)
        .bind(&partition.topic)
        .bind(partition.number)
        .bind(start)
        .bind(now)
        .fetch_one(&self.pool)
        .answered("open_partition")
        .await
    }

    /// Puts a partition back to where its topic begins, because the topic was made anew: what stands there is no place in it.
    /// False if somebody else has moved it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn rewind_partition(&self, partition: &Partition, from: i64, to: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "-- rewind_partition
update consumer_offset set next_offset = $5, attempts = 0, updated_at = $6
where consumer_group = $1 and topic = $2 and partition = $3 and next_offset = $4",
        )
        .bind(&partition.group)
        .bind(&partition.topic)
        .bind(partition.number)
        .bind(from)
        .bind(to)
        .bind(now)
        .execute(&self.pool)
        .answered("rewind_partition")
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts on record, before it is looked at, that work on the partition's next message begins. Says how often that is now;
    /// nothing if the partition stands elsewhere, because somebody else has taken it over.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn count_attempt(&self, partition: &Partition, expected: i64) -> Result<Option<i32>, StoreError> {
        sqlx::query_scalar(
            "-- count_attempt
update consumer_offset set attempts = attempts + 1
where consumer_group = $1 and topic = $2 and partition = $3 and next_offset = $4
returning attempts",
        )
        .bind(&partition.group)
        .bind(&partition.topic)
        .bind(partition.number)
        .bind(expected)
        .fetch_optional(&self.pool)
        .answered("count_attempt")
        .await
    }

    /// Puts on record that nothing more was waiting in these partitions.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn mark_read_to_end(&self, partitions: &[(Partition, i64)], now: DateTime<Utc>) -> Result<(), StoreError> {
        let groups: Vec<&str> = partitions.iter().map(|(partition, _)| partition.group.as_str()).collect();
        let topics: Vec<&str> = partitions.iter().map(|(partition, _)| partition.topic.as_str()).collect();
        let numbers: Vec<i32> = partitions.iter().map(|(partition, _)| partition.number).collect();
        let next: Vec<i64> = partitions.iter().map(|(_, next)| *next).collect();
        sqlx::query(
            "-- mark_read_to_end
update consumer_offset o set read_to_end_at = $5
from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[]) as p(consumer_group, topic, partition, next_offset)
where o.consumer_group = p.consumer_group and o.topic = p.topic and o.partition = p.partition and o.next_offset = p.next_offset",
        )
        .bind(groups)
        .bind(topics)
        .bind(numbers)
        .bind(next)
        .bind(now)
        .execute(&self.pool)
        .answered("mark_read_to_end")
        .await
        .map(drop)
    }

    /// How far every partition was taken in.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_progress(&self, group: &str) -> Result<Vec<Progress>, StoreError> {
        sqlx::query_as(
            "-- list_progress
select topic, partition, next_offset, attempts, read_to_end_at from consumer_offset where consumer_group = $1 order by topic, partition",
        )
        .bind(group)
        .fetch_all(&self.pool)
        .answered("list_progress")
        .await
    }
}

/// Moves a partition on, inside the transaction that took its messages in. False if it does not stand where it was thought to.
pub(crate) async fn advance(
    tx: &mut Transaction<'static, Postgres>,
    partition: &Partition,
    expected: i64,
    next: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "-- advance
update consumer_offset set next_offset = $5, attempts = 0, updated_at = $6
where consumer_group = $1 and topic = $2 and partition = $3 and next_offset = $4",
    )
    .bind(&partition.group)
    .bind(&partition.topic)
    .bind(partition.number)
    .bind(expected)
    .bind(next)
    .bind(now)
    .execute(&mut **tx)
    .answered("advance")
    .await?;
    Ok(done.rows_affected() == 1)
}
