//! Taking events in: the inbox row, what the event changes, the facts of it and the partition's offset, in one transaction.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::domain::{CustomerProductId, ProductChange, ProductEvent, ProductRecord, SourceName, TenantId};
use crate::fault_points::fault_point;
use crate::store::answered::Answered as _;
use crate::store::dead_letters::{self, DeadLetter, Message, Unusable};
use crate::store::offsets::{self, Partition};
use crate::store::outbox::{NewFact, put_facts};
use crate::store::pool::begin;
use crate::store::product_facts::fact_of_product;
use crate::store::products::{self, HeldProduct, ProductKey};
use crate::store::tenants::distinct;
use crate::store::{Store, StoreError};

/// An event that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct InventoryEvent {
    /// Whose it is.
    pub tenant: TenantId,
    /// Who sent it.
    pub source: SourceName,
    /// Which product it speaks of.
    pub product: CustomerProductId,
    /// What others know the matter by, where the event says so.
    pub correlation: Option<String>,
    /// What it says.
    pub change: ProductEvent<Value>,
}

/// What a message is, once it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An event about a product.
    Event(Box<InventoryEvent>),
    /// Nothing that is meant for us.
    PassedOver,
    /// Something that cannot be used.
    Unusable(Unusable),
}

/// One message of a batch.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// As it came.
    pub message: Message,
    /// As it was read.
    pub content: Content,
}

/// Messages of one partition, in their order.
#[derive(Debug)]
pub struct Batch {
    /// Where they were read from.
    pub partition: Partition,
    /// Where the partition stands.
    pub expected: i64,
    /// Where it stands once they are taken in.
    pub next: i64,
    /// How often the first of them was begun.
    pub attempts: i32,
    /// The topic on which others are told of messages that cannot be used.
    pub dead_letter_topic: String,
    /// The messages.
    pub deliveries: Vec<Delivery>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Taken {
    /// A product is new in the projection.
    Created,
    /// A product is different now.
    Updated,
    /// A product is known to be as it was for longer.
    SaidAgain,
    /// Newer events had said everything that it says.
    Late,
    /// Kept until the rest of the product is known.
    Incomplete,
    /// It had been taken in before.
    Duplicate,
    /// Not meant for us.
    PassedOver,
    /// On record as a dead letter.
    Dead(&'static str),
}

impl Taken {
    /// A word for it, for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::SaidAgain => "said_again",
            Self::Late => "late",
            Self::Incomplete => "incomplete",
            Self::Duplicate => "duplicate",
            Self::PassedOver => "passed_over",
            Self::Dead(_) => "dead",
        }
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenIn {
    /// It is taken in, message by message.
    Done(Vec<Taken>),
    /// Somebody else has moved the partition: nothing was written.
    Fenced,
}

impl Store {
    /// Takes a batch in, whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::UnreadableProduct`]; nothing is written then.
    pub async fn take_in(&self, batch: &Batch, now: DateTime<Utc>) -> Result<TakenIn, StoreError> {
        let during = "inbox/take_in";
        let tenants = tenants_of(&batch.deliveries);
        let mut tx = begin(&self.pool, during, &tenants).await?;
        let taken = take(&mut tx, batch, now).await?;
        if !offsets::advance(&mut tx, &batch.partition, batch.expected, batch.next, now).await? {
            tx.rollback().answered(during).await?;
            return Ok(TakenIn::Fenced);
        }
        fault_point!("inbox.written");
        tx.commit().answered(during).await?;
        fault_point!("inbox.committed");
        self.outbox_was_written();
        Ok(TakenIn::Done(taken))
    }

    /// Tries a dead letter again, now that it was read anew; writes down what came of it.
    ///
    /// # Errors
    /// As [`Store::take_in`].
    pub async fn take_in_dead_letter(&self, letter: &DeadLetter, content: &Content, now: DateTime<Utc>) -> Result<Taken, StoreError> {
        let during = "inbox/retry";
        let mut tenants = vec![TenantId(letter.tenant_id)];
        let taken = match content {
            Content::Event(event) => {
                if event.tenant != tenants[0] {
                    tenants.push(event.tenant);
                }
                let mut tx = begin(&self.pool, during, &tenants).await?;
                let mut work = Work::default();
                work.take_events(&mut tx, &[(0, event.as_ref())], now).await?;
                let taken = match work.unusable.remove(&0) {
                    Some(why) => Taken::Dead(why.code),
                    None => work.taken.get(&0).copied().unwrap_or(Taken::Duplicate),
                };
                let outcome = if let Taken::Dead(code) = taken { code } else { "taken_in" };
                put_tenants(&mut tx, &[event.tenant], now).await?;
                put_facts(&mut tx, &work.facts).await?;
                dead_letters::mark_retried(&mut tx, letter.dead_letter_id, outcome, now).await?;
                tx.commit().answered(during).await?;
                self.outbox_was_written();
                return Ok(taken);
            }
            Content::PassedOver => Taken::PassedOver,
            Content::Unusable(why) => Taken::Dead(why.code),
        };
        let mut tx = begin(&self.pool, during, &tenants).await?;
        let outcome = if let Taken::Dead(code) = taken { code } else { "passed_over" };
        dead_letters::mark_retried(&mut tx, letter.dead_letter_id, outcome, now).await?;
        tx.commit().answered(during).await?;
        Ok(taken)
    }
}

fn tenants_of(deliveries: &[Delivery]) -> Vec<TenantId> {
    distinct(deliveries.iter().filter_map(|delivery| match &delivery.content {
        Content::Event(event) => Some(event.tenant),
        Content::Unusable(why) => Some(why.tenant),
        Content::PassedOver => None,
    }))
}

async fn take(tx: &mut Transaction<'static, Postgres>, batch: &Batch, now: DateTime<Utc>) -> Result<Vec<Taken>, StoreError> {
    let deliveries = &batch.deliveries;
    let mut work = Work::default();
    let events: Vec<(usize, &InventoryEvent)> = deliveries
        .iter()
        .enumerate()
        .filter_map(|(at, delivery)| match &delivery.content {
            Content::Event(event) => Some((at, event.as_ref())),
            Content::PassedOver | Content::Unusable(_) => None,
        })
        .collect();
    if !events.is_empty() {
        work.take_events(tx, &events, now).await?;
    }
    let mut taken = Vec::with_capacity(deliveries.len());
    for (at, delivery) in deliveries.iter().enumerate() {
        let why = match &delivery.content {
            Content::Unusable(why) => Some(why.clone()),
            Content::Event(_) | Content::PassedOver => work.unusable.remove(&at),
        };
        taken.push(match why {
            Some(why) => {
                work.facts.extend(dead_letters::put(tx, batch, &delivery.message, &why, now).await?);
                fault_point!("inbox.dead_written");
                Taken::Dead(why.code)
            }
            None => work.taken.get(&at).copied().unwrap_or(Taken::PassedOver),
        });
    }
    put_tenants(tx, &tenants_of(deliveries), now).await?;
    put_facts(tx, &work.facts).await?;
    Ok(taken)
}

/// What a transaction has found out so far; messages are named by their position in the batch.
#[derive(Default)]
struct Work {
    taken: HashMap<usize, Taken>,
    unusable: HashMap<usize, Unusable>,
    facts: Vec<NewFact>,
}

impl Work {
    /// Takes events in, in their order.
    async fn take_events(
        &mut self,
        tx: &mut Transaction<'static, Postgres>,
        events: &[(usize, &InventoryEvent)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let during = "inbox/take_in";
        let mut keys: Vec<ProductKey> = events.iter().map(|(_, event)| (event.tenant, event.product.clone())).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut products = products::load(tx, &keys, during).await?;
        let mut usable = Vec::with_capacity(events.len());
        for (at, event) in events {
            let key = (event.tenant, event.product.clone());
            let held = products.entry(key).or_insert_with(|| HeldProduct {
                source: event.source.clone(),
                record: ProductRecord::default(),
                sequence: None,
                touched: false,
            });
            if held.source == event.source {
                usable.push((*at, *event));
            } else {
                self.unusable.insert(*at, other_source(event, &held.source));
            }
        }
        let mut fresh = put_inbox(tx, &usable, now).await?;
        fault_point!("inbox.deduplicated");
        for (at, event) in usable {
            // Of the same event twice in one batch, the first is the fresh one.
            if !fresh.remove(&inbox_key(event)) {
                self.taken.insert(at, Taken::Duplicate);
                continue;
            }
            let key = (event.tenant, event.product.clone());
            if let Some(held) = products.get_mut(&key) {
                let taken = self.hear(&key, held, event, now)?;
                self.taken.insert(at, taken);
            }
        }
        products::write(tx, &products, now, during).await?;
        fault_point!("inbox.applied");
        Ok(())
    }

    fn hear(&mut self, key: &ProductKey, held: &mut HeldProduct, event: &InventoryEvent, now: DateTime<Utc>) -> Result<Taken, StoreError> {
        let change = held.record.hear(event.change.clone());
        held.touched |= change != ProductChange::Nothing;
        let known = held.sequence.is_some();
        Ok(match change {
            ProductChange::Nothing => Taken::Late,
            _ if !held.record.is_complete() => Taken::Incomplete,
            ProductChange::SaidAgain if known => Taken::SaidAgain,
            ProductChange::SaidAgain | ProductChange::Altered => {
                self.facts.push(fact_of_product(key, held, event, now)?);
                if known { Taken::Updated } else { Taken::Created }
            }
        })
    }
}

/// One product has one source: two that speak of the same id do not mean the same thing.
fn other_source(event: &InventoryEvent, held_by: &SourceName) -> Unusable {
    Unusable {
        tenant: event.tenant,
        event_id: Some(event.change.stamp.event.as_str().to_owned()),
        code: "other_source",
        reason: format!("product `{}` is known from the source `{held_by}`, this event is from `{}`", event.product, event.source),
    }
}

fn inbox_key(event: &InventoryEvent) -> (Uuid, String, String) {
    (event.tenant.0, event.source.as_str().to_owned(), event.change.stamp.event.as_str().to_owned())
}

/// Writes the inbox rows; those that were not there before.
async fn put_inbox(
    tx: &mut Transaction<'static, Postgres>,
    events: &[(usize, &InventoryEvent)],
    now: DateTime<Utc>,
) -> Result<HashSet<(Uuid, String, String)>, StoreError> {
    let rows: Vec<_> = events.iter().map(|(_, event)| inbox_key(event)).collect();
    let fresh: Vec<(Uuid, String, String)> = sqlx::query_as(
        "-- put_inbox
insert into inbox (tenant_id, source_system, event_id, received_at)
select (e ->> 0)::uuid, e ->> 1, e ->> 2, $2 from jsonb_array_elements($1) as e
on conflict (tenant_id, source_system, event_id) do nothing
returning tenant_id, source_system, event_id",
    )
    .bind(Json(&rows))
    .bind(now)
    .fetch_all(&mut **tx)
    .answered("inbox/take_in")
    .await?;
    Ok(fresh.into_iter().collect())
}

/// Tenants that are heard of for the first time are put on record, so that loops without a caller look at their rows: also
/// nobody, whose dead letters are to be told and pruned like any others.
async fn put_tenants(tx: &mut Transaction<'static, Postgres>, tenants: &[TenantId], now: DateTime<Utc>) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.0).collect();
    sqlx::query(
        "-- put_tenants
insert into tenant (tenant_id, first_seen_at) select id, $2 from unnest($1::uuid[]) as id
where not exists (select from tenant t where t.tenant_id = id) order by id
on conflict (tenant_id) do nothing",
    )
    .bind(ids)
    .bind(now)
    .execute(&mut **tx)
    .answered("inbox/take_in")
    .await
    .map(drop)
}
