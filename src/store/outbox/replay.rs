//! Telling facts again that have left the outbox long ago: they are made anew from what is on record about a reservation.
//!
//! Type, number, id and time of a fact follow from the moves; they are what they were. What else it says is how the row stands now, so
//! that a fact that is told again carries `replayed_at`.
//!
//! A fact that still waits is written anew as well, as it was but for that mark: the relay may have sent it already, and it must come
//! in its turn for whoever asked. What the relay takes away after the broker's word is the row that it has read, which is gone then.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, Postgres, Row as _, Transaction};
use uuid::Uuid;

use crate::domain::{Cause, OrderId, Reservation, ReservationId, ReservationStatus, TenantId, fact_of};
use crate::store::answered::Answered as _;
use crate::store::outbox::fact::event_id_of;
use crate::store::outbox::payload::ReservationPayload;
use crate::store::pool::begin;
use crate::store::product_facts::json;
use crate::store::reservations::{Find, Locked, read_locked};
use crate::store::{Store, StoreError};

/// How many reservations are listed at once.
const PAGE: i64 = 500;

/// Which facts are to be told again.
#[derive(Debug, Clone, Default)]
pub struct ReplayScope {
    /// Of this order alone.
    pub order: Option<OrderId>,
    /// Of this reservation alone.
    pub reservation: Option<ReservationId>,
    /// That became true at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// That became true before this instant.
    pub until: Option<DateTime<Utc>>,
}

/// What a replay came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Reservations that facts were found of.
    pub reservations: u64,
    /// Facts that were put into the outbox and had left it before.
    pub facts: u64,
    /// Facts that waited there, and come in their turn.
    pub waiting: u64,
    /// Reservations whose moves do not explain the number of their facts: nothing of them was told again.
    pub unexplained: Vec<ReservationId>,
}

#[derive(Debug, Serialize)]
struct ReplayRow {
    event_id: Uuid,
    event_type: &'static str,
    sequence: i64,
    occurred_at: DateTime<Utc>,
    causation_id: String,
    payload: Value,
}

/// A fact that waits, as far as the moves do not say it.
#[derive(Debug, FromRow)]
struct Waiting {
    sequence: i64,
    causation_id: String,
    payload: Value,
}

impl Store {
    /// Puts facts of reservations into the outbox once more, where the relay finds them. Every reservation is one transaction.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`]; what was put in before stays there.
    pub async fn replay_facts(&self, tenants: &[TenantId], scope: &ReplayScope, now: DateTime<Utc>) -> Result<Replayed, StoreError> {
        let mut replayed = Replayed::default();
        let mut after = Uuid::nil();
        loop {
            let page = self.list_for_replay(tenants, scope, after).await?;
            for (tenant, id) in &page {
                self.replay_one(TenantId(*tenant), ReservationId(*id), scope, now, &mut replayed).await?;
            }
            match page.last() {
                Some((_, last)) if page.len() as i64 == PAGE => after = *last,
                _ => return Ok(replayed),
            }
        }
    }

    async fn list_for_replay(&self, tenants: &[TenantId], scope: &ReplayScope, after: Uuid) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
        let during = "list_for_replay";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let found = sqlx::query_as(
            "-- list_for_replay
select tenant_id, reservation_id from reservation
where reservation_id > $1 and ($2::uuid is null or order_id = $2) and ($3::uuid is null or reservation_id = $3)
    and ($4::timestamptz is null or updated_at >= $4) and ($5::timestamptz is null or created_at < $5)
order by reservation_id limit $6",
        )
        .bind(after)
        .bind(scope.order.map(|order| order.0))
        .bind(scope.reservation.map(|reservation| reservation.0))
        .bind(scope.since)
        .bind(scope.until)
        .bind(PAGE)
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(found)
    }

    async fn replay_one(
        &self,
        tenant: TenantId,
        id: ReservationId,
        scope: &ReplayScope,
        now: DateTime<Utc>,
        replayed: &mut Replayed,
    ) -> Result<(), StoreError> {
        let during = "replay_facts";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        // With the row locked, nothing becomes true of it meanwhile.
        let Some(Locked { row, .. }) = read_locked(&mut tx, tenant, &Find::Id(id)).await? else { return Ok(()) };
        let facts = facts_of_moves(&mut tx, &row).await?;
        if facts.last().map_or(0, |fact| fact.sequence) != row.event_sequence {
            replayed.unexplained.push(id);
            return Ok(());
        }
        let mut wanted: Vec<ReplayRow> = facts
            .into_iter()
            .filter(|fact| scope.since.is_none_or(|since| fact.occurred_at >= since))
            .filter(|fact| scope.until.is_none_or(|until| fact.occurred_at < until))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let waiting = take_waiting(&mut tx, id, &wanted).await?;
        for fact in &waiting {
            for row in wanted.iter_mut().filter(|row| row.sequence == fact.sequence) {
                (row.causation_id, row.payload) = (fact.causation_id.clone(), fact.payload.clone());
            }
        }
        sqlx::query(
            "-- replay_facts
insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at,
    correlation_id, causation_id, payload, replayed_at)
select f.event_id, $2, f.event_type, 1, 'Reservation', $3, f.sequence, $4, f.occurred_at, 'order-' || $4::uuid, f.causation_id, f.payload,
    $5
from jsonb_to_recordset($1) as f(event_id uuid, event_type text, sequence bigint, occurred_at timestamptz, causation_id text, payload jsonb)
order by f.sequence",
        )
        .bind(Json(&wanted))
        .bind(tenant.0)
        .bind(id.0)
        .bind(row.order.0)
        .bind(now)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        replayed.reservations += 1;
        replayed.facts += (wanted.len() - waiting.len()) as u64;
        replayed.waiting += waiting.len() as u64;
        Ok(())
    }
}

/// Takes those of a reservation's facts out of the outbox that wait there.
async fn take_waiting(
    tx: &mut Transaction<'static, Postgres>,
    id: ReservationId,
    wanted: &[ReplayRow],
) -> Result<Vec<Waiting>, StoreError> {
    let numbers: Vec<i64> = wanted.iter().map(|fact| fact.sequence).collect();
    sqlx::query_as(
        "-- take_waiting_for_replay
delete from outbox where aggregate_id = $1 and sequence = any ($2) returning sequence, causation_id, payload",
    )
    .bind(id.0)
    .bind(numbers)
    .fetch_all(&mut **tx)
    .answered("take_waiting_for_replay")
    .await
}

/// The facts that a reservation's moves have made, in their order.
async fn facts_of_moves(tx: &mut Transaction<'static, Postgres>, row: &Reservation) -> Result<Vec<ReplayRow>, StoreError> {
    let during = "moves_for_replay";
    let moves = sqlx::query(
        "-- moves_for_replay
select from_status, to_status, cause, moved_at from reservation_transition where reservation_id = $1 order by transition_id",
    )
    .bind(row.id.0)
    .fetch_all(&mut **tx)
    .answered(during)
    .await?;
    let mut facts: Vec<ReplayRow> = Vec::new();
    for made in moves {
        let from: Option<String> = made.try_get("from_status").map_err(StoreError::during(during))?;
        let to: String = made.try_get("to_status").map_err(StoreError::during(during))?;
        let cause: String = made.try_get("cause").map_err(StoreError::during(during))?;
        let fact = if from.is_none() {
            Some(crate::domain::Fact::ReservationRequested)
        } else {
            let unreadable = |column, value| StoreError::Unreadable { id: row.id, column, value };
            let status = ReservationStatus::parse(&to).ok_or_else(|| unreadable("to_status", to))?;
            let known = Cause::parse(&cause);
            fact_of(status, known.ok_or_else(|| unreadable("cause", cause.clone()))?)
        };
        if let Some(fact) = fact {
            let sequence = facts.last().map_or(1, |fact| fact.sequence + 1);
            facts.push(ReplayRow {
                event_id: event_id_of(row.id.0, sequence).0,
                event_type: fact.event_type(),
                sequence,
                occurred_at: made.try_get("moved_at").map_err(StoreError::during(during))?,
                causation_id: "replay".to_owned(),
                payload: json(&ReservationPayload::of(row, &cause)),
            });
        }
    }
    Ok(facts)
}
