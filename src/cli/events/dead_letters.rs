//! `holdfast events dead-letters`: messages that could not be used, why, and trying them again once that is mended.

use std::process::ExitCode;

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::error::CliError;
use crate::cli::events::store;
use crate::cli::output::{complain, say, table};
use crate::cli::session;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::domain::TenantId;
use crate::events::Reader;
use crate::store::{DeadLetter, DeadLetterFilter, NOBODY, Store, Taken};

/// Options of `holdfast events dead-letters`.
#[derive(Debug, Args)]
pub(super) struct DeadLetters {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List them, the newest first
    List {
        /// Whose; every tenant's, and those that are nobody's, if left out
        #[arg(long, value_name = "UUID")]
        tenant: Option<String>,
        /// Only those of one reason, such as `tenant_not_served`
        #[arg(long)]
        reason: Option<String>,
        /// Also those that are settled: tried again, and taken in or found to be nothing for us
        #[arg(long)]
        all: bool,
        /// The most rows
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one: where it came from, what it says, what is wrong with it
    Show {
        /// Its id
        id: Uuid,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Read one again, or all of one reason, and take it in if it can be used now; safe to repeat
    Retry {
        /// Its id
        #[arg(required_unless_present = "reason")]
        id: Option<Uuid>,
        /// All of this reason
        #[arg(long, conflicts_with = "id")]
        reason: Option<String>,
    },
}

impl DeadLetters {
    pub(super) async fn carry_out(self, config: &Config) -> Result<ExitCode, CliError> {
        let store = store(config).await?;
        let done = match self.command {
            Command::List { tenant, reason, all, limit, json } => {
                let tenants = match tenant {
                    Some(text) => vec![session::tenant(&text)?],
                    None => everybody(&store).await?,
                };
                let filter = DeadLetterFilter { open_only: !all, reason_code: reason, limit };
                list(&store.list_dead_letters(&tenants, &filter).await?, json);
                ExitCode::SUCCESS
            }
            Command::Show { id, json } => {
                show(&find(&store, &everybody(&store).await?, id).await?, json);
                ExitCode::SUCCESS
            }
            Command::Retry { id, reason } => {
                let tenants = everybody(&store).await?;
                // The ids alone: there may be more letters than memory.
                let ids = match (id, reason) {
                    (Some(id), _) => vec![find(&store, &tenants, id).await?.dead_letter_id],
                    (None, reason) => store.list_open_dead_letter_ids(&tenants, &reason.unwrap_or_default()).await?,
                };
                retry(config, &store, &tenants, ids).await?
            }
        };
        store.close().await;
        Ok(done)
    }
}

/// Every tenant there is, and nobody.
async fn everybody(store: &Store) -> Result<Vec<TenantId>, CliError> {
    let mut tenants = store.list_tenants().await?;
    if !tenants.contains(&NOBODY) {
        tenants.push(NOBODY);
    }
    Ok(tenants)
}

async fn find(store: &Store, tenants: &[TenantId], id: Uuid) -> Result<DeadLetter, CliError> {
    let found = store.get_dead_letter(tenants, id).await?;
    found.ok_or_else(|| {
        CliError::Said(format!("there is no dead letter {id}; `holdfast events dead-letters list` lists those that there are"))
    })
}

/// Tries letters again, one after the other; fails if one of them still cannot be used.
async fn retry(config: &Config, store: &Store, tenants: &[TenantId], ids: Vec<Uuid>) -> Result<ExitCode, CliError> {
    let reader = Reader::new(&config.inventory_events.feeds, config.tenants()?);
    let (mut used, mut left) = (0, 0);
    for id in ids {
        // One that is old enough may be forgotten meanwhile.
        let Some(letter) = store.get_dead_letter(tenants, id).await? else { continue };
        let Some(message) = letter.message() else {
            complain(&format!("{id}: the message was too long to keep ({} bytes); have its source send it again", letter.message_bytes));
            left += 1;
            continue;
        };
        let now = SystemClock.now();
        match store.take_in_dead_letter(&letter, &reader.read(&message, now).content, now).await? {
            Taken::Dead(code) => {
                complain(&format!("{id}: still cannot be used: {code}"));
                left += 1;
            }
            taken => {
                say(&format!("{id}: {}", taken.label()));
                used += 1;
            }
        }
    }
    say(&format!("{used} taken in or settled, {left} left"));
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(letters: &[DeadLetter], as_json: bool) {
    if as_json {
        say(&letters.iter().map(in_short).collect::<Value>().to_string());
        return;
    }
    if letters.is_empty() {
        say("there are no dead letters");
        return;
    }
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| {
            vec![
                letter.dead_letter_id.to_string(),
                letter.died_at.to_rfc3339_opts(SecondsFormat::Secs, true),
                format!("{}/{}/{}", letter.topic, letter.partition, letter.message_offset),
                letter.reason_code.clone(),
                letter.retry_outcome.clone().unwrap_or_else(|| "-".to_owned()),
                letter.event_id.clone().unwrap_or_else(|| "-".to_owned()),
                letter.reason.clone(),
            ]
        })
        .collect();
    table(&["dead letter", "since", "from", "reason", "tried again", "event", "what is wrong"], &rows);
}

fn in_short(letter: &DeadLetter) -> Value {
    json!({
        "deadLetterId": letter.dead_letter_id, "tenantId": letter.tenant_id, "consumerGroup": letter.consumer_group,
        "topic": letter.topic, "partition": letter.partition, "offset": letter.message_offset, "eventId": letter.event_id,
        "reasonCode": letter.reason_code, "reason": letter.reason, "attempts": letter.attempts, "diedAt": letter.died_at,
        "retriedAt": letter.retried_at, "retryOutcome": letter.retry_outcome, "messageBytes": letter.message_bytes,
    })
}

fn show(letter: &DeadLetter, as_json: bool) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (key, body) = (letter.message_key.as_deref().map(text), letter.message.as_deref().map(text));
    let headers: Vec<Value> = letter.headers_json.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    if as_json {
        let mut whole = in_short(letter);
        if let Some(fields) = whole.as_object_mut() {
            fields.insert("key".to_owned(), json!(key));
            fields.insert("headers".to_owned(), json!(headers));
            fields.insert("message".to_owned(), json!(body));
        }
        say(&whole.to_string());
        return;
    }
    list(std::slice::from_ref(letter), false);
    say("");
    say(&format!("key      {}", key.as_deref().unwrap_or("-")));
    for (name, value) in &letter.headers_json {
        say(&format!("header   {name}: {value}"));
    }
    match body {
        Some(body) => say(&format!("message  {body}")),
        None => say(&format!("message  {} bytes, not kept", letter.message_bytes)),
    }
}
