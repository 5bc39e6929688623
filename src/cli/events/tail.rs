//! `holdfast events tail`: what is in the topic.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::chain::chain;
use crate::cli::error::CliError;
use crate::cli::events::require_kafka;
use crate::cli::output::say;
use crate::config::Config;
use crate::events::{Tail as Reader, TailError, TailFrom, TailedMessage, read_fact};

/// Options of `holdfast events tail`.
#[derive(Debug, Args)]
pub(super) struct Tail {
    /// Begin with the oldest message that the broker keeps, not with the next one
    #[arg(long)]
    from_beginning: bool,
    /// End with the last message that is there now, in place of waiting for more; implies --from-beginning
    #[arg(long)]
    once: bool,
    /// End after so many facts
    #[arg(long, value_name = "COUNT")]
    count: Option<usize>,
    /// Only what is about this order, reservation or other id: it must stand in the key, the aggregate or the payload
    #[arg(long, value_name = "ID")]
    about: Option<String>,
    /// Another topic than the configured one
    #[arg(long)]
    topic: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl Tail {
    pub(super) async fn carry_out(self, config: &Config) -> Result<ExitCode, CliError> {
        require_kafka(config)?;
        let topic = self.topic.as_deref().unwrap_or(&config.events.topic);
        let from = if self.from_beginning || self.once { TailFrom::Beginning } else { TailFrom::Now };
        let mut reader = Reader::open(&config.events.kafka, topic, from).await.map_err(failed)?;
        let mut shown = 0;
        while self.count.is_none_or(|count| shown < count) && !(self.once && reader.is_at_the_end()) {
            let message = tokio::select! {
                message = reader.next() => message.map_err(failed)?,
                _ = tokio::signal::ctrl_c() => break,
            };
            if self.about.as_deref().is_none_or(|id| is_about(&message, id)) {
                say(&if self.json { as_json(&message) } else { as_text(&message) });
                shown += 1;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn failed(error: TailError) -> CliError {
    CliError::Said(format!("cannot {}", chain(&error)))
}

fn is_about(message: &TailedMessage, id: &str) -> bool {
    message.key == id || String::from_utf8_lossy(&message.value).contains(id) || message.headers.iter().any(|(_, value)| value == id)
}

fn as_text(message: &TailedMessage) -> String {
    let place = format!("{}:{}", message.partition, message.offset);
    match read_fact(&message.headers, &message.value) {
        Some(fact) => {
            let again = if fact.replayed { "  (told again)" } else { "" };
            let reason = fact.payload.get("reason").and_then(Value::as_str).unwrap_or_default();
            let (at, kind) = (fact.occurred_at, fact.event_type);
            format!("{at}  {place:>8}  {kind:32}  {:>3}  {}  key {}  {reason}{again}", fact.sequence, fact.aggregate_id, message.key)
        }
        None => format!("{place:>34}  not one of our events: {}", String::from_utf8_lossy(&message.value)),
    }
}

fn as_json(message: &TailedMessage) -> String {
    let value: Value =
        serde_json::from_slice(&message.value).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&message.value).into_owned()));
    let headers: serde_json::Map<String, Value> = message.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({"partition": message.partition, "offset": message.offset, "key": message.key, "headers": headers, "value": value}).to_string()
}
