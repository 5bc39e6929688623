//! What a case has left in the database, read by a superuser: row-level security does not bind the judge.

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::kafka::Read;

/// A reservation.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) reservation_id: Uuid,
    pub(crate) order_id: Uuid,
    pub(crate) idempotency_key: String,
    pub(crate) status: String,
    pub(crate) external_reservation_ref: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) pending_operation: Option<String>,
    pub(crate) release_wanted: bool,
    pub(crate) manual_since: Option<DateTime<Utc>>,
    pub(crate) next_check_at: Option<DateTime<Utc>>,
    pub(crate) claim_epoch: i64,
    pub(crate) open_call_id: Option<Uuid>,
    pub(crate) event_sequence: i64,
}

/// A call to the inventory.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Call {
    pub(crate) reservation_id: Uuid,
    pub(crate) operation: String,
    pub(crate) sequence: i64,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) answer_class: Option<String>,
    pub(crate) note: Option<String>,
}

/// A move.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Move {
    pub(crate) reservation_id: Uuid,
    pub(crate) from_status: Option<String>,
    pub(crate) to_status: String,
    pub(crate) cause: String,
    pub(crate) claim_epoch: i64,
    pub(crate) actor: String,
}

/// A fact in the outbox.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Fact {
    pub(crate) aggregate_id: Uuid,
    pub(crate) sequence: i64,
    pub(crate) event_type: String,
}

impl Fact {
    /// What a message of the broker says.
    pub(crate) fn told(message: &Read) -> Self {
        let event = message.json();
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        Self {
            aggregate_id: text("aggregateId").parse().unwrap(),
            sequence: event["sequence"].as_i64().unwrap(),
            event_type: text("eventType"),
        }
    }
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) reservations: Vec<Row>,
    pub(crate) calls: Vec<Call>,
    pub(crate) moves: Vec<Move>,
    pub(crate) facts: Vec<Fact>,
    /// The tasks that are remembered as waiting.
    pub(crate) waiting: Vec<String>,
    /// The worker ids of sessions that are over.
    pub(crate) dead: Vec<String>,
    /// The same, where nobody has had the time to see to what they left.
    pub(crate) unseen: Vec<String>,
    /// How many sessions count as alive.
    pub(crate) alive: i64,
    /// How many there have been.
    pub(crate) sessions: i64,
}

impl Rows {
    pub(crate) async fn read(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self {
            reservations: sqlx::query_as("select * from reservation order by created_at").fetch_all(pool).await?,
            calls: sqlx::query_as("select * from supplier_call order by started_at, sequence").fetch_all(pool).await?,
            moves: sqlx::query_as("select * from reservation_transition order by transition_id").fetch_all(pool).await?,
            facts: sqlx::query_as("select * from outbox order by outbox_id").fetch_all(pool).await?,
            waiting: sqlx::query_scalar("select task_id from engine_task where ended_at is null").fetch_all(pool).await?,
            dead: sqlx::query_scalar("select worker_id from worker_session where ended_at is not null or lease_until < clock_timestamp()")
                .fetch_all(pool)
                .await?,
            unseen: sqlx::query_scalar(
                "select worker_id from worker_session where coalesce(ended_at, lease_until) < clock_timestamp()
                and (ended_at is null or ended_at > clock_timestamp() - interval '2 seconds')",
            )
            .fetch_all(pool)
            .await?,
            alive: sqlx::query_scalar("select count(*) from worker_session where ended_at is null and lease_until > clock_timestamp()")
                .fetch_one(pool)
                .await?,
            sessions: sqlx::query_scalar("select count(*) from worker_session").fetch_one(pool).await?,
        })
    }
}

impl Row {
    /// It says that the inventory holds.
    pub(crate) fn says_held(&self) -> bool {
        matches!(self.status.as_str(), "RESERVED" | "CONFIRMED")
    }

    /// Nothing about it is open, and nothing is due soon.
    pub(crate) fn is_at_rest(&self, now: DateTime<Utc>) -> bool {
        let settled = matches!(self.status.as_str(), "RESERVED" | "CONFIRMED" | "REJECTED" | "RELEASED" | "EXPIRED");
        let later = self.next_check_at.is_none_or(|at| at > now + chrono::TimeDelta::minutes(10));
        settled && later && self.pending_operation.is_none() && self.open_call_id.is_none() && !self.release_wanted
    }
}
