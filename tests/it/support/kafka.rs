//! The stack's broker as a test sees it: a topic of its own, and everything that is in it.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value as JsonValue;
use uuid::Uuid;

use super::engine::variable_or;
use super::tear_down::on_a_thread;

/// How long the broker may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
const PARTITIONS: i32 = 3;

/// The stack's broker.
pub(crate) fn brokers() -> String {
    format!("127.0.0.1:{}", variable_or("HOLDFAST_KAFKA_PORT", "29092"))
}

/// A topic that only this test uses; it is deleted when it is dropped.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) brokers: String,
}

/// One message, as the broker keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) value: Vec<u8>,
}

impl Read {
    /// The value, as JSON.
    pub(crate) fn json(&self) -> JsonValue {
        serde_json::from_slice(&self.value).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl Topic {
    /// Makes one on the stack's broker.
    pub(crate) async fn fresh() -> Self {
        Self::fresh_on(&brokers(), &[]).await
    }

    /// Makes one on other brokers, with these properties.
    pub(crate) async fn fresh_on(brokers: &str, properties: &[(&str, &str)]) -> Self {
        let topic = Self::missing_on(brokers);
        topic.make(properties).await;
        topic
    }

    /// One that is not there until it is made, on brokers that make none by themselves.
    pub(crate) fn missing_on(brokers: &str) -> Self {
        Self { name: format!("holdfast-test-{}", Uuid::new_v4().simple()), brokers: brokers.to_owned() }
    }

    /// Makes it, with these properties.
    pub(crate) async fn make(&self, properties: &[(&str, &str)]) {
        let new = properties
            .iter()
            .fold(NewTopic::new(&self.name, PARTITIONS, TopicReplication::Fixed(1)), |new, (name, value)| new.set(name, value));
        let made = admin(&self.brokers).create_topics(&[new], &AdminOptions::new().operation_timeout(Some(PATIENCE))).await.unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}; is the stack's broker up (`stack/up kafka`)?");
    }

    /// Everything that is in it, in the order of its partitions.
    pub(crate) async fn read(&self) -> Vec<Read> {
        let (brokers, name) = (self.brokers.clone(), self.name.clone());
        tokio::task::spawn_blocking(move || read_all(&brokers, &name)).await.unwrap()
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        let (name, brokers) = (std::mem::take(&mut self.name), self.brokers.clone());
        on_a_thread(async move {
            let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(3)));
            let _ = admin(&brokers).delete_topics(&[&name], &options).await;
        });
    }
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

fn read_all(brokers: &str, topic: &str) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "holdfast-tests")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut wanted = TopicPartitionList::new();
    let mut ends = Vec::new();
    for partition in 0..PARTITIONS {
        let (from, to) = consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap();
        wanted.add_partition_offset(topic, partition, Offset::Offset(from)).unwrap();
        ends.push(to);
    }
    consumer.assign(&wanted).unwrap();
    let mut found = Vec::new();
    let mut open: Vec<i32> = (0..PARTITIONS).filter(|partition| ends[*partition as usize] > 0).collect();
    while !open.is_empty() {
        match consumer.poll(PATIENCE).expect("the broker says something") {
            Ok(message) => {
                if message.offset() < ends[message.partition() as usize] {
                    found.push(read_of(&message));
                }
                if message.offset() + 1 >= ends[message.partition() as usize] {
                    open.retain(|partition| *partition != message.partition());
                }
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(partition)) => open.retain(|other| *other != partition),
            Err(error) => panic!("read {topic}: {error}"),
        }
    }
    found.sort_by_key(|read| (read.partition, read.offset));
    found
}

fn read_of(message: &rdkafka::message::BorrowedMessage<'_>) -> Read {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).unwrap_or_default();
    Read {
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key()),
        headers: message
            .headers()
            .map(|headers| headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect())
            .unwrap_or_default(),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}
