//! `holdfast events`: look at what is published, tell facts again, decide about those that no broker takes, write the schemas.

mod dead_letters;
mod poison;
mod replay;
mod schemas;
mod tail;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::error::CliError;
use crate::cli::session::{open_store, tenant};
use crate::config::{Config, EventsMode};
use crate::domain::TenantId;
use crate::store::Store;

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
    open_store(config, 2).await
}

/// The tenant that was named, else those that are served.
async fn tenants(config: &Config, store: &Store, named: Option<&str>) -> Result<Vec<TenantId>, CliError> {
    if let Some(text) = named {
        return Ok(vec![tenant(text)?]);
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
