//! Which relay sends which facts: shards of the outbox, each with one owner that lives as long as its session.

use sqlx::Row as _;
use uuid::Uuid;

use crate::store::answered::Answered as _;
use crate::store::{Store, StoreError};

/// How many shards there are. The migration knows it, too: facts of one aggregate must stay in one shard.
pub const SHARDS: usize = 16;

/// A shard that this session owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldShard {
    /// Which, from 0.
    pub shard: i16,
    /// Under which epoch: facts are taken away under it.
    pub epoch: i64,
}

impl Store {
    /// Counts this session among those that send facts.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn enter_relays(&self) -> Result<(), StoreError> {
        sqlx::query("-- enter_relays\ninsert into outbox_relay (session_id) values ($1) on conflict do nothing")
            .bind(self.session.0)
            .execute(&self.pool)
            .answered("enter_relays")
            .await
            .map(drop)
    }

    /// Gives every shard back and counts this session no longer among those that send facts.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn leave_relays(&self) -> Result<(), StoreError> {
        sqlx::query(
            "-- leave_relays
with gone as (delete from outbox_relay where session_id = $1)
update outbox_shard set owner_session = null where owner_session = $1",
        )
        .bind(self.session.0)
        .execute(&self.pool)
        .answered("leave_relays")
        .await
        .map(drop)
    }

    /// The shards that this session owns, and the number that is its share among the relays that live.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_held_shards(&self) -> Result<(Vec<HeldShard>, usize), StoreError> {
        let during = "list_held_shards";
        let rows = sqlx::query(
            "-- list_held_shards
select s.shard, s.epoch, l.relays from (
    select count(*) as relays from outbox_relay r join worker_session w using (session_id)
    where w.ended_at is null and w.lease_until > clock_timestamp()
) l left join outbox_shard s on s.owner_session = $1
order by s.shard",
        )
        .bind(self.session.0)
        .fetch_all(&self.pool)
        .answered(during)
        .await?;
        let mut held = Vec::new();
        let mut relays = 1;
        for row in rows {
            let shard: Option<i16> = row.try_get("shard").map_err(StoreError::during(during))?;
            let count: i64 = row.try_get("relays").map_err(StoreError::during(during))?;
            relays = usize::try_from(count).unwrap_or(1).max(1);
            if let Some(shard) = shard {
                held.push(HeldShard { shard, epoch: row.try_get("epoch").map_err(StoreError::during(during))? });
            }
        }
        Ok((held, SHARDS.div_ceil(relays)))
    }

    /// Takes up to so many shards that nobody living owns.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn take_shards(&self, most: usize) -> Result<Vec<HeldShard>, StoreError> {
        let during = "take_shards";
        let rows = sqlx::query(
            "-- take_shards
update outbox_shard set owner_session = $1, epoch = epoch + 1
where shard in (
    select s.shard from outbox_shard s
    where s.owner_session is null or not exists (
        select from worker_session w where w.session_id = s.owner_session and w.ended_at is null and w.lease_until > clock_timestamp()
    )
    order by s.shard limit $2 for update skip locked
)
returning shard, epoch",
        )
        .bind(self.session.0)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .answered(during)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(HeldShard {
                    shard: row.try_get("shard").map_err(StoreError::during(during))?,
                    epoch: row.try_get("epoch").map_err(StoreError::during(during))?,
                })
            })
            .collect()
    }

    /// Gives these shards back.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn give_back_shards(&self, shards: &[HeldShard]) -> Result<(), StoreError> {
        let numbers: Vec<i16> = shards.iter().map(|held| held.shard).collect();
        sqlx::query("-- give_back_shards\nupdate outbox_shard set owner_session = null where owner_session = $1 and shard = any ($2)")
            .bind(self.session.0)
            .bind(numbers)
            .execute(&self.pool)
            .answered("give_back_shards")
            .await
            .map(drop)
    }

    /// The session that owns a shard, whether it lives or not; for tests and for whoever looks.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_shard_owners(&self) -> Result<Vec<Option<Uuid>>, StoreError> {
        sqlx::query_scalar("-- list_shard_owners\nselect owner_session from outbox_shard order by shard")
            .fetch_all(&self.pool)
            .answered("list_shard_owners")
            .await
    }
}
