//! An inventory that tells of its products on a topic of its own, the shop that reads it, and a judge of what came of that.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use toml::{Table, Value as Toml};
use uuid::Uuid;

use super::oracle::fold;
use super::shelf::{instant, products};
use crate::support::daemon::Process;
use crate::support::kafka::Topic;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// How long the daemon may take to read everything: a consumer that died is missed after six seconds.
pub(crate) const BY_ITSELF: Duration = Duration::from_secs(60);

/// The topic, the shop, and what was sent.
pub(crate) struct Feed {
    pub(crate) shop: Shop,
    pub(crate) topic: Topic,
    pub(crate) group: String,
    producer: FutureProducer,
    /// Every usable event that was sent, also those that were sent again.
    pub(crate) sent: Vec<Value>,
    /// Every message that was sent.
    messages: i64,
}

impl Feed {
    pub(crate) async fn open() -> Self {
        let (shop, topic) = tokio::join!(Shop::open(), Topic::fresh());
        let producer = ClientConfig::new().set("bootstrap.servers", &topic.brokers).set("linger.ms", "1").create().unwrap();
        Self { shop, topic, group: format!("tests-{}", Uuid::new_v4().simple()), producer, sent: Vec::new(), messages: 0 }
    }

    /// What a daemon is told, so that it reads the topic.
    pub(crate) fn settings(&self) -> Vec<(&'static str, Toml)> {
        let mut feed = Table::new();
        feed.insert("topic".to_owned(), self.topic.name.clone().into());
        feed.insert("source".to_owned(), "installed-base".into());
        let mut quick = Table::new();
        quick.insert("session.timeout.ms".to_owned(), "6000".into());
        vec![
            ("inventory_events.consume", true.into()),
            ("inventory_events.group", self.group.clone().into()),
            ("inventory_events.batch", 16.into()),
            ("inventory_events.feeds", Toml::Array(vec![feed.into()])),
            ("events.kafka.brokers", self.topic.brokers.clone().into()),
            ("events.kafka.properties", quick.into()),
        ]
    }

    /// Starts the real binary.
    pub(crate) async fn start(&self) -> Process {
        Process::start_with(&self.shop, &self.settings()).await
    }

    /// An event of this shop's tenant.
    pub(crate) fn event(&self, id: &str, second: i64, event_type: &str, product: Value) -> Value {
        json!({"eventId": id, "eventTime": instant(second), "eventType": event_type, "tenantId": self.shop.tenant(),
            "event": {"product": product}})
    }

    /// Sends messages as they are, each under a key.
    pub(crate) async fn send_raw(&mut self, messages: Vec<(String, Vec<u8>)>) {
        for (key, body) in &messages {
            let record = FutureRecord::to(&self.topic.name).key(key).payload(body);
            // Handed over in this order; the acknowledgements are waited for together.
            drop(self.producer.send_result(record).unwrap());
        }
        self.producer.flush(Duration::from_secs(30)).unwrap();
        self.messages += i64::try_from(messages.len()).unwrap();
    }

    /// Sends usable events, each under the key of its product.
    pub(crate) async fn send(&mut self, events: &[Value]) {
        let messages = events.iter().map(|event| (event["event"]["product"]["id"].to_string(), event.to_string().into_bytes())).collect();
        self.send_raw(messages).await;
        self.sent.extend_from_slice(events);
    }

    /// Sends the same events under keys that lead elsewhere, as a source that lost acknowledgements does.
    pub(crate) async fn send_elsewhere(&mut self, events: &[Value]) {
        let messages = events.iter().enumerate().map(|(at, event)| (format!("elsewhere-{at}"), event.to_string().into_bytes())).collect();
        self.send_raw(messages).await;
        self.sent.extend_from_slice(events);
    }

    /// How many messages were taken in so far.
    pub(crate) async fn taken_in(&self) -> i64 {
        sqlx::query_scalar("select coalesce(sum(next_offset), 0)::bigint from consumer_offset where consumer_group = $1")
            .bind(&self.group)
            .fetch_one(self.shop.database.pool())
            .await
            .unwrap()
    }

    /// Waits until every message was.
    pub(crate) async fn all_taken_in(&self) {
        until_true("every message is taken in", BY_ITSELF, async || self.taken_in().await == self.messages).await;
    }

    /// Where each partition stands: the next message, and how often work on it was begun.
    pub(crate) async fn places(&self) -> Vec<(i32, i64, i32)> {
        sqlx::query_as("select partition, next_offset, attempts from consumer_offset where consumer_group = $1 order by partition")
            .bind(&self.group)
            .fetch_all(self.shop.database.pool())
            .await
            .unwrap()
    }

    /// Makes the broker forget how far the group has read, as when its commits were lost.
    pub(crate) async fn lose_commits(&self) {
        let (brokers, group, topic) = (self.topic.brokers.clone(), self.group.clone(), self.topic.name.clone());
        tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &brokers).set("group.id", &group).create().unwrap();
            let mut places = TopicPartitionList::new();
            for number in 0..3 {
                places.add_partition_offset(&topic, number, Offset::Offset(0)).unwrap();
            }
            consumer.commit(&places, CommitMode::Sync).unwrap();
        })
        .await
        .unwrap();
    }

    /// The projection is the fold of the distinct events that were sent, each was taken in once, and the facts of each product are
    /// numbered without a gap, with one creation. `dead` messages could not be used.
    pub(crate) async fn judge(&self, dead: i64) {
        let pool = self.shop.database.pool();
        let tenant = Uuid::parse_str(self.shop.tenant()).unwrap();
        let found = products(pool, tenant).await;
        let wanted = fold(&self.sent);
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found, wanted);
        }
        assert_eq!(found.len(), wanted.len());

        let distinct: std::collections::BTreeSet<String> = self.sent.iter().map(|event| event["eventId"].to_string()).collect();
        let inbox: i64 = sqlx::query_scalar("select count(*) from inbox").fetch_one(pool).await.unwrap();
        assert_eq!(usize::try_from(inbox).unwrap(), distinct.len(), "each distinct event once");
        let facts: Vec<(Uuid, i64, String)> = sqlx::query_as(
            "select aggregate_id, sequence, event_type from outbox where aggregate_type = 'InventoryProductInstance' order by outbox_id",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        let mut by_product: BTreeMap<Uuid, Vec<(i64, &str)>> = BTreeMap::new();
        for (product, sequence, event_type) in &facts {
            by_product.entry(*product).or_default().push((*sequence, event_type));
        }
        for told in by_product.values() {
            let wanted: Vec<(i64, &str)> = (1..)
                .zip(told)
                .map(|(number, _)| {
                    (number, if number == 1 { "InventoryProductInstanceCreated" } else { "InventoryProductInstanceUpdated" })
                })
                .collect();
            assert_eq!(*told, wanted);
        }
        assert_eq!(by_product.len(), wanted.len());
        let letters: i64 = sqlx::query_scalar("select count(*) from dead_letter").fetch_one(pool).await.unwrap();
        let told: i64 =
            sqlx::query_scalar("select count(*) from outbox where aggregate_type = 'DeadLetter'").fetch_one(pool).await.unwrap();
        assert_eq!((letters, told), (dead, dead));
        println!(
            "{} messages, {} distinct events, {} products, {} facts of them, {letters} dead letters",
            self.messages,
            distinct.len(),
            found.len(),
            facts.len()
        );
    }
}

/// The lives of some products, out of order and with some events twice; the same for the same seed.
pub(crate) fn lives(feed: &Feed, name: &str, count: usize, seed: u64) -> Vec<Value> {
    let mut random = Random(seed);
    let mut events = Vec::new();
    for number in 0..count {
        let product = format!("{name}-{number}");
        let begun = i64::try_from(number).unwrap();
        let mut second = begun;
        let mut say = |event_type: &str, members: Value| {
            second += 7;
            let id = format!("{product}/{second}");
            let mut said = json!({"id": product});
            said.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            events.push(feed.event(&id, second, event_type, said));
        };
        say(
            "ProductCreateEvent",
            json!({"status": "created", "productOffering": {"id": format!("FIBRE-{number}")}, "productSpecification": {"id": "FIBRE"},
                "relatedParty": [{"id": format!("c-{}", number % 3), "role": "customer"}, {"id": "s-1", "role": "seller"}]}),
        );
        say("ProductStateChangeEvent", json!({"status": "pendingActive"}));
        say("ProductAttributeValueChangeEvent", json!({"startDate": instant(begun + 20), "name": "Fibre"}));
        say("ProductStateChangeEvent", json!({"status": "active"}));
        say("ProductAttributeValueChangeEvent", json!({"productOffering": {"id": format!("FIBRE-{number}-PLUS")}}));
        if number % 3 == 0 {
            say("ProductStateChangeEvent", json!({"status": "suspended"}));
            say("ProductStateChangeEvent", json!({"status": "terminated", "terminationDate": instant(begun + 50)}));
        }
    }
    let again: Vec<Value> = events.iter().filter(|_| random.below(3) == 0).cloned().collect();
    events.extend(again);
    // Neighbours change places, and some change them with strangers.
    for at in (1..events.len()).rev() {
        let other = if random.below(4) == 0 { random.below(at + 1) } else { at.saturating_sub(random.below(3)) };
        events.swap(at, other);
    }
    events
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}
