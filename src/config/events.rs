//! The settings of events: whether facts are published, where to, and in which form.

use std::time::Duration;

use serde::Deserialize;

use crate::config::{ConfigError, bad, require};
use crate::events::{Format, KafkaConfig, Key, Publishing, RelaySettings, check_topic};

/// Where facts go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    /// Whether they are published.
    pub mode: EventsMode,
    /// How many stay in the outbox where they are not.
    pub keep_rows: i64,
    /// The topic.
    pub topic: String,
    /// What decides the partition.
    pub key: Key,
    /// The form.
    pub format: Format,
    /// The attribute `source` of CloudEvents.
    pub source: String,
    /// Between two looks for facts of other processes.
    pub poll_ms: u64,
    /// The most facts on their way at once.
    pub batch: usize,
    /// The brokers.
    pub kafka: KafkaConfig,
}

/// Whether facts are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventsMode {
    /// They stay in the outbox, which is kept small.
    Off,
    /// To Kafka.
    Kafka,
}

impl EventsConfig {
    /// How many rows the outbox keeps; nothing where they are published, since none is dropped then.
    #[must_use]
    pub fn keep(&self) -> Option<i64> {
        (self.mode == EventsMode::Off).then_some(self.keep_rows)
    }

    /// What the relay is told; nothing where facts are not published.
    #[must_use]
    pub fn relay(&self) -> Option<RelaySettings> {
        (self.mode == EventsMode::Kafka).then(|| RelaySettings {
            kafka: self.kafka.clone(),
            publishing: Publishing { topic: self.topic.clone(), key: self.key, format: self.format, source: self.source.clone() },
            batch: self.batch,
            poll: Duration::from_millis(self.poll_ms),
            observer: None,
        })
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(self.keep_rows >= 0, "events.keep_rows", "must be 0 or more")?;
        require((10..=10_000).contains(&self.poll_ms), "events.poll_ms", "must be 10 to 10000")?;
        require((1..=10_000).contains(&self.batch), "events.batch", "must be 1 to 10000")?;
        check_topic(&self.topic).map_err(|must| bad("events.topic", must))?;
        require(!self.source.is_empty() && !self.source.contains(char::is_whitespace), "events.source", "must be a URI reference")?;
        if self.mode == EventsMode::Kafka {
            self.kafka.check().map_err(|(key, must)| bad(&format!("events.kafka.{key}"), must))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::with;

    #[test]
    fn kafka_needs_brokers_and_off_does_not() {
        assert!(Config::load(None).unwrap().events.relay().is_none());
        let error = with("[events]\nmode = 'kafka'").unwrap_err().to_string();
        assert!(error.contains("`events.kafka.brokers` must be set"), "{error}");
        let config = with("[events]\nmode = 'kafka'\n[events.kafka]\nbrokers = 'a:9092'").unwrap();
        assert_eq!((config.events.keep(), config.events.relay().unwrap().kafka.brokers.as_str()), (None, "a:9092"));
    }

    #[test]
    fn properties_of_the_client_are_passed_on_by_their_own_names() {
        let kafka = "[events]\nmode = 'kafka'\n[events.kafka]\nbrokers = 'a:9092'\n[events.kafka.properties]";
        let config = with(&format!("{kafka}\n'linger.ms' = 20\n'compression.type' = 'lz4'")).unwrap();
        assert_eq!(config.events.kafka.properties["linger.ms"], "20");
        assert_eq!(config.events.kafka.properties["compression.type"], "lz4");
        let error = with(&format!("{kafka}\n'acks' = '1'")).unwrap_err().to_string();
        assert!(error.contains("events.kafka.properties") && error.contains("`acks`"), "{error}");
    }

    #[test]
    fn a_topic_that_kafka_would_refuse_is_refused_here() {
        assert!(with("[events]\ntopic = 'our facts'").unwrap_err().to_string().contains("events.topic"));
    }
}
