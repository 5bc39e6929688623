//! The Kafka client of the consumer: who has which partition is the group's decision, where to go on is ours.

use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::Notify;

use crate::events::KafkaConfig;
use crate::events::kafka::log_client;
use crate::events::partitions::{Partitions, SAYS_EVERY_MS};
use crate::store::{Message, Partition};

/// What has changed since somebody last looked.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The partitions that were had until now are somebody else's, or nobody's.
    pub(crate) revoked: bool,
    /// These are to be read, from where the database says.
    pub(crate) assigned: Option<Vec<i32>>,
    /// What the client has complained of.
    pub(crate) complaint: Option<String>,
}

/// Hears what the client has to say while it is polled.
#[derive(Debug, Default)]
pub(crate) struct Context {
    news: Mutex<News>,
    changed: Notify,
    partitions: Partitions,
}

impl Context {
    /// What has changed; it is told once.
    pub(crate) fn take(&self) -> News {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns once something has.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many partitions the topic has, as far as the client knows.
    pub(crate) fn partitions(&self, topic: &str) -> Option<i32> {
        self.partitions.count(topic)
    }

    fn tell(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_client(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = %error, reason, "the Kafka client complains");
        self.tell(|news| news.complaint = Some(reason.to_owned()));
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.partitions.learn(statistics);
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // Nothing is assigned here: the loop asks the database first where each partition stands.
            let numbers = partitions.elements().iter().map(|partition| partition.partition()).collect();
            self.tell(|news| news.assigned = Some(numbers));
            return;
        }
        if let Err(error) = consumer.unassign() {
            tracing::warn!(error = %error, "partitions could not be let go of");
        }
        self.tell(|news| {
            news.revoked = true;
            news.assigned = None;
        });
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            // Only a hint was lost: where to go on stands in the database.
            tracing::debug!(error = %error, "the broker did not note how far the topic was read");
        }
    }
}

/// Makes the client and joins the group.
///
/// # Errors
/// The client's word on a property that it does not know or that does not fit.
pub(crate) fn join(kafka: &KafkaConfig, group: &str, topic: &str) -> KafkaResult<StreamConsumer<Context>> {
    let mut config = kafka.client();
    for (name, value) in [
        // A consumer that died is missed after ten seconds, not after the client's usual forty-five.
        ("session.timeout.ms", "10000"),
        ("heartbeat.interval.ms", "2000"),
    ] {
        if !kafka.properties.contains_key(name) {
            config.set(name, value);
        }
    }
    config
        .set("group.id", group)
        .set("statistics.interval.ms", SAYS_EVERY_MS)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("partition.assignment.strategy", "range")
        // Where the broker no longer has what the database names, the oldest that it has.
        .set("auto.offset.reset", "earliest");
    let client: StreamConsumer<Context> = config.create_with_context(Context::default())?;
    client.subscribe(&[topic])?;
    Ok(client)
}

/// A message as the store keeps it.
pub(crate) fn message_of(message: &BorrowedMessage<'_>, group: &str) -> Message {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(text).unwrap_or_default())).collect::<Vec<_>>()
    });
    Message {
        partition: Partition { group: group.to_owned(), topic: message.topic().to_owned(), number: message.partition() },
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
        body: message.payload().map(<[u8]>::to_vec),
    }
}
