//! What the database says of an order, read by a superuser.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{Connection as _, FromRow, PgConnection};
use uuid::Uuid;

/// A row of `reservation`.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Row {
    pub(crate) reservation_id: Uuid,
    pub(crate) attempt_group: i32,
    pub(crate) idempotency_key: String,
    pub(crate) status: String,
    pub(crate) external_reservation_ref: Option<String>,
    pub(crate) reserved_at: Option<DateTime<Utc>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) pending_operation: Option<String>,
    pub(crate) release_wanted: bool,
    pub(crate) claim_session: Option<Uuid>,
    pub(crate) rejection_code: Option<String>,
    pub(crate) manual_since: Option<DateTime<Utc>>,
}

/// A row of `supplier_call`.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) answer_class: Option<String>,
}

/// A row of `reservation_transition`.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Move {
    pub(crate) reservation_id: Uuid,
    pub(crate) from_status: Option<String>,
    pub(crate) to_status: String,
    pub(crate) actor: String,
}

/// A row of `outbox`.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Fact {
    pub(crate) aggregate_id: Uuid,
    pub(crate) sequence: i64,
    pub(crate) event_type: String,
}

impl Row {
    /// The row says that the inventory holds.
    pub(crate) fn says_held(&self) -> bool {
        matches!(self.status.as_str(), "RESERVED" | "CONFIRMED")
    }

    /// Nothing about it is open, and nobody is at it.
    pub(crate) fn is_at_rest(&self) -> bool {
        let settled = matches!(self.status.as_str(), "RESERVED" | "CONFIRMED" | "REJECTED" | "RELEASED" | "EXPIRED");
        settled && !self.release_wanted && self.pending_operation.is_none() && self.claim_session.is_none()
    }
}

/// The reservations of an order, oldest attempt first.
pub(crate) async fn reservations(pool: &PgPool, order: Uuid) -> Vec<Row> {
    sqlx::query_as("select * from reservation where order_id = $1 order by attempt_group").bind(order).fetch_all(pool).await.unwrap()
}

/// The calls that were made for an order, in the order in which they were put on record.
pub(crate) async fn calls(pool: &PgPool, order: Uuid) -> Vec<Call> {
    let of_order =
        "select c.* from supplier_call c join reservation r using (reservation_id) where r.order_id = $1 order by c.started_at, c.sequence";
    sqlx::query_as(of_order).bind(order).fetch_all(pool).await.unwrap()
}

/// The worker ids of the boots that asked for the holds of an order, oldest first. The reconciler may have looked at them besides.
pub(crate) async fn who_reserved(pool: &PgPool, order: Uuid) -> Vec<String> {
    let of_order =
        "select s.worker_id from supplier_call c join reservation r using (reservation_id) join worker_session s using (session_id)
        where r.order_id = $1 and c.operation = 'reserve' order by c.started_at, c.sequence";
    sqlx::query_scalar(of_order).bind(order).fetch_all(pool).await.unwrap()
}

/// The moves that an order's reservations made.
pub(crate) async fn moves(pool: &PgPool, order: Uuid) -> Vec<Move> {
    let of_order =
        "select t.* from reservation_transition t join reservation r using (reservation_id) where r.order_id = $1 order by t.transition_id";
    sqlx::query_as(of_order).bind(order).fetch_all(pool).await.unwrap()
}

/// The facts that were told about an order.
pub(crate) async fn facts(pool: &PgPool, order: Uuid) -> Vec<Fact> {
    sqlx::query_as("select * from outbox where order_id = $1 order by outbox_id").bind(order).fetch_all(pool).await.unwrap()
}

/// How many external tasks are remembered as waiting for an order's reservations.
pub(crate) async fn tasks_that_wait(pool: &PgPool, order: Uuid) -> i64 {
    let of_order =
        "select count(*) from engine_task e join reservation r using (reservation_id) where r.order_id = $1 and e.ended_at is null";
    sqlx::query_scalar(of_order).bind(order).fetch_one(pool).await.unwrap()
}

/// Everything that a failed test wants to show.
pub(crate) async fn story(database: PgConnectOptions) -> String {
    const STORY: &str = "
select created_at as at, concat_ws(' ', 'row', idempotency_key, status, external_reservation_ref, pending_operation, 'claimed by', claim_session,
    'wanted away', release_wanted, 'next check', next_check_at) as line from reservation
union all select started_at, concat_ws(' ', 'call', reservation_id, operation, sequence, answer_class, ended_at, note) from supplier_call
union all select moved_at, concat_ws(' ', 'move', reservation_id, from_status, '->', to_status, cause, 'by', actor) from reservation_transition
union all select occurred_at, concat_ws(' ', 'fact', aggregate_id, sequence, event_type) from outbox
union all select waiting_since, concat_ws(' ', 'waiting', reservation_id, topic, task_id, worker_id, goal) from engine_task
union all select started_at, concat_ws(' ', 'session', session_id, worker_id, 'lease until', lease_until, 'ended', ended_at) from worker_session
order by 1";
    let Ok(mut connection) = PgConnection::connect_with(&database).await else { return "the database cannot be reached".to_owned() };
    let lines: Vec<(DateTime<Utc>, String)> = sqlx::query_as(STORY).fetch_all(&mut connection).await.unwrap_or_default();
    lines.iter().map(|(at, line)| format!("{} {line}\n", at.format("%H:%M:%S%.3f"))).collect()
}
