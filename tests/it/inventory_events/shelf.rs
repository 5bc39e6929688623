//! A database of a test's own, the store on it, and what stands in its tables.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use holdfast::domain::TenantId;
use holdfast::events::{FeedConfig, OrderBy, Reader};
use holdfast::store::{Batch, DeadLetter, Delivery, Message, Partition, Store, Taken, TakenIn};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::oracle::Product;
use crate::support::database::Database;

/// The topic of the tests that need no broker.
pub(crate) const TOPIC: &str = "products";

/// A store, a tenant, and a reader of one feed.
pub(crate) struct Shelf {
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
    pub(crate) reader: Reader,
}

impl Shelf {
    pub(crate) async fn fresh() -> Self {
        let database = Database::fresh().await;
        let store = connect(&database).await;
        Self { database, store, tenant: TenantId(Uuid::new_v4()), reader: reader_by(OrderBy::EventTime) }
    }

    /// A message with this event.
    pub(crate) fn message(&self, offset: i64, event: &Value) -> Message {
        Message { partition: partition(0), offset, key: None, headers: Vec::new(), body: Some(event.to_string().into_bytes()) }
    }

    /// An event of this shelf's tenant.
    pub(crate) fn event(&self, id: &str, second: i64, product: Value) -> Value {
        json!({"eventId": id, "eventTime": instant(second), "eventType": "ProductAttributeValueChangeEvent",
            "tenantId": self.tenant.to_string(), "event": {"product": product}})
    }

    /// Takes messages in as the next ones of their partition.
    pub(crate) async fn take_in(&self, expected: i64, messages: Vec<Message>) -> TakenIn {
        let next = messages.last().unwrap().offset + 1;
        let deliveries: Vec<Delivery> =
            messages.into_iter().map(|message| Delivery { content: self.reader.read(&message, now()).content, message }).collect();
        let batch = Batch { partition: partition(0), expected, next, attempts: 1, dead_letter_topic: "dead".to_owned(), deliveries };
        self.store.take_in(&batch, now()).await.unwrap()
    }

    /// The same for events, from the partition's beginning.
    pub(crate) async fn take_in_first(&self, events: &[Value]) -> Vec<Taken> {
        self.store.open_partition(&partition(0), 0, now()).await.unwrap();
        let messages = (0..).zip(events).map(|(offset, event)| self.message(offset, event)).collect();
        done(self.take_in(0, messages).await)
    }

    /// Tries a dead letter again.
    pub(crate) async fn retry(&self, letter: &DeadLetter) -> Taken {
        let content = self.reader.read(&letter.message().unwrap(), now()).content;
        self.store.take_in_dead_letter(letter, &content, now()).await.unwrap()
    }

    /// The projection as it stands.
    pub(crate) async fn products(&self) -> Vec<Product> {
        products(self.database.pool(), self.tenant.0).await
    }

    /// The facts of an aggregate type: type and sequence, in the order in which they were told.
    pub(crate) async fn facts(&self, aggregate_type: &str) -> Vec<(String, i64)> {
        sqlx::query_as("select event_type, sequence from outbox where aggregate_type = $1 order by outbox_id")
            .bind(aggregate_type)
            .fetch_all(self.database.pool())
            .await
            .unwrap()
    }
}

/// A reader of two feeds that are ordered by this.
pub(crate) fn reader_by(order_by: OrderBy) -> Reader {
    let feed = FeedConfig {
        topic: TOPIC.to_owned(),
        source: "main".to_owned(),
        order_by,
        customer_role: "customer".to_owned(),
        tenant: String::new(),
    };
    let other = FeedConfig { topic: "others".to_owned(), source: "other".to_owned(), ..feed.clone() };
    Reader::new(&[feed, other], Vec::new())
}

/// What became of a batch that was taken in.
pub(crate) fn done(taken: TakenIn) -> Vec<Taken> {
    match taken {
        TakenIn::Done(taken) => taken,
        TakenIn::Fenced => panic!("somebody else has moved the partition"),
    }
}

/// A store under a session of its own.
pub(crate) async fn connect(database: &Database) -> Store {
    Store::connect(&database.store_options()).await.unwrap()
}

/// The rows of one tenant, in the order of their names.
pub(crate) async fn products(pool: &PgPool, tenant: Uuid) -> Vec<Product> {
    sqlx::query_as(
        "select customer_product_id as id, customer_id as customer, product_offering_id as offering, product_spec_id as specification, status,
             activation_date as activated_at, termination_date as terminated_at, payload_json as members
         from customer_product_projection where tenant_id = $1 order by customer_product_id",
    )
    .bind(tenant)
    .fetch_all(pool)
    .await
    .unwrap()
}

pub(crate) fn partition(number: i32) -> Partition {
    Partition { group: "tests".to_owned(), topic: TOPIC.to_owned(), number }
}

/// An instant of the past, by its second.
pub(crate) fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap() + TimeDelta::seconds(second)
}

/// The time that the tests pass in: later than all their events.
pub(crate) fn now() -> DateTime<Utc> {
    (instant(0) + TimeDelta::hours(10)).trunc_subsecs(6)
}
