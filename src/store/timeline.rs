//! One reservation's story, put together from everything that was recorded about it.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::domain::{Reservation, ReservationId, TenantId};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::reservations::{Find, read};
use crate::store::{Ended, Store, StoreError, WaitingTask};

/// A reservation and what happened to it.
#[derive(Debug)]
pub struct Timeline {
    /// The row as it is.
    pub reservation: Reservation,
    /// What happened, oldest first.
    pub entries: Vec<TimelineEntry>,
    /// The external tasks that wait for it.
    pub waiting: Vec<WaitingTask>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TimelineEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// `move`, `call`, `answer`, `event`, `task` (an external task that waits), `human` (a question to one) or `decision` (what they said).
    pub kind: String,
    /// What, in words.
    pub what: String,
    /// Who or what did it.
    pub by: String,
    /// Anything more that is known.
    pub detail: Option<String>,
}

const TIMELINE: &str = "\
-- timeline
select moved_at as at, 'move' as kind, coalesce(from_status || ' -> ', '') || to_status as what, actor as by, cause as detail,
    transition_id as position, 2 as class
from reservation_transition where reservation_id = $1
union all
select started_at, 'call', operation, 'session ' || session_id, 'call ' || call_id, sequence, 1
from supplier_call where reservation_id = $1
union all
select ended_at, 'answer', operation || ': ' || answer_class, source_system,
    nullif(concat_ws(' ', 'HTTP ' || http_status, note, evidence), ''), sequence, 1
from supplier_call where reservation_id = $1 and ended_at is not null
union all
select occurred_at, 'event', event_type, 'outbox', 'not yet published', sequence, 3
from outbox where aggregate_id = $1
union all
select waiting_since, 'task', topic || ' waits in an incident', worker_id, 'task ' || task_id || ' of instance ' || process_instance_id, 0, 4
from engine_task where reservation_id = $1
union all
select ended_at, 'task', topic || ' waits no longer: ' || ended_as, 'holdfast', 'task ' || task_id, 0, 4
from engine_task where reservation_id = $1 and ended_at is not null
union all
select opened_at, 'human', 'a human is asked what became of the ' || lower(question), 'holdfast',
    nullif(concat_ws('; ', why, 'case ' || case_id, 'asked in instance ' || asked_in), ''), 0, 4
from fallout_case where reservation_id = $1
union all
select closed_at, 'human', 'nobody is asked any more', closed_by, 'it is ' || outcome || '; case ' || case_id, 0, 4
from fallout_case where reservation_id = $1 and closed_at is not null
union all
select decided_at, 'decision', concat_ws(' ', decision, external_reservation_ref), decided_by || ' (' || via || ')',
    nullif(concat_ws('; ', 'refused: ' || refused_because, comment), ''), 0, 0
from fallout_decision where reservation_id = $1
order by at, class, position";

impl Store {
    /// Whether a call has exactly this end on record.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub(crate) async fn is_ended_so(&self, tenant: TenantId, ended: &Ended) -> Result<bool, StoreError> {
        let mut tx = begin(&self.pool, "is_ended_so", &[tenant]).await?;
        let so = sqlx::query_scalar(
            "-- is_ended_so
select exists (select from supplier_call where call_id = $1 and answer_class = $2 and note is not distinct from $3)",
        )
        .bind(ended.call.0)
        .bind(ended.class.as_str())
        .bind(ended.note.as_deref())
        .fetch_one(&mut *tx)
        .answered("is_ended_so")
        .await?;
        tx.commit().answered("is_ended_so").await?;
        Ok(so)
    }

    /// The whole story of a reservation; nothing if there is no such reservation.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn get_timeline(&self, tenant: TenantId, id: ReservationId) -> Result<Option<Timeline>, StoreError> {
        let mut tx = begin(&self.pool, "get_timeline", &[tenant]).await?;
        let Some(reservation) = read(&mut tx, tenant, &Find::Id(id)).await? else { return Ok(None) };
        let entries = sqlx::query_as(TIMELINE).bind(id.0).fetch_all(&mut *tx).answered("get_timeline").await?;
        tx.commit().answered("get_timeline").await?;
        let waiting = self.list_waiting(tenant, id).await?;
        Ok(Some(Timeline { reservation, entries, waiting }))
    }
}
