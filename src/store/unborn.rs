//! Ends of reservations that never began: an order step was given up before its reserve was on record.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Json;

use crate::domain::{
    AttemptGroup, Cause, OrderId, Reservation, ReservationId, ReservationStatus, ReservationStep, ReserveRequest, SourceName, TenantId,
    Transition, next,
};
use crate::store::answered::Answered as _;
use crate::store::outbox::{self, FactRow};
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// An attempt that was given up before it began.
#[derive(Debug, Clone)]
pub struct Unborn {
    /// The id, should there be no reservation under the key.
    pub id: ReservationId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The inventory.
    pub source: SourceName,
    /// The order.
    pub order: OrderId,
    /// The step.
    pub step: ReservationStep,
    /// The attempt group.
    pub group: AttemptGroup,
    /// Who gave it up, for the timeline.
    pub actor: String,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Store {
    /// Puts the end of a reservation on record that never began; false if there is one under the key, and nothing was written.
    ///
    /// Its hash is empty: whatever request comes under the key later, it is this one's, and it has ended.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Illegal`].
    pub async fn put_unborn(&self, unborn: &Unborn) -> Result<bool, StoreError> {
        let during = "put_unborn";
        let mut row = unborn.row();
        let mut facts: Vec<FactRow> = vec![outbox::requested(&mut row, &unborn.actor)];
        row.status = next(ReservationStatus::Requested, Cause::NeverSent)?;
        let ended = Transition { from: ReservationStatus::Requested, cause: Cause::NeverSent, to: row.status };
        facts.extend(outbox::facts(&mut row, &[ended], &unborn.actor));
        let mut tx = begin(&self.pool, during, &[unborn.tenant]).await?;
        let written = sqlx::query(PUT_UNBORN)
            .bind(row.id.0)
            .bind(row.tenant.0)
            .bind(row.order.0)
            .bind(row.step.as_str())
            .bind(row.group.number())
            .bind(row.key.as_str())
            .bind(row.source.as_str())
            .bind(row.event_sequence)
            .bind(unborn.now)
            .bind(&unborn.actor)
            .bind(ended.cause.as_str())
            .bind(Json(&facts))
            .fetch_optional(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await?;
        self.outbox_was_written();
        Ok(written.is_some())
    }
}

impl Unborn {
    fn row(&self) -> Reservation {
        let request = ReserveRequest {
            tenant: self.tenant,
            source: self.source.clone(),
            order: self.order,
            step: self.step.clone(),
            group: self.group,
            lines: Vec::new(),
            hold_for: TimeDelta::seconds(1),
            customer: None,
            location: None,
        };
        Reservation::requested(self.id, &request, None, self.now)
    }
}

const PUT_UNBORN: &str = "\
-- put_unborn
with made as (
    insert into reservation (
        reservation_id, tenant_id, order_id, reservation_step, attempt_group, idempotency_key, source_system, request_hash, hold_seconds,
        status, released_at, event_sequence, created_at, updated_at, version
    )
    values ($1, $2, $3, $4, $5, $6, $7, ''::bytea, 1, 'RELEASED', $9, $8, $9, $9, 1)
    on conflict (tenant_id, source_system, idempotency_key) do nothing
    returning reservation_id
), moves as (
    insert into reservation_transition (tenant_id, reservation_id, from_status, to_status, cause, claim_epoch, actor, moved_at)
    select $2, made.reservation_id, m.from_status, m.to_status, m.cause, 0, $10, $9
    from made, (values (1, null, 'REQUESTED', 'requested'), (2, 'REQUESTED', 'RELEASED', $11)) as m(position, from_status, to_status, cause)
    order by m.position
), facts as (
    insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at,
        correlation_id, causation_id, payload)
    select f.event_id, $2, f.event_type, 1, 'Reservation', f.reservation_id, f.sequence, $3, $9, f.correlation_id, f.causation_id, f.payload
    from jsonb_to_recordset($12) as f(
        reservation_id uuid, event_id uuid, event_type text, sequence bigint, correlation_id text, causation_id text, payload jsonb
    )
    join made using (reservation_id)
    order by f.sequence
), tenants as (
    insert into tenant (tenant_id, first_seen_at)
    select $2, $9 where not exists (select from tenant t where t.tenant_id = $2)
    on conflict do nothing
)
select reservation_id from made";
