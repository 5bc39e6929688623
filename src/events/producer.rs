//! The way to the broker: an idempotent producer that never gives a message up by itself, and what a refusal means.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

use crate::events::kafka::log_client;
use crate::events::partitions::{Partitions, SAYS_EVERY_MS};
use crate::events::{KafkaConfig, Message};

/// Why the broker did not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This message never left: it is larger than we may send.
    TooLarge(String),
    /// The broker will not take it as it was sent. It names no culprit where several messages went together.
    Unacceptable(String),
    /// Not now: another attempt may succeed.
    Later(String),
    /// The producer is of no further use; another one must be made.
    Broken(String),
}

/// What the client has last said of its brokers.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    complaint: Arc<Mutex<Option<String>>>,
    partitions: Partitions,
}

impl Connection {
    /// What is wrong; nothing if all is well as far as is known.
    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, complaint: Option<String>) {
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = complaint;
    }
}

impl ClientContext for Connection {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_client(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = %error, reason, "the Kafka client complains");
        self.set(Some(reason.to_owned()));
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.partitions.learn(statistics);
    }
}

/// Sends messages to the brokers.
pub struct Producer {
    inner: Option<FutureProducer<Connection>>,
    connection: Connection,
}

impl Producer {
    /// Makes one. It connects by itself, and again whenever it must.
    ///
    /// # Errors
    /// The client's word on a property that it does not know or that does not fit.
    pub fn new(kafka: &KafkaConfig) -> Result<Self, KafkaError> {
        let mut config = kafka.client();
        if !kafka.properties.contains_key("linger.ms") && !kafka.properties.contains_key("queue.buffering.max.ms") {
            // What is read together is handed over within a millisecond: waiting longer gathers nothing more.
            config.set("linger.ms", "1");
        }
        config
            // In order and once, as far as one producer's life goes; this includes acks=all.
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // The partition that a Java producer chooses for the same key.
            .set("partitioner", "murmur2_random")
            // A message that is given up while the next one goes through is a gap. None is given up: it waits for the broker.
            .set("message.timeout.ms", "0")
            .set("statistics.interval.ms", SAYS_EVERY_MS);
        let connection = Connection::default();
        let inner = FutureProducer::from_config_and_context(&config, connection.clone())?;
        Ok(Self { inner: Some(inner), connection })
    }

    /// What is wrong with the connection, as far as is known.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        self.connection.complaint()
    }

    /// The partition to which a message with this key goes, if that is known by now.
    #[must_use]
    pub fn partition(&self, topic: &str, key: &str) -> Option<i32> {
        self.connection.partitions.of(topic, key)
    }

    /// Hands a message over; the future says whether the broker took it.
    ///
    /// # Errors
    /// A refusal of the client itself, before anything was sent.
    pub fn send(&self, message: &Message) -> Result<impl Future<Output = Result<(), Refusal>> + Send + use<>, Refusal> {
        let Some(inner) = &self.inner else { return Err(Refusal::Broken("the producer is closed".to_owned())) };
        let headers = message.headers.iter().fold(OwnedHeaders::new_with_capacity(message.headers.len()), |headers, (name, value)| {
            headers.insert(Header { key: name, value: Some(value.as_str()) })
        });
        let record = FutureRecord::to(&message.topic).key(&message.key).payload(&message.value).headers(headers);
        let delivery = inner.send_result(record).map_err(|(error, _)| match refusal(&error) {
            Refusal::Unacceptable(why) => Refusal::TooLarge(why),
            refusal => refusal,
        })?;
        let connection = self.connection.clone();
        Ok(async move {
            match delivery.await {
                Ok(Ok(_)) => {
                    connection.set(None);
                    Ok(())
                }
                Ok(Err((error, _))) => Err(refusal(&error)),
                Err(_) => Err(Refusal::Broken("the producer was closed".to_owned())),
            }
        })
    }

    /// Gives up what is on its way and ends the client, which may take half a second.
    pub async fn close(mut self) {
        if let Some(inner) = self.inner.take() {
            // It waits for its thread.
            drop(tokio::task::spawn_blocking(move || drop(inner)).await);
        }
    }

    /// Whether the client has met an error after which it sends nothing any more.
    #[must_use]
    pub fn is_broken(&self) -> Option<String> {
        self.inner.as_ref()?.client().fatal_error().map(|(code, why)| format!("{code}: {why}"))
    }
}

/// What an error of the client means for the message.
fn refusal(error: &KafkaError) -> Refusal {
    use RDKafkaErrorCode as Code;
    let why = error.to_string();
    match error.rdkafka_error_code() {
        Some(
            Code::MessageSizeTooLarge
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::MessageBatchTooLarge
            | Code::InvalidTimestamp
            | Code::InvalidRecord
            | Code::UnsupportedForMessageFormat
            | Code::PolicyViolation,
        ) => Refusal::Unacceptable(why),
        Some(
            Code::Fatal
            | Code::PurgeQueue
            | Code::PurgeInflight
            | Code::OutOfOrderSequenceNumber
            | Code::UnknownProducerId
            | Code::InvalidProducerEpoch
            | Code::ProducerFenced
            | Code::Fenced
            | Code::GaplessGuarantee,
        ) => Refusal::Broken(why),
        _ => Refusal::Later(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_attempt_can_change_is_refused_for_good() {
        let of = |code| refusal(&KafkaError::MessageProduction(code));
        assert!(matches!(of(RDKafkaErrorCode::MessageSizeTooLarge), Refusal::Unacceptable(_)));
        assert!(matches!(of(RDKafkaErrorCode::Fatal), Refusal::Broken(_)));
        for code in [
            RDKafkaErrorCode::UnknownTopicOrPartition,
            RDKafkaErrorCode::TopicAuthorizationFailed,
            RDKafkaErrorCode::QueueFull,
            RDKafkaErrorCode::NotEnoughReplicas,
        ] {
            assert!(matches!(of(code), Refusal::Later(_)), "{code}");
        }
    }
}
