//! The brokers: whether they answer, and whether the topics are there that are written to and read from.

use super::finding::{Findings, Level};
use crate::chain::chain;
use crate::config::{EventsConfig, EventsMode};
use crate::events::{InventoryEventsConfig, Tail, TailError, TailFrom};

/// A topic that the settings name.
struct Topic<'a> {
    setting: String,
    name: &'a str,
    /// What happens while it is not there.
    meanwhile: &'static str,
}

/// Looks for the brokers and the topics, if facts are published or inventory events read.
pub(super) async fn check(config: &EventsConfig, inventory: &InventoryEventsConfig) -> Findings {
    let mut findings = Findings::of("events");
    if config.mode == EventsMode::Off {
        findings.ok("events.mode", format!("off: facts stay in the outbox, which keeps the newest {}", config.keep_rows));
    }
    for topic in topics(config, inventory) {
        match Tail::open(&config.kafka, topic.name, TailFrom::Now).await {
            Ok(tail) => findings.ok(topic.setting, format!("{} has {} partitions", topic.name, tail.partitions())),
            Err(TailError::NoTopic(name)) => findings.add(
                Level::Warning,
                &topic.setting,
                format!("{name} is not there; {}", topic.meanwhile),
                format!("make it, or let the brokers make topics by themselves; `{}` names another one", topic.setting),
            ),
            Err(error) => {
                findings.add(
                    Level::Error,
                    "events.kafka.brokers",
                    chain(&error),
                    "correct the section [events.kafka], or start the brokers; facts wait in the outbox meanwhile, and what inventories tell \
                     in its topics",
                );
                // They would say the same of the other topics.
                break;
            }
        }
    }
    findings
}

fn topics<'a>(config: &'a EventsConfig, inventory: &'a InventoryEventsConfig) -> Vec<Topic<'a>> {
    let mut topics = Vec::new();
    let published = config.mode == EventsMode::Kafka;
    if published {
        topics.push(Topic { setting: "events.topic".to_owned(), name: &config.topic, meanwhile: "facts wait until it is" });
    }
    if inventory.consume {
        topics.extend(inventory.feeds.iter().enumerate().map(|(at, feed)| Topic {
            setting: format!("inventory_events.feeds[{at}].topic"),
            name: &feed.topic,
            meanwhile: "nothing is read from it",
        }));
    }
    if inventory.consume && published {
        topics.push(Topic {
            setting: "inventory_events.dead_letter_topic".to_owned(),
            name: &inventory.dead_letter_topic,
            meanwhile: "the facts of messages that cannot be used wait until it is",
        });
    }
    topics
}
