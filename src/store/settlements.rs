//! Writing reservations: one statement for a claim on an existing row and for a settlement, guarded by the claim's epoch.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgPool;
use sqlx::types::Json;
use sqlx::{Postgres, Row as _, Transaction};
use uuid::Uuid;

use crate::domain::{AnswerClass, CallId, Evidence, Operation, PendingOperation, Reservation, ReservationId, SessionId, Transition};
use crate::fault_points::fault_point;
use crate::store::answered::Answered as _;
use crate::store::engine_tasks::{WaitingRow, WaitingTask};
use crate::store::outbox::{FactRow, facts};
use crate::store::pool::begin;
use crate::store::tenants::distinct;
use crate::store::{Store, StoreError};

/// When a row is looked at again whose notice from the inventory was followed by a call that brought no answer, unless it is due earlier.
const NOTICE_AGAIN_S: f64 = 60.0;

/// How a call ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The call.
    pub call: CallId,
    /// What it was.
    pub operation: Operation,
    /// The class of its answer.
    pub class: AnswerClass,
    /// Why, in words.
    pub note: Option<String>,
    /// What was seen.
    pub evidence: Evidence,
}

/// One settlement on its way to the database.
#[derive(Debug, Clone)]
pub(crate) struct SettleJob {
    pub(crate) after: Reservation,
    pub(crate) moves: Vec<Transition>,
    /// Whoever writes knew already that the hold is to go. If not, a wish that came meanwhile stays.
    pub(crate) wish_known: bool,
    pub(crate) next_check_at: Option<DateTime<Utc>>,
    pub(crate) ended: Option<Ended>,
    pub(crate) waiting: Option<WaitingTask>,
    pub(crate) actor: Arc<str>,
    pub(crate) now: DateTime<Utc>,
}

impl Store {
    /// Settles a call: the row, the call's outcome, the moves and their facts, in one transaction guarded by the claim's epoch.
    ///
    /// # Errors
    /// [`StoreError::ClaimLost`] if somebody else has claimed the row since; nothing is written then.
    pub(crate) async fn settle(&self, job: SettleJob) -> Result<(), StoreError> {
        self.settle.write(job).await
    }
}

/// The row as it is to be written.
#[derive(Debug, Serialize)]
struct RowWrite {
    reservation_id: Uuid,
    old_epoch: i64,
    new_epoch: i64,
    claim_session: Option<Uuid>,
    open_call_id: Option<Uuid>,
    open_call_operation: Option<&'static str>,
    status: &'static str,
    external_reservation_ref: Option<String>,
    reserved_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    released_at: Option<DateTime<Utc>>,
    rejection_code: Option<String>,
    rejection_message: Option<String>,
    pending_operation: Option<&'static str>,
    pending_until: Option<DateTime<Utc>>,
    extensions: i32,
    release_wanted: bool,
    wish_known: bool,
    absent_looks: i32,
    checks: i32,
    manual_since: Option<DateTime<Utc>>,
    unknown_since: Option<DateTime<Utc>>,
    last_effect_at: Option<DateTime<Utc>>,
    next_check_at: Option<DateTime<Utc>>,
    event_sequence: i64,
    looked: bool,
    at: DateTime<Utc>,
    actor: Arc<str>,
    ended_call_id: Option<Uuid>,
    answer_class: Option<&'static str>,
    note: Option<String>,
    http_status: Option<u16>,
    evidence: Option<String>,
}

#[derive(Debug, Serialize)]
struct MoveWrite {
    reservation_id: Uuid,
    position: usize,
    from_status: &'static str,
    to_status: &'static str,
    cause: &'static str,
}

#[derive(Debug, Serialize)]
struct LineWrite {
    reservation_id: Uuid,
    order_line_id: Uuid,
    reserved_quantity: Option<String>,
    available_quantity: Option<String>,
    status: &'static str,
}

/// What the one statement is given: rows, and what belongs to them, each as one JSON array.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    rows: Vec<RowWrite>,
    moves: Vec<MoveWrite>,
    facts: Vec<FactRow>,
    lines: Vec<LineWrite>,
    waiting: Vec<WaitingRow>,
}

/// The claim that a write makes, or the end of one.
pub(crate) struct Claiming {
    /// The claiming session; nobody ends the claim.
    pub(crate) session: Option<SessionId>,
    /// The epoch that the row had when it was read.
    pub(crate) old_epoch: i64,
}

impl Writes {
    /// Adds one row with its moves. `after.open_call`, together with a claiming session, is a call to be put on record.
    pub(crate) fn add(&mut self, job: SettleJob, claiming: &Claiming) {
        let SettleJob { mut after, moves, wish_known, next_check_at, ended, waiting, actor, now } = job;
        let causation = ended.as_ref().map(|e| e.call).or(after.open_call.map(|c| c.id));
        let causation = causation.map_or_else(|| actor.to_string(), |call| format!("call-{call}"));
        self.facts.extend(facts(&mut after, &moves, &causation));
        self.moves.extend(moves.iter().enumerate().map(|(position, m)| MoveWrite {
            reservation_id: after.id.0,
            position,
            from_status: m.from.as_str(),
            to_status: m.to.as_str(),
            cause: m.cause.as_str(),
        }));
        self.lines.extend(after.lines.iter().filter(|l| l.reserved.is_some() || l.available.is_some()).map(|l| LineWrite {
            reservation_id: after.id.0,
            order_line_id: l.line.order_line.0,
            reserved_quantity: l.reserved.map(|q| q.to_string()),
            available_quantity: l.available.map(|q| q.to_string()),
            status: match l.reserved {
                Some(reserved) if reserved >= l.line.quantity.decimal() => "RESERVED",
                Some(reserved) if !reserved.is_zero() => "PARTIAL",
                _ => "REJECTED",
            },
        }));
        self.waiting.extend(waiting.map(|task| WaitingRow::of(&task, after.id, now)));
        let (pending_operation, pending_until) = match after.pending {
            None => (None, None),
            Some(PendingOperation::Confirm) => (Some("CONFIRM"), None),
            Some(PendingOperation::Extend { until }) => (Some("EXTEND"), Some(until)),
        };
        let looked = ended.as_ref().is_some_and(|e| e.operation.is_look());
        let (ended_call_id, answer_class, note, evidence) = match ended {
            Some(e) => (Some(e.call.0), Some(e.class.as_str()), e.note, e.evidence),
            None => (None, None, None, Evidence::default()),
        };
        self.rows.push(RowWrite {
            reservation_id: after.id.0,
            old_epoch: claiming.old_epoch,
            new_epoch: claiming.old_epoch + i64::from(claiming.session.is_some()),
            claim_session: claiming.session.map(|s| s.0),
            open_call_id: after.open_call.map(|c| c.id.0),
            open_call_operation: after.open_call.map(|c| c.operation.as_str()),
            status: after.status.as_str(),
            external_reservation_ref: after.reference.as_ref().map(|r| r.as_str().to_owned()),
            reserved_at: after.reserved_at,
            expires_at: after.expires_at,
            confirmed_at: after.confirmed_at,
            released_at: after.released_at,
            rejection_code: after.rejection.as_ref().map(|r| r.code.clone()),
            rejection_message: after.rejection.as_ref().and_then(|r| r.message.clone()),
            pending_operation,
            pending_until,
            extensions: after.extensions,
            release_wanted: after.release_wanted,
            wish_known,
            absent_looks: after.absent_looks,
            checks: after.checks,
            manual_since: after.manual_since,
            unknown_since: after.unknown_since,
            last_effect_at: after.last_effect_at,
            next_check_at,
            event_sequence: after.event_sequence,
            looked,
            at: now,
            actor,
            ended_call_id,
            answer_class,
            note,
            http_status: evidence.http_status,
            evidence: evidence.excerpt,
        });
    }

    /// Writes everything; returns the rows whose epoch was still the one they were read with.
    pub(crate) async fn write(
        &self,
        tx: &mut Transaction<'static, Postgres>,
        session: SessionId,
    ) -> Result<HashSet<ReservationId>, StoreError> {
        let written = sqlx::query(write_rows())
            .bind(Json(&self.rows))
            .bind(Json(&self.moves))
            .bind(Json(&self.facts))
            .bind(Json(&self.lines))
            .bind(Json(&self.waiting))
            .bind(session.0)
            .bind(NOTICE_AGAIN_S)
            .fetch_all(&mut **tx)
            .answered("write_rows")
            .await?;
        written.iter().map(|row| row.try_get("reservation_id").map(ReservationId).map_err(StoreError::during("write_rows"))).collect()
    }
}

/// Writes a batch of settlements in one transaction.
pub(crate) async fn write_settlements(
    pool: &PgPool,
    session: SessionId,
    batch: &[SettleJob],
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let tenants = distinct(batch.iter().map(|job| job.after.tenant));
    let mut writes = Writes::default();
    for job in batch {
        writes.add(job.clone(), &Claiming { session: None, old_epoch: job.after.claim_epoch });
    }
    let mut tx = begin(pool, "settle", &tenants).await?;
    let written = writes.write(&mut tx, session).await?;
    for job in batch {
        fault_point!("{}.settle_written", job.ended.as_ref().map_or("move", |ended| ended.operation.as_str()));
    }
    tx.commit().answered("settle").await?;
    Ok(batch.iter().map(|job| if written.contains(&job.after.id) { Ok(()) } else { Err(StoreError::ClaimLost(job.after.id)) }).collect())
}

#[cfg(not(feature = "planted-bugs"))]
fn write_rows() -> &'static str {
    WRITE_ROWS
}

/// A bug that a test may plant: whoever writes last is believed.
#[cfg(feature = "planted-bugs")]
fn write_rows() -> &'static str {
    static UNGUARDED: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let guards = ["and r.claim_epoch = w.old_epoch", "and (w.ended_call_id is null or r.open_call_id = w.ended_call_id)"];
        guards.iter().fold(WRITE_ROWS.to_owned(), |sql, guard| sql.replace(guard, ""))
    });
    crate::fault_points::planted_bug!("no_epoch_check", return UNGUARDED.as_str());
    WRITE_ROWS
}

const WRITE_ROWS: &str = "\
-- write_rows
with wanted as (
    select w.*, w.status in ('REJECTED', 'RELEASED', 'EXPIRED') as is_end,
        coalesce(w.answer_class in ('DONE', 'REFUSED'), false) as is_heard
    from jsonb_to_recordset($1) as w(
        reservation_id uuid, old_epoch bigint, new_epoch bigint, claim_session uuid, open_call_id uuid, open_call_operation text,
        status text, external_reservation_ref text, reserved_at timestamptz, expires_at timestamptz, confirmed_at timestamptz,
        released_at timestamptz, rejection_code text, rejection_message text, pending_operation text, pending_until timestamptz,
        extensions integer, release_wanted boolean, wish_known boolean, absent_looks integer, checks integer, manual_since timestamptz,
        unknown_since timestamptz, last_effect_at timestamptz,
        next_check_at timestamptz, event_sequence bigint, looked boolean, at timestamptz, actor text, ended_call_id uuid,
        answer_class text, note text, http_status integer, evidence text
    )
), written as (
    update reservation r set
        claim_epoch = w.new_epoch, claim_session = w.claim_session,
        open_call_id = w.open_call_id, open_call_operation = w.open_call_operation,
        status = w.status, external_reservation_ref = w.external_reservation_ref,
        reserved_at = w.reserved_at, expires_at = w.expires_at, confirmed_at = w.confirmed_at, released_at = w.released_at,
        rejection_code = w.rejection_code, rejection_message = w.rejection_message,
        pending_operation = w.pending_operation, pending_until = w.pending_until,
        extensions = w.extensions, absent_looks = w.absent_looks, checks = w.checks, manual_since = w.manual_since,
        unknown_since = w.unknown_since, last_effect_at = w.last_effect_at, event_sequence = w.event_sequence,
        -- an order that ended while the call was open has put its wish on the row without waiting for the call
        release_wanted = w.release_wanted or (r.release_wanted and not w.wish_known and not w.is_end),
        next_check_at = case
            when w.claim_session is not null then w.next_check_at
            when r.release_wanted and not w.wish_known and not w.is_end then w.at
            when r.noticed_epoch is null or (w.is_heard and r.noticed_epoch < w.old_epoch) then w.next_check_at
            -- word from the inventory that came while the call was open is followed up by a call of its own, and word that a call
            -- brought no answer to is not forgotten
            when r.noticed_epoch >= w.old_epoch then w.at
            else least(w.next_check_at, w.at + make_interval(secs => $7))
        end,
        noticed_epoch = case when w.is_heard and r.noticed_epoch < w.old_epoch then null else r.noticed_epoch end,
        last_reconciled_at = case when w.looked then w.at else r.last_reconciled_at end,
        updated_at = w.at, version = r.version + 1
    from wanted w
    where r.reservation_id = w.reservation_id and r.claim_epoch = w.old_epoch
        and (w.ended_call_id is null or r.open_call_id = w.ended_call_id)
    returning r.reservation_id, r.tenant_id, r.source_system, r.order_id
), ended as (
    update supplier_call c set
        ended_at = w.at, answer_class = w.answer_class, note = w.note, http_status = w.http_status, evidence = w.evidence
    from wanted w join written using (reservation_id)
    where c.call_id = w.ended_call_id and c.ended_at is null
), opened as (
    insert into supplier_call (call_id, tenant_id, reservation_id, source_system, operation, sequence, session_id, started_at)
    select w.open_call_id, t.tenant_id, w.reservation_id, t.source_system, w.open_call_operation, w.new_epoch, $6, w.at
    from wanted w join written t using (reservation_id)
    where w.open_call_id is not null
), moved as (
    insert into reservation_transition (tenant_id, reservation_id, from_status, to_status, cause, claim_epoch, actor, moved_at)
    select t.tenant_id, m.reservation_id, m.from_status, m.to_status, m.cause, w.new_epoch, w.actor, w.at
    from jsonb_to_recordset($2) as m(reservation_id uuid, position integer, from_status text, to_status text, cause text)
    join written t using (reservation_id) join wanted w using (reservation_id)
    order by m.position
), told as (
    insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at,
        correlation_id, causation_id, payload)
    select f.event_id, t.tenant_id, f.event_type, 1, 'Reservation', f.reservation_id, f.sequence, t.order_id, w.at,
        f.correlation_id, f.causation_id, f.payload
    from jsonb_to_recordset($3) as f(
        reservation_id uuid, event_id uuid, event_type text, sequence bigint, correlation_id text, causation_id text, payload jsonb
    )
    join written t using (reservation_id) join wanted w using (reservation_id)
    order by f.sequence
), counted as (
    update reservation_line l set reserved_quantity = q.reserved_quantity, available_quantity = q.available_quantity, status = q.status
    from jsonb_to_recordset($4) as q(
        reservation_id uuid, order_line_id uuid, reserved_quantity numeric, available_quantity numeric, status text
    )
    join written using (reservation_id)
    where l.reservation_id = q.reservation_id and l.order_line_id = q.order_line_id
), waiting as (
    insert into engine_task (task_id, tenant_id, reservation_id, topic, worker_id, process_instance_id, goal, goal_until, waiting_since)
    select e.task_id, t.tenant_id, e.reservation_id, e.topic, e.worker_id, e.process_instance_id, e.goal, e.goal_until, e.waiting_since
    from jsonb_to_recordset($5) as e(
        task_id text, reservation_id uuid, topic text, worker_id text, process_instance_id text, goal text, goal_until timestamptz,
        waiting_since timestamptz
    )
    join written t using (reservation_id)
    on conflict (task_id) do update set
        reservation_id = excluded.reservation_id, worker_id = excluded.worker_id, goal = excluded.goal, goal_until = excluded.goal_until,
        ended_at = null, ended_as = null
), asked as (
    insert into fallout_case (case_id, tenant_id, reservation_id, order_id, question, why, opened_at)
    select gen_random_uuid(), t.tenant_id, w.reservation_id, t.order_id,
        case w.status when 'UNKNOWN' then 'RESERVE' when 'RELEASE_UNKNOWN' then 'RELEASE' else w.pending_operation end, w.note, w.manual_since
    from wanted w join written t using (reservation_id)
    where w.manual_since is not null and (w.status in ('UNKNOWN', 'RELEASE_UNKNOWN') or w.pending_operation is not null)
    on conflict (reservation_id) where closed_at is null do update set why = coalesce(excluded.why, fallout_case.why)
), answered as (
    update fallout_case c set closed_at = w.at, outcome = w.status, closed_by = w.actor
    from wanted w join written using (reservation_id)
    where c.reservation_id = w.reservation_id and c.closed_at is null
        and w.status not in ('UNKNOWN', 'RELEASE_UNKNOWN') and w.pending_operation is null
        -- a lost release that did nothing and is sent again is still the same question
        and not (w.status = 'RELEASE_REQUESTED' and w.manual_since is not null)
)
select reservation_id from written";
