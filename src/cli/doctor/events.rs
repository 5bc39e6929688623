//! The brokers: whether they answer, and whether the topic is there.

use super::finding::{Findings, Level};
use crate::chain::chain;
use crate::config::{EventsConfig, EventsMode};
use crate::events::{Tail, TailError, TailFrom};

/// Looks for the brokers, if facts are published.
pub(super) async fn check(config: &EventsConfig) -> Findings {
    let mut findings = Findings::of("events");
    if config.mode == EventsMode::Off {
        findings.ok("events.mode", format!("off: facts stay in the outbox, which keeps the newest {}", config.keep_rows));
        return findings;
    }
    match Tail::open(&config.kafka, &config.topic, TailFrom::Now).await {
        Ok(tail) => findings.ok("events.topic", format!("{} has {} partitions", config.topic, tail.partitions())),
        Err(TailError::NoTopic(topic)) => findings.add(
            Level::Warning,
            "events.topic",
            format!("{topic} is not there; facts wait until it is"),
            "make it, or let the brokers make topics by themselves; `events.topic` names another one",
        ),
        Err(error) => findings.add(
            Level::Error,
            "events.kafka.brokers",
            chain(&error),
            "correct the section [events.kafka], or start the brokers; facts wait in the outbox meanwhile",
        ),
    }
    findings
}
