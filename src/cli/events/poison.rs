//! `holdfast events poison`: facts that the broker will never take as they are.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::events::store;
use crate::cli::output::{say, table};
use crate::cli::session::tenant;
use crate::config::Config;
use crate::domain::EventId;
use crate::store::SetAside;

/// Options of `holdfast events poison`.
#[derive(Debug, Args)]
pub(super) struct Poison {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what was set aside, oldest first
    List {
        /// Whose; everybody's if left out
        #[arg(long, value_name = "UUID")]
        tenant: Option<String>,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Let a fact be sent again, after the broker's limit was raised
    Retry {
        /// The event's id
        #[arg(value_parser = EventId::parse)]
        event: EventId,
    },
    /// Give a fact up for good: its readers will see a gap in the sequence, and what waits behind it goes on
    Skip {
        /// The event's id
        #[arg(value_parser = EventId::parse)]
        event: EventId,
    },
}

impl Poison {
    pub(super) async fn carry_out(self, config: &Config) -> Result<ExitCode, CliError> {
        let store = store(config).await?;
        let named = match &self.command {
            Command::List { tenant, .. } => tenant.as_deref(),
            Command::Retry { .. } | Command::Skip { .. } => None,
        };
        // The relay sends everybody's facts, served or not, and a dead letter's may be nobody's.
        let tenants = match named {
            Some(text) => vec![tenant(text)?],
            None => store.list_tenants().await?,
        };
        let missing =
            |event: &EventId| CliError::Said(format!("no fact with the event id {event} was set aside; `holdfast events poison list`"));
        match &self.command {
            Command::List { json, .. } => list(&store.list_set_aside(&tenants).await?, *json),
            Command::Retry { event } => {
                if !store.retry_set_aside(&tenants, *event).await? {
                    return Err(missing(event));
                }
                say(&format!("fact {event} is sent again within seconds, and what waits behind it after it"));
            }
            Command::Skip { event } => {
                if !store.drop_set_aside(&tenants, *event).await? {
                    return Err(missing(event));
                }
                say(&format!("fact {event} is given up; what waited behind it is sent within seconds"));
            }
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

fn list(facts: &[SetAside], as_json: bool) {
    if as_json {
        let facts: Value = facts
            .iter()
            .map(|fact| {
                json!({
                    "eventId": fact.event_id, "tenantId": fact.tenant_id, "eventType": fact.event_type, "aggregateType": fact.aggregate_type,
                    "aggregateId": fact.aggregate_id, "sequence": fact.sequence, "reason": fact.reason, "sizeBytes": fact.size_bytes,
                    "setAsideAt": fact.set_aside_at, "behind": fact.behind,
                })
            })
            .collect();
        say(&facts.to_string());
        return;
    }
    if facts.is_empty() {
        say("no fact was set aside");
        return;
    }
    let rows: Vec<Vec<String>> = facts
        .iter()
        .map(|fact| {
            vec![
                fact.event_id.to_string(),
                fact.event_type.clone(),
                fact.aggregate_id.to_string(),
                fact.sequence.to_string(),
                fact.size_bytes.to_string(),
                fact.behind.to_string(),
                fact.reason.clone(),
            ]
        })
        .collect();
    table(&["event", "type", "aggregate", "number", "bytes", "behind it", "why"], &rows);
}
