//! `holdfast events`: look at what is published, tell facts again, decide about those that no broker takes, write the schemas.

mod dead_letters;
mod poison;
mod replay;
mod schemas;
mod tail;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::error::CliError;
use crate::config::{Config, EventsMode};
use crate::domain::TenantId;
use crate::operations::new_session;
use crate::store::{Store, StoreOptions};

/// Options of `holdfast events`.
#[derive(Debug, Args)]
pub(crate) struct Events {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the facts of the topic as they come, or those that are there
    Tail(tail::Tail),
    /// Put facts of reservations into the outbox once more; the daemon sends them
    Replay(replay::Replay),
    /// Facts that the broker will never take: list them, try one again, or give one up
    Poison(poison::Poison),
    /// Messages of inventories that could not be used: list them, show one, try one again
    DeadLetters(dead_letters::DeadLetters),
    /// Print the published schemas, or write them to a folder
    Schemas(schemas::Schemas),
}

impl Events {
    pub(crate) async fn carry_out(self, file: Option<&Path>) -> Result<ExitCode, CliError> {
        match self.command {
            Command::Tail(command) => command.carry_out(&Config::load(file)?).await,
            Command::Replay(command) => command.carry_out(&Config::load(file)?).await,
            Command::Poison(command) => command.carry_out(&Config::load(file)?).await,
            Command::DeadLetters(command) => command.carry_out(&Config::load(file)?).await,
            Command::Schemas(command) => command.carry_out(),
        }
    }
}

/// The database, for a command that sends nothing to anybody.
async fn store(config: &Config) -> Result<Store, CliError> {
    use secrecy::ExposeSecret as _;
    if config.database.url.expose_secret().is_empty() {
        return Err(CliError::Said("setting `database.url` must be set (HOLDFAST__DATABASE__URL)".to_owned()));
    }
    let options = StoreOptions {
        url: config.database.url.clone(),
        max_connections: 2,
        acquire_timeout: Duration::from_millis(config.database.acquire_timeout_ms),
        session: new_session(),
    };
    Ok(Store::connect(&options).await?)
}

/// The tenant that was named, else those that are served.
async fn tenants(config: &Config, store: &Store, named: Option<&str>) -> Result<Vec<TenantId>, CliError> {
    if let Some(text) = named {
        return Ok(vec![TenantId::parse(text).map_err(|must| CliError::Said(format!("--tenant {must}, it is `{text}`")))?]);
    }
    let served = config.tenants()?;
    if served.is_empty() { Ok(store.list_tenants().await?) } else { Ok(served) }
}

/// Refuses a command that needs facts to be published.
fn require_kafka(config: &Config) -> Result<(), CliError> {
    match config.events.mode {
        EventsMode::Kafka => Ok(()),
        EventsMode::Off => Err(CliError::Said(
            "setting `events.mode` is \"off\": nothing is published. Set it to \"kafka\", with events.kafka.brokers".to_owned(),
        )),
    }
}
