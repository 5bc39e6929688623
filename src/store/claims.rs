//! Claims: the exclusive right to act for a reservation, taken in the same transaction that records what is about to be done.
//!
//! A claim is (session, epoch). It lives as long as the session's lease; every settlement names the epoch, so that a worker
//! that lost its claim cannot settle. Within one process a set of live claims does the same for tasks of one session.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::postgres::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{
    AnswerClass, Call, CallId, Capabilities, Evidence, Goal, Operation, Policy, Refused, Reservation, ReservationId, ReservationStatus,
    ReserveRequest, SessionId, SourceName, StepEnd, TenantId, Transition, step,
};
use crate::fault_points::{fault_point, planted_bug};
use crate::store::answered::Answered as _;
use crate::store::outbox::{self, FactRow};
use crate::store::pool::begin;
use crate::store::reservations::{Find, Locked, read_locked};
use crate::store::settlements::{Claiming, Ended, SettleJob, Writes};
use crate::store::tenants::distinct;
use crate::store::{Store, StoreError, WaitingTask};

/// What an inventory can do, and how patient we are with it.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// What it can do.
    pub capabilities: Capabilities,
    /// How patient we are.
    pub policy: Policy,
}

/// A wish for a row that may exist.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which.
    pub find: Find,
    /// What for.
    pub goal: Goal,
    /// The hash of the request, where a request is repeated.
    pub request_hash: Option<[u8; 32]>,
    /// The id of the call, should one be made.
    pub call: CallId,
    /// Who wants it, for the timeline.
    pub actor: Arc<str>,
    /// The external task that waits for it, should nobody but a human be able to find out.
    pub waiting: Option<WaitingTask>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What a claim came to.
#[derive(Debug)]
pub enum Claimed {
    /// The call is on record and may be made.
    Asking(Box<Asking>),
    /// No call is made.
    Unasked(Unasked),
    /// The row does not answer, and its inventory is not configured here.
    NoSource(SourceName),
}

/// Why no call is made.
#[derive(Debug)]
pub enum Unasked {
    /// There is no such reservation.
    NotFound,
    /// Somebody living works on it.
    Busy(Box<Reservation>),
    /// The key belongs to another request.
    OtherRequest(Box<Reservation>),
    /// The row answers.
    Concluded(Box<Reservation>),
    /// Only a human can find out.
    NeedsHuman(Box<Reservation>),
    /// The goal cannot be had.
    Refused(Box<Reservation>, Refused),
}

/// A claim, and the call that was put on record with it.
#[derive(Debug)]
pub struct Asking {
    /// The row under the claim.
    pub row: Reservation,
    /// What to ask.
    pub operation: Operation,
    /// The recorded call.
    pub call: CallId,
    /// Keeps the row from other tasks of this process until it is settled.
    pub(crate) _live: LiveClaim,
}

/// A request whose key may be new.
#[derive(Debug, Clone)]
pub struct FreshClaim {
    /// The id of the reservation, should it be new.
    pub id: ReservationId,
    /// The id of the call, should the reservation be new.
    pub call: CallId,
    /// The request.
    pub request: Arc<ReserveRequest>,
    /// The process instance that asks.
    pub process_instance: Option<String>,
    /// Who asks, for the timeline.
    pub actor: Arc<str>,
    /// When the reconciler looks, should the worker vanish.
    pub orphan_after: TimeDelta,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A new row under its first claim; nothing if the key exists.
pub(crate) type FreshAnswer = Option<Reservation>;

/// The reservations that tasks of this process work on.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveClaims(Arc<Mutex<HashSet<ReservationId>>>);

/// One entry of [`LiveClaims`]; leaving scope ends it.
#[derive(Debug)]
pub(crate) struct LiveClaim {
    claims: LiveClaims,
    id: ReservationId,
}

impl LiveClaims {
    fn enter(&self, id: ReservationId) -> Option<LiveClaim> {
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        entered.then(|| LiveClaim { claims: self.clone(), id })
    }

    /// What somebody in this process works on.
    pub(crate) fn ids(&self) -> Vec<Uuid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|id| id.0).collect()
    }
}

impl Drop for LiveClaim {
    fn drop(&mut self) {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Store {
    /// Records a new reservation, its lines, its first claim and the create that is about to be sent. Nothing if the key exists.
    ///
    /// # Errors
    /// [`StoreError::EarlierAttemptLives`] if another attempt group of the order step is alive; else as the database says.
    pub async fn claim_fresh(&self, wanted: FreshClaim) -> Result<Option<Asking>, StoreError> {
        // The id is new, so that nobody can be in there; entering before the commit leaves no gap after it.
        let Some(live) = self.live.enter(wanted.id) else { return Ok(None) };
        let call = wanted.call;
        let made = self.fresh.write(wanted).await?;
        Ok(made.map(|row| Asking { row, operation: Operation::Reserve, call, _live: live }))
    }

    /// Takes the next step toward a goal on an existing row: decides, moves, claims and records the call, in one transaction.
    ///
    /// # Errors
    /// As the database says, or [`StoreError::Illegal`] for a decision that the table of transitions does not have.
    pub async fn claim(&self, wanted: &Wanted, terms: &(dyn Fn(&Reservation) -> Option<Terms> + Sync)) -> Result<Claimed, StoreError> {
        let mut tx = begin(&self.pool, "claim", &[wanted.tenant]).await?;
        let Some(Locked { row: before, claimed_by }) = read_locked(&mut tx, wanted.tenant, &wanted.find).await? else {
            return Ok(Claimed::Unasked(Unasked::NotFound));
        };
        // What ended before it began has no hash: any request under its key is the one that came too late.
        let other = |hash: [u8; 32]| !before.request_hash.is_empty() && hash.as_slice() != before.request_hash.as_slice();
        if wanted.request_hash.is_some_and(other) {
            return Ok(Claimed::Unasked(Unasked::OtherRequest(Box::new(before))));
        }
        let Some(live) = self.live.enter(before.id) else { return Ok(Claimed::Unasked(Unasked::Busy(Box::new(before)))) };
        if claimed_by.is_some_and(|session| session != self.session) {
            return Ok(Claimed::Unasked(Unasked::Busy(Box::new(before))));
        }
        // If the row's inventory is not configured here, only two things can be answered: a row that is over, and a hold that somebody
        // wants. Everything else is left to a replica that has the inventory; answering it here could claim what nobody knows, or lose a
        // hold.
        let Some(terms) = terms(&before) else {
            let answers = match before.status {
                ReservationStatus::Reserved | ReservationStatus::Confirmed => wanted.goal == Goal::Reserve,
                status => status.is_end() && !before.release_wanted,
            };
            return Ok(if answers { Claimed::Unasked(Unasked::Concluded(Box::new(before))) } else { Claimed::NoSource(before.source) });
        };

        let ended = vanished(&before);
        let step = step(&before, &wanted.goal, &terms.capabilities, &terms.policy, wanted.call, wanted.now)?;
        #[cfg(feature = "planted-bugs")]
        let step = released_unseen(step, &wanted.goal, &terms.policy, wanted.now)?;
        let claiming = Claiming { session: step.end.asks().map(|_| self.session), old_epoch: step.row.claim_epoch };
        // The task goes into an incident without a call: a human's decision must find it.
        let waiting = wanted.waiting.clone().filter(|_| step.end == StepEnd::NeedsHuman);
        if step.changed || waiting.is_some() {
            let job = SettleJob {
                after: step.row.clone(),
                moves: step.moves.clone(),
                // The row is locked since it was read: nobody can have wished anything meanwhile.
                wish_known: true,
                next_check_at: step.next_check_at,
                ended,
                waiting,
                actor: Arc::clone(&wanted.actor),
                now: wanted.now,
            };
            let mut writes = Writes::default();
            writes.add(job, &claiming);
            writes.write(&mut tx, self.session).await?;
            fault_point!("{}.claim_written", step.end.asks().map_or("move", Operation::as_str));
            tx.commit().answered("claim").await?;
            self.outbox_was_written();
        }
        let mut row = step.row;
        Ok(match step.end {
            StepEnd::Ask(operation) => {
                row.claim_epoch += 1;
                row.event_sequence += fact_count(&step.moves);
                Claimed::Asking(Box::new(Asking { row, operation, call: wanted.call, _live: live }))
            }
            StepEnd::NeedsHuman => Claimed::Unasked(Unasked::NeedsHuman(Box::new(row))),
            StepEnd::Refused(refused) => Claimed::Unasked(Unasked::Refused(Box::new(row), refused)),
            StepEnd::Concluded => Claimed::Unasked(Unasked::Concluded(Box::new(row))),
        })
    }
}

/// A bug that a test may plant: what nobody knows is called released, and never looked at again.
#[cfg(feature = "planted-bugs")]
fn released_unseen(
    mut step: crate::domain::Step,
    goal: &Goal,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<crate::domain::Step, StoreError> {
    planted_bug!("release_without_settling", {
        if *goal == Goal::Release && step.row.status == crate::domain::ReservationStatus::Unknown {
            step.row.open_call = None;
            let settlement = crate::domain::settle_move(&step.row, crate::domain::Cause::FoundReleased, policy, now)?;
            step.moves.extend(settlement.moves);
            step = crate::domain::Step {
                row: settlement.after,
                moves: step.moves,
                end: StepEnd::Concluded,
                next_check_at: None,
                changed: true,
            };
        }
    });
    Ok(step)
}

fn fact_count(moves: &[Transition]) -> i64 {
    moves.iter().map(|m| i64::from(crate::domain::fact_of(m.to, m.cause).is_some())).sum()
}

/// How a call is put to its end that was open when its row was claimed: its worker is gone.
fn vanished(before: &Reservation) -> Option<Ended> {
    before.open_call.map(|call| Ended {
        call: call.id,
        operation: call.operation,
        class: AnswerClass::Unknown,
        note: Some("the worker that made this call vanished before the answer".to_owned()),
        evidence: Evidence::default(),
    })
}

#[derive(Serialize)]
struct FreshRow {
    reservation_id: Uuid,
    tenant_id: Uuid,
    order_id: Uuid,
    reservation_step: String,
    attempt_group: i32,
    idempotency_key: String,
    source_system: String,
    request_hash: String,
    hold_seconds: i64,
    customer_id: Option<String>,
    location_id: Option<String>,
    process_instance_id: Option<String>,
    call_id: Uuid,
    next_check_at: DateTime<Utc>,
    at: DateTime<Utc>,
    actor: Arc<str>,
}

#[derive(Serialize)]
struct FreshLine {
    reservation_line_id: Uuid,
    reservation_id: Uuid,
    order_line_id: Uuid,
    product_offering_id: String,
    location_id: Option<String>,
    requested_quantity: String,
}

/// Writes a batch of new reservations in one transaction; a key that exists gets no answer.
pub(crate) async fn write_fresh(
    pool: &PgPool,
    session: SessionId,
    batch: &[FreshClaim],
) -> Result<Vec<Result<FreshAnswer, StoreError>>, StoreError> {
    let tenants = distinct(batch.iter().map(|claim| claim.request.tenant));
    let (mut made, mut rows, mut lines, mut facts) = (Vec::new(), Vec::new(), Vec::new(), Vec::<FactRow>::new());
    for claim in batch {
        let mut row = Reservation::requested(claim.id, &claim.request, claim.process_instance.clone(), claim.now);
        facts.push(outbox::requested(&mut row, &claim.actor));
        row.claim_epoch = 1;
        row.version = 1;
        row.last_effect_at = Some(claim.now);
        row.open_call = Some(Call { id: claim.call, operation: Operation::Reserve, started_at: claim.now, class: None });
        rows.push(fresh_row(&row, claim));
        lines.extend(row.lines.iter().enumerate().map(|(position, record)| FreshLine {
            reservation_line_id: Uuid::new_v5(&claim.id.0, &position.to_be_bytes()),
            reservation_id: claim.id.0,
            order_line_id: record.line.order_line.0,
            product_offering_id: record.line.product_offering.clone(),
            location_id: record.line.location.clone(),
            requested_quantity: record.line.quantity.to_string(),
        }));
        made.push(row);
    }
    let mut tx = begin(pool, "claim_fresh", &tenants).await?;
    let written: Vec<Uuid> = sqlx::query_scalar(CLAIM_FRESH)
        .bind(Json(&rows))
        .bind(Json(&lines))
        .bind(Json(&facts))
        .bind(session.0)
        .fetch_all(&mut *tx)
        .answered("claim_fresh")
        .await?;
    fault_point!("reserve.claim_written");
    let written: HashSet<Uuid> = written.into_iter().collect();
    let made = made.into_iter().map(|row| Ok(written.contains(&row.id.0).then_some(row))).collect();
    planted_bug!("call_before_commit", {
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            tx.commit().await
        });
        return Ok(made);
    });
    tx.commit().answered("claim_fresh").await?;
    Ok(made)
}

fn fresh_row(row: &Reservation, claim: &FreshClaim) -> FreshRow {
    FreshRow {
        reservation_id: row.id.0,
        tenant_id: row.tenant.0,
        order_id: row.order.0,
        reservation_step: row.step.as_str().to_owned(),
        attempt_group: row.group.number(),
        idempotency_key: row.key.as_str().to_owned(),
        source_system: row.source.as_str().to_owned(),
        request_hash: row.request_hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        hold_seconds: row.hold_seconds,
        customer_id: row.customer.clone(),
        location_id: row.location.clone(),
        process_instance_id: row.process_instance.clone(),
        call_id: claim.call.0,
        next_check_at: claim.now + claim.orphan_after,
        at: claim.now,
        actor: Arc::clone(&claim.actor),
    }
}

const CLAIM_FRESH: &str = "\
-- claim_fresh
with wanted as (
    select * from jsonb_to_recordset($1) as w(
        reservation_id uuid, tenant_id uuid, order_id uuid, reservation_step text, attempt_group integer, idempotency_key text,
        source_system text, request_hash text, hold_seconds bigint, customer_id text, location_id text, process_instance_id text,
        call_id uuid, next_check_at timestamptz, at timestamptz, actor text
    )
), made as (
    insert into reservation (
        reservation_id, tenant_id, order_id, reservation_step, attempt_group, idempotency_key, source_system, request_hash, hold_seconds,
        customer_id, location_id, process_instance_id, status, last_effect_at, next_check_at, claim_session, claim_epoch,
        open_call_id, open_call_operation, event_sequence, created_at, updated_at, version
    )
    select reservation_id, tenant_id, order_id, reservation_step, attempt_group, idempotency_key, source_system,
        decode(request_hash, 'hex'), hold_seconds, customer_id, location_id, process_instance_id, 'REQUESTED', at, next_check_at, $4, 1,
        call_id, 'reserve', 1, at, at, 1
    from wanted
    on conflict (tenant_id, source_system, idempotency_key) do nothing
    returning reservation_id
), lines as (
    insert into reservation_line (
        reservation_line_id, tenant_id, reservation_id, order_line_id, product_offering_id, location_id, requested_quantity, status
    )
    select l.reservation_line_id, w.tenant_id, l.reservation_id, l.order_line_id, l.product_offering_id, l.location_id,
        l.requested_quantity, 'REQUESTED'
    from jsonb_to_recordset($2) as l(
        reservation_line_id uuid, reservation_id uuid, order_line_id uuid, product_offering_id text, location_id text,
        requested_quantity numeric
    )
    join made using (reservation_id) join wanted w using (reservation_id)
), calls as (
    insert into supplier_call (call_id, tenant_id, reservation_id, source_system, operation, sequence, session_id, started_at)
    select w.call_id, w.tenant_id, w.reservation_id, w.source_system, 'reserve', 1, $4, w.at
    from wanted w join made using (reservation_id)
), moves as (
    insert into reservation_transition (tenant_id, reservation_id, from_status, to_status, cause, claim_epoch, actor, moved_at)
    select w.tenant_id, w.reservation_id, null, 'REQUESTED', 'requested', 1, w.actor, w.at
    from wanted w join made using (reservation_id)
), facts as (
    insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at,
        correlation_id, causation_id, payload)
    select f.event_id, w.tenant_id, f.event_type, 1, 'Reservation', f.reservation_id, f.sequence, w.order_id, w.at,
        f.correlation_id, f.causation_id, f.payload
    from jsonb_to_recordset($3) as f(
        reservation_id uuid, event_id uuid, event_type text, sequence bigint, correlation_id text, causation_id text, payload jsonb
    )
    join made using (reservation_id) join wanted w using (reservation_id)
), tenants as (
    insert into tenant (tenant_id, first_seen_at)
    select distinct on (w.tenant_id) w.tenant_id, w.at from wanted w
    where not exists (select from tenant t where t.tenant_id = w.tenant_id)
    on conflict do nothing
)
select reservation_id from made";
