//! Messages that could not be used: kept with the reason, told to the dead-letter topic, tried again on request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, Postgres, Transaction};
use uuid::Uuid;

use crate::domain::TenantId;
use crate::store::answered::Answered as _;
use crate::store::offsets::Partition;
use crate::store::outbox::{DeadLetterHeaderPayload, DeadLetterPayload, NewFact};
use crate::store::pool::begin;
use crate::store::product_facts::json;
use crate::store::{Batch, Store, StoreError};

/// The longest message that is kept, in bytes; of a longer one only its place in the topic.
const LONGEST_KEPT: usize = 1_048_576;
/// The longest message that goes to the dead-letter topic, in bytes: as Base64 it still fits under a broker's usual limit.
const LONGEST_TOLD: usize = 524_288;
/// The namespace of dead letters' ids: a message dies once, however often its death is written down.
const NAMESPACE: Uuid = Uuid::from_u128(0x9a3e_1c58_27d4_5e0b_a1c6_4f70_83bd_65e2);

/// The tenant of messages whose tenant could not be read or is nobody who is served.
pub const NOBODY: TenantId = TenantId(Uuid::nil());

/// A message as it came from a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was read from.
    pub partition: Partition,
    /// Its place there.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its headers, as texts.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<Vec<u8>>,
}

/// Why a message cannot be used, now or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Whose it is; [`NOBODY`] where that is not known.
    pub tenant: TenantId,
    /// The event's id, as far as it could be read.
    pub event_id: Option<String>,
    /// A word for it, for metrics and filters.
    pub code: &'static str,
    /// What is wrong, in words.
    pub reason: String,
}

/// A dead letter as it is on record.
#[derive(Debug, Clone, FromRow)]
pub struct DeadLetter {
    /// Its id.
    pub dead_letter_id: Uuid,
    /// Whose it is; all zeros where that is not known.
    pub tenant_id: Uuid,
    /// The consumer group that could not use it.
    pub consumer_group: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Its place there.
    pub message_offset: i64,
    /// Its key.
    pub message_key: Option<Vec<u8>>,
    /// Its headers.
    #[sqlx(json)]
    pub headers_json: Vec<(String, String)>,
    /// Its body; nothing if it had none or was too long.
    pub message: Option<Vec<u8>>,
    /// How long the body was.
    pub message_bytes: i64,
    /// The event's id, as far as it could be read.
    pub event_id: Option<String>,
    /// A word for what is wrong.
    pub reason_code: String,
    /// What is wrong, in words.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was given up.
    pub died_at: DateTime<Utc>,
    /// When it was last tried again.
    pub retried_at: Option<DateTime<Utc>>,
    /// What came of that.
    pub retry_outcome: Option<String>,
}

impl DeadLetter {
    /// The message as it came; nothing if it was too long to keep.
    #[must_use]
    pub fn message(&self) -> Option<Message> {
        if self.message.is_none() && self.message_bytes > 0 {
            return None;
        }
        let partition = Partition { group: self.consumer_group.clone(), topic: self.topic.clone(), number: self.partition };
        Some(Message {
            partition,
            offset: self.message_offset,
            key: self.message_key.clone(),
            headers: self.headers_json.clone(),
            body: self.message.clone(),
        })
    }
}

/// Which dead letters are listed.
#[derive(Debug, Clone, Default)]
pub struct DeadLetterFilter {
    /// Only those that are not settled: that were not taken in, and not found to be nothing for us, when they were tried again.
    pub open_only: bool,
    /// Only those of one reason.
    pub reason_code: Option<String>,
    /// The most rows.
    pub limit: i64,
}

/// What tells a message from another one in the same place: a topic that was made anew numbers its messages from the beginning.
fn digest_of(message: &Message) -> Uuid {
    let mut whole = Vec::new();
    let mut part = |bytes: Option<&[u8]>| {
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        whole.extend_from_slice(&length.to_be_bytes());
        whole.extend_from_slice(bytes.unwrap_or_default());
    };
    part(message.key.as_deref());
    for (name, value) in &message.headers {
        part(Some(name.as_bytes()));
        part(Some(value.as_bytes()));
    }
    part(message.body.as_deref());
    Uuid::new_v5(&NAMESPACE, &whole)
}

/// Puts a dead letter on record, and the fact of it into the outbox; nothing if it is there already.
pub(crate) async fn put(
    tx: &mut Transaction<'static, Postgres>,
    batch: &Batch,
    message: &Message,
    why: &Unusable,
    now: DateTime<Utc>,
) -> Result<Option<NewFact>, StoreError> {
    // The other messages of a batch were begun with its first.
    let attempts = batch.attempts;
    let Partition { group, topic, number } = &message.partition;
    let digest = digest_of(message);
    let id = Uuid::new_v5(&NAMESPACE, format!("{}\n{group}\n{topic}\n{number}\n{}\n{digest}", why.tenant, message.offset).as_bytes());
    let length = message.body.as_ref().map_or(0, Vec::len);
    let kept = message.body.as_deref().filter(|body| body.len() <= LONGEST_KEPT);
    // A text column cannot hold a NUL, which a broken message may well bring along.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    let headers: Vec<_> = message.headers.iter().map(|(name, value)| (clean(name), clean(value))).collect();
    let event_id = why.event_id.as_deref().map(clean);
    let written = sqlx::query(
        "-- put_dead_letter
insert into dead_letter (dead_letter_id, tenant_id, consumer_group, topic, partition, message_offset, message_key, headers_json, message,
    message_bytes, event_id, reason_code, reason, attempts, died_at, message_digest)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
on conflict (dead_letter_id) do nothing",
    )
    .bind(id)
    .bind(why.tenant.0)
    .bind(group)
    .bind(topic)
    .bind(number)
    .bind(message.offset)
    .bind(&message.key)
    .bind(Json(&headers))
    .bind(kept)
    .bind(i64::try_from(length).unwrap_or(i64::MAX))
    .bind(&event_id)
    .bind(why.code)
    .bind(clean(&why.reason))
    .bind(attempts)
    .bind(now)
    .bind(digest)
    .execute(&mut **tx)
    .answered("put_dead_letter")
    .await?;
    if written.rows_affected() == 0 {
        return Ok(None);
    }
    let told = message.body.as_deref().filter(|body| body.len() <= LONGEST_TOLD);
    Ok(Some(NewFact {
        tenant: why.tenant,
        event_type: "InventoryEventDeadLettered",
        event_version: 1,
        aggregate_type: "DeadLetter",
        aggregate: id,
        sequence: 1,
        order: None,
        occurred_at: now,
        correlation_id: format!("{topic}/{number}/{}", message.offset),
        causation_id: event_id.clone().unwrap_or_else(|| format!("{topic}/{number}/{}", message.offset)),
        topic: Some(batch.dead_letter_topic.clone()),
        payload: json(&DeadLetterPayload {
            dead_letter_id: id,
            reason_code: why.code.to_owned(),
            reason: clean(&why.reason),
            attempts,
            consumer_group: group.clone(),
            topic: topic.clone(),
            partition: *number,
            offset: message.offset,
            event_id,
            key: message.key.as_ref().map(|key| STANDARD.encode(key)),
            headers: headers.into_iter().map(|(name, value)| DeadLetterHeaderPayload { name, value }).collect(),
            message_bytes: length as u64,
            message: told.map(|body| STANDARD.encode(body)),
        }),
    }))
}

/// A dead letter that is not settled: nobody has taken it in, nor found it to be nothing for us, when it was tried again.
macro_rules! is_open {
    () => {
        "coalesce(retry_outcome, '') not in ('taken_in', 'passed_over')"
    };
}

const LIST: &str = concat!(
    "-- list_dead_letters
select * from dead_letter
where (not $1 or ",
    is_open!(),
    ") and ($2::text is null or reason_code = $2)
order by died_at desc, dead_letter_id limit $3"
);
const LIST_OPEN_IDS: &str = concat!(
    "-- list_open_dead_letter_ids
select dead_letter_id from dead_letter
where ",
    is_open!(),
    " and reason_code = $1
order by died_at, dead_letter_id"
);

impl Store {
    /// Dead letters of these tenants, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_dead_letters(&self, tenants: &[TenantId], filter: &DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        let during = "list_dead_letters";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let rows = sqlx::query_as(LIST)
            .bind(filter.open_only)
            .bind(&filter.reason_code)
            .bind(filter.limit)
            .fetch_all(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await?;
        Ok(rows)
    }

    /// The ids of dead letters of these tenants and one reason that are not settled, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_open_dead_letter_ids(&self, tenants: &[TenantId], reason_code: &str) -> Result<Vec<Uuid>, StoreError> {
        let during = "list_open_dead_letter_ids";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let ids = sqlx::query_scalar(LIST_OPEN_IDS).bind(reason_code).fetch_all(&mut *tx).answered(during).await?;
        tx.commit().answered(during).await?;
        Ok(ids)
    }

    /// One dead letter of these tenants.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn get_dead_letter(&self, tenants: &[TenantId], id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let during = "get_dead_letter";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let row = sqlx::query_as("-- get_dead_letter\nselect * from dead_letter where dead_letter_id = $1")
            .bind(id)
            .fetch_optional(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await?;
        Ok(row)
    }
}

/// Writes down what came of trying a dead letter again.
pub(crate) async fn mark_retried(
    tx: &mut Transaction<'static, Postgres>,
    id: Uuid,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "-- mark_retried\nupdate dead_letter set retried_at = $2, retry_outcome = $3, attempts = attempts + 1 where dead_letter_id = $1",
    )
    .bind(id)
    .bind(now)
    .bind(outcome)
    .execute(&mut **tx)
    .answered("mark_retried")
    .await
    .map(drop)
}
