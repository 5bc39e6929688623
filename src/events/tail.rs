//! Reading a topic without a group: whoever looks leaves no trace at the broker.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use crate::events::KafkaConfig;
use crate::events::kafka::log_client;

/// How long the brokers may take to say what there is.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailFrom {
    /// At the oldest message that the broker keeps.
    Beginning,
    /// With what comes from now on.
    Now,
}

/// One message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailedMessage {
    /// In which partition.
    pub partition: i32,
    /// Where in it.
    pub offset: i64,
    /// What decided the partition.
    pub key: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub value: Vec<u8>,
}

/// Why a topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The client or the brokers say no.
    #[error("{doing} the topic `{topic}`")]
    Kafka {
        /// What was being done.
        doing: &'static str,
        /// The topic.
        topic: String,
        /// The cause.
        #[source]
        source: KafkaError,
    },
    /// There is no such topic.
    #[error("there is no topic `{0}` at these brokers")]
    NoTopic(String),
    /// The lookup was given up.
    #[error("looking for the topic was given up")]
    GivenUp,
}

/// The client's own complaints are not for the terminal.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        log_client(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = %error, reason, "the Kafka client complains");
    }
}

impl ConsumerContext for Quiet {}

/// A reader of one topic.
pub struct Tail {
    consumer: StreamConsumer<Quiet>,
    topic: String,
    partitions: usize,
    /// The ends of the partitions that are not reached yet, as they were at the beginning.
    ends: HashMap<i32, i64>,
}

impl Tail {
    /// Opens a topic.
    ///
    /// # Errors
    /// [`TailError`], if the brokers cannot be reached or do not know the topic.
    pub async fn open(kafka: &KafkaConfig, topic: &str, from: TailFrom) -> Result<Self, TailError> {
        let (kafka, topic) = (kafka.clone(), topic.to_owned());
        // The client answers these questions by waiting.
        tokio::task::spawn_blocking(move || Self::open_waiting(&kafka, topic, from)).await.map_err(|_| TailError::GivenUp)?
    }

    fn open_waiting(kafka: &KafkaConfig, topic: String, from: TailFrom) -> Result<Self, TailError> {
        let failed = |doing| {
            let topic = topic.clone();
            move |source| TailError::Kafka { doing, topic, source }
        };
        let mut config = kafka.client();
        // No group is ever joined, but the client insists on a name.
        config.set("group.id", "holdfast-tail").set("enable.auto.commit", "false").set("allow.auto.create.topics", "false");
        let consumer = StreamConsumer::from_config_and_context(&config, Quiet).map_err(failed("prepare to read"))?;
        // Of all topics: asked for one, rdkafka 0.39 lets go of its handle of the topic before it asks with it.
        let metadata = consumer.fetch_metadata(None, PATIENCE).map_err(failed("ask the brokers for"))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions: Vec<i32> = found.into_iter().flat_map(|found| found.partitions()).map(|partition| partition.id()).collect();
        if partitions.is_empty() {
            return Err(TailError::NoTopic(topic));
        }
        let (count, mut wanted) = (partitions.len(), TopicPartitionList::new());
        let mut ends = HashMap::new();
        for partition in partitions {
            let (oldest, end) = consumer.fetch_watermarks(&topic, partition, PATIENCE).map_err(failed("ask for the ends of"))?;
            let begin = match from {
                TailFrom::Beginning => oldest,
                TailFrom::Now => end,
            };
            wanted.add_partition_offset(&topic, partition, Offset::Offset(begin)).map_err(failed("begin to read"))?;
            if begin < end {
                ends.insert(partition, end);
            }
        }
        consumer.assign(&wanted).map_err(failed("begin to read"))?;
        Ok(Self { consumer, topic, partitions: count, ends })
    }

    /// How many partitions the topic has.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    /// Whether everything was read that was there when it was opened.
    #[must_use]
    pub fn is_at_the_end(&self) -> bool {
        self.ends.is_empty()
    }

    /// The next message, whenever it comes.
    ///
    /// # Errors
    /// [`TailError::Kafka`].
    pub async fn next(&mut self) -> Result<TailedMessage, TailError> {
        let received = self.consumer.recv().await;
        let message = received.map_err(|source| TailError::Kafka { doing: "read", topic: self.topic.clone(), source })?;
        let message = tailed(&message);
        if self.ends.get(&message.partition).is_some_and(|end| message.offset + 1 >= *end) {
            self.ends.remove(&message.partition);
        }
        Ok(message)
    }
}

fn tailed(message: &BorrowedMessage<'_>) -> TailedMessage {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let headers = message.headers().map(|headers| headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect());
    TailedMessage {
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key()),
        headers: headers.unwrap_or_default(),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}
