//! The settings of the consumer: which topics carry whose events, and how those are ordered.

use serde::Deserialize;

use crate::domain::{SourceName, TenantId};
use crate::events::KafkaConfig;
use crate::events::inventory::ConsumerSettings;
use crate::events::kafka::check_topic;

const SECTION: &str = "inventory_events";

/// What is read from where.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventoryEventsConfig {
    /// Whether anything is read.
    pub consume: bool,
    /// The consumer group.
    pub group: String,
    /// Messages of one partition in one transaction, 1 to 1000.
    pub batch: usize,
    /// How often work on a message is begun before it is given up, 2 to 100.
    pub max_attempts: i32,
    /// Where messages go that cannot be used.
    pub dead_letter_topic: String,
    /// The topics.
    #[serde(default)]
    pub feeds: Vec<FeedConfig>,
}

/// One topic with product events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// The topic.
    pub topic: String,
    /// The inventory whose events it carries, by the name under which the projection shows it.
    pub source: String,
    /// What decides which of two events of a product is the later one.
    #[serde(default)]
    pub order_by: OrderBy,
    /// The role under which events name the customer among a product's related parties.
    #[serde(default = "customer")]
    pub customer_role: String,
    /// Whose all these events are, for an inventory that knows no tenants. Empty: each event says it.
    #[serde(default)]
    pub tenant: String,
}

fn customer() -> String {
    "customer".to_owned()
}

/// What decides which of two events of a product is the later one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderBy {
    /// The time that the event carries. TMF637 has nothing else.
    #[default]
    EventTime,
    /// The version of the product that the event carries; one without is unusable.
    Version,
    /// The sequence that the event carries beside the product; one without is unusable.
    Sequence,
}

impl InventoryEventsConfig {
    /// What each consumer is told; none where nothing is read.
    #[must_use]
    pub fn consumers(&self, kafka: &KafkaConfig) -> Vec<ConsumerSettings> {
        let settings = |feed: &FeedConfig| ConsumerSettings {
            kafka: kafka.clone(),
            group: self.group.clone(),
            topic: feed.topic.clone(),
            batch: self.batch,
            max_attempts: self.max_attempts,
            dead_letter_topic: self.dead_letter_topic.clone(),
        };
        if self.consume { self.feeds.iter().map(settings).collect() } else { Vec::new() }
    }

    /// Looks for settings that cannot be used; the key, and what it must be.
    ///
    /// # Errors
    /// The first that is found.
    pub fn validate(&self) -> Result<(), (String, String)> {
        let require = |holds: bool, key: &str, must: &str| {
            if holds { Ok(()) } else { Err((format!("{SECTION}.{key}"), must.to_owned())) }
        };
        require((1..=1_000).contains(&self.batch), "batch", "must be 1 to 1000")?;
        require((2..=100).contains(&self.max_attempts), "max_attempts", "must be 2 to 100")?;
        require(!self.group.is_empty(), "group", "must name the consumer group")?;
        check_topic(&self.dead_letter_topic).map_err(|must| (format!("{SECTION}.dead_letter_topic"), must.to_owned()))?;
        require(!self.consume || !self.feeds.is_empty(), "feeds", "must name at least one topic where consume = true")?;
        for (at, feed) in self.feeds.iter().enumerate() {
            let key = |name: &str| format!("{SECTION}.feeds[{at}].{name}");
            check_topic(&feed.topic).map_err(|must| (key("topic"), format!("{must}; it is `{}`", feed.topic)))?;
            if self.feeds.iter().take(at).any(|other| other.topic == feed.topic) {
                return Err((key("topic"), format!("must be there once, `{}` is listed twice", feed.topic)));
            }
            if let Some(other) = self.feeds.iter().take(at).find(|other| other.source == feed.source && other.order_by != feed.order_by) {
                let must = "must be the same for every topic of one source";
                return Err((key("order_by"), format!("{must}; `{}` is ordered otherwise in `{}`", feed.source, other.topic)));
            }
            SourceName::parse(&feed.source).map_err(|must| (key("source"), format!("{must}, it is `{}`", feed.source)))?;
            if !feed.tenant.is_empty() {
                TenantId::parse(&feed.tenant).map_err(|must| (key("tenant"), must.to_string()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(feeds: &str) -> InventoryEventsConfig {
        let text = format!("consume = true\ngroup = 'g'\nbatch = 10\nmax_attempts = 5\ndead_letter_topic = 'd'\n{feeds}");
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn the_dead_letter_topic_is_one_that_kafka_takes() {
        let mut config = read("[[feeds]]\ntopic = 't'\nsource = 'main'");
        config.dead_letter_topic = "dead letters".to_owned();
        assert_eq!(config.validate().unwrap_err().0, "inventory_events.dead_letter_topic");
    }

    #[test]
    fn a_feed_needs_a_topic_and_a_source() {
        assert_eq!(read("[[feeds]]\ntopic = 't'\nsource = 'main'").validate(), Ok(()));
        for (feeds, key) in [
            ("", "inventory_events.feeds"),
            ("[[feeds]]\ntopic = '^t'\nsource = 'main'", "inventory_events.feeds[0].topic"),
            ("[[feeds]]\ntopic = 't'\nsource = 'a b'", "inventory_events.feeds[0].source"),
            ("[[feeds]]\ntopic = 't'\nsource = 'a'\n[[feeds]]\ntopic = 't'\nsource = 'b'", "inventory_events.feeds[1].topic"),
            ("[[feeds]]\ntopic = 't'\nsource = 'a'\ntenant = 'x'", "inventory_events.feeds[0].tenant"),
            ("[[feeds]]\ntopic = 't 1'\nsource = 'a'", "inventory_events.feeds[0].topic"),
            (
                "[[feeds]]\ntopic = 't'\nsource = 'a'\n[[feeds]]\ntopic = 'u'\nsource = 'a'\norder_by = 'version'",
                "inventory_events.feeds[1].order_by",
            ),
        ] {
            assert_eq!(read(feeds).validate().unwrap_err().0, key);
        }
    }
}
