//! Writing a fact of any aggregate in the transaction that makes it true.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::domain::{OrderId, TenantId};
use crate::store::StoreError;
use crate::store::answered::Answered as _;
use crate::store::outbox::fact::event_id_of;

/// A fact that has just become true.
#[derive(Debug, Clone)]
pub struct NewFact {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its type, in the past tense, such as `AvailabilityEvidenceCreated`.
    pub event_type: &'static str,
    /// The version of its schema, from 1.
    pub event_version: i32,
    /// What it is about, such as `AvailabilityEvidence`.
    pub aggregate_type: &'static str,
    /// Which one.
    pub aggregate: Uuid,
    /// Counts the facts of this aggregate from 1, without gaps: whoever writes holds the lock on the aggregate's row, or the fact is
    /// the first. A number that is taken is refused by the database.
    pub sequence: i64,
    /// The order that it belongs to, if any: by default the key under which it is sent.
    pub order: Option<OrderId>,
    /// When it became true.
    pub occurred_at: DateTime<Utc>,
    /// What belongs together, such as `order-…`.
    pub correlation_id: String,
    /// What caused it, such as `call-…`.
    pub causation_id: String,
    /// What it says.
    pub payload: Value,
    /// Another topic than the configured one. A message that could not be read goes out this way, too: its aggregate is the message
    /// itself, under an id of its own and with sequence 1.
    pub topic: Option<String>,
}

/// One row of the outbox, as the statement takes it.
#[derive(Serialize)]
struct Row<'a> {
    event_id: Uuid,
    tenant_id: Uuid,
    event_type: &'static str,
    event_version: i32,
    aggregate_type: &'static str,
    aggregate_id: Uuid,
    sequence: i64,
    order_id: Option<Uuid>,
    occurred_at: DateTime<Utc>,
    correlation_id: &'a str,
    causation_id: &'a str,
    payload: &'a Value,
    topic: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(fact: &'a NewFact) -> Self {
        Self {
            event_id: event_id_of(fact.aggregate, fact.sequence).0,
            tenant_id: fact.tenant.0,
            event_type: fact.event_type,
            event_version: fact.event_version,
            aggregate_type: fact.aggregate_type,
            aggregate_id: fact.aggregate,
            sequence: fact.sequence,
            order_id: fact.order.map(|order| order.0),
            occurred_at: fact.occurred_at,
            correlation_id: &fact.correlation_id,
            causation_id: &fact.causation_id,
            payload: &fact.payload,
            topic: fact.topic.as_deref(),
        }
    }
}

const PUT_FACTS: &str = "\
-- put_facts
with facts as (
    select f.* from rows from (jsonb_to_recordset($1) as (
        event_id uuid, tenant_id uuid, event_type text, event_version integer, aggregate_type text, aggregate_id uuid, sequence bigint,
        order_id uuid, occurred_at timestamptz, correlation_id text, causation_id text, payload jsonb, topic text
    )) with ordinality as f(event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at,
        correlation_id, causation_id, payload, topic, position)
), known as (
    insert into tenant (tenant_id, first_seen_at)
    select tenant_id, min(occurred_at) from facts f where not exists (select from tenant t where t.tenant_id = f.tenant_id)
    group by tenant_id order by tenant_id
    on conflict do nothing
)
insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at,
    correlation_id, causation_id, payload, topic)
select event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id, occurred_at, correlation_id,
    causation_id, payload, topic
from facts order by position";

/// Writes facts, in this order, in a transaction that has named their tenants. The event id of each follows from its aggregate and
/// sequence. Once the transaction is committed, call [`Store::outbox_was_written`](crate::store::Store::outbox_was_written), so that
/// they need not wait for the relay's next look.
///
/// # Errors
/// [`StoreError::Refused`] for a sequence that is taken; else as the database says.
pub(crate) async fn put_facts(tx: &mut Transaction<'static, Postgres>, facts: &[NewFact]) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row<'_>> = facts.iter().map(Row::of).collect();
    sqlx::query(PUT_FACTS).bind(Json(rows)).execute(&mut **tx).answered("put_facts").await.map(drop)
}
