//! One reservation's story, put together from everything that was recorded about it.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::domain::{EntryKind, Reservation, ReservationId, TenantId};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::reservations::{Find, read};
use crate::store::{Ended, Store, StoreError, WaitingTask};

/// A reservation and what happened to it.
#[derive(Debug)]
pub struct Timeline {
    /// The row as it is.
    pub reservation: Reservation,
    /// What happened, oldest first: all of it, or one page.
    pub entries: Vec<TimelineEntry>,
    /// Whether something happened after these.
    pub more: bool,
    /// The external tasks that wait for it.
    pub waiting: Vec<WaitingTask>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// What kind of thing.
    pub kind: EntryKind,
    /// What, in words.
    pub what: String,
    /// Who or what did it.
    pub by: String,
    /// Anything more that is known.
    pub detail: Option<String>,
    /// When, and where it stands among what happened at the same moment.
    pub place: TimelinePlace,
}

/// Where an entry stands in its timeline: no two stand in the same place, and none ever moves.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TimelinePlace {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Which sort of things comes first at the same moment.
    pub class: i32,
    /// Which of one sort comes first.
    pub position: i64,
    /// Which row it is made of, and of which end of it.
    pub origin: String,
}

/// Which part of a timeline.
#[derive(Debug, Clone)]
pub struct TimelinePart {
    /// What happened after this; from the beginning, if left out.
    pub after: Option<TimelinePlace>,
    /// How many entries at most, at least 1; all, if left out.
    pub limit: Option<i64>,
}

impl TimelinePart {
    /// All of it.
    pub const WHOLE: Self = Self { after: None, limit: None };
}

#[derive(FromRow)]
struct Raw {
    kind: String,
    what: String,
    by: String,
    detail: Option<String>,
    #[sqlx(flatten)]
    place: TimelinePlace,
}

const TIMELINE: &str = "\
-- timeline
select at, kind, what, by, detail, class, position, origin from (
    select moved_at as at, 'move' as kind, coalesce(from_status || ' -> ', '') || to_status as what, actor as by, cause as detail,
        2 as class, transition_id as position, 'move' as origin
    from reservation_transition where reservation_id = $1
    union all
    select started_at, 'call', operation, 'session ' || session_id, 'call ' || call_id, 1, sequence, 'call ' || call_id
    from supplier_call where reservation_id = $1
    union all
    select ended_at, 'answer', operation || ': ' || answer_class, source_system,
        nullif(concat_ws(' ', 'HTTP ' || http_status, note, evidence), ''), 1, sequence, 'end of call ' || call_id
    from supplier_call where reservation_id = $1 and ended_at is not null
    union all
    select occurred_at, 'event', event_type, 'outbox', 'not yet published', 3, sequence, 'event ' || event_id
    from outbox where aggregate_id = $1
    union all
    select waiting_since, 'task', topic || ' waits in an incident', worker_id,
        'task ' || task_id || ' of instance ' || process_instance_id, 4, 0, 'task ' || task_id
    from engine_task where reservation_id = $1
    union all
    select ended_at, 'task', topic || ' waits no longer: ' || ended_as, 'holdfast', 'task ' || task_id, 4, 0, 'task ' || task_id || ' ended'
    from engine_task where reservation_id = $1 and ended_at is not null
    union all
    select opened_at, 'human', 'a human is asked what became of the ' || lower(question), 'holdfast',
        nullif(concat_ws('; ', why, 'case ' || case_id, 'asked in instance ' || asked_in), ''), 4, 0, 'case ' || case_id
    from fallout_case where reservation_id = $1
    union all
    select closed_at, 'human', 'nobody is asked any more', closed_by, 'it is ' || outcome || '; case ' || case_id,
        4, 0, 'case ' || case_id || ' closed'
    from fallout_case where reservation_id = $1 and closed_at is not null
    union all
    select decided_at, 'decision', concat_ws(' ', decision, external_reservation_ref), decided_by || ' (' || via || ')',
        nullif(concat_ws('; ', 'refused: ' || refused_because, comment), ''), 0, 0, 'decision ' || decision_id
    from fallout_decision where reservation_id = $1
) as entry
where $2::timestamptz is null or (at, class, position, origin collate \"C\") > ($2, $3, $4, $5)
order by at, class, position, origin collate \"C\" limit $6";

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

    /// The story of a reservation, or a part of it; nothing if there is no such reservation.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn get_timeline(&self, tenant: TenantId, id: ReservationId, part: &TimelinePart) -> Result<Option<Timeline>, StoreError> {
        let mut tx = begin(&self.pool, "get_timeline", &[tenant]).await?;
        let Some(reservation) = read(&mut tx, tenant, &Find::Id(id)).await? else { return Ok(None) };
        let after = part.after.as_ref();
        let mut rows: Vec<Raw> = sqlx::query_as(TIMELINE)
            .bind(id.0)
            .bind(after.map(|place| place.at))
            .bind(after.map(|place| place.class))
            .bind(after.map(|place| place.position))
            .bind(after.map(|place| place.origin.as_str()))
            // One more than wanted tells whether there is another page.
            .bind(part.limit.map(|limit| limit + 1))
            .fetch_all(&mut *tx)
            .answered("get_timeline")
            .await?;
        tx.commit().answered("get_timeline").await?;
        let most = part.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let more = rows.len() > most;
        rows.truncate(most);
        let entries = rows.into_iter().map(|raw| entry(id, raw)).collect::<Result<_, _>>()?;
        let waiting = self.list_waiting(tenant, id).await?;
        Ok(Some(Timeline { reservation, entries, more, waiting }))
    }
}

fn entry(id: ReservationId, raw: Raw) -> Result<TimelineEntry, StoreError> {
    let kind = EntryKind::parse(&raw.kind).ok_or(StoreError::Unreadable { id, column: "kind", value: raw.kind })?;
    Ok(TimelineEntry { kind, what: raw.what, by: raw.by, detail: raw.detail, place: raw.place })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_that_the_statement_writes_is_one_of_the_list_and_every_one_of_the_list_is_written() {
        let selected = TIMELINE.split("    select ").skip(1);
        // The second column of each part: the first text literal after the first comma.
        let written: BTreeSet<&str> = selected.map(|part| part.split_once(", '").unwrap().1.split('\'').next().unwrap()).collect();
        assert_eq!(written, EntryKind::ALL.into_iter().map(EntryKind::as_str).collect());
    }
}
