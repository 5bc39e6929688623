//! The command line: one file per subcommand.

mod check_config;
mod demo;
mod deploy;
mod doctor;
mod error;
mod events;
mod fallout;
mod holds;
mod lint;
mod migrate;
mod output;
mod reservation;
mod run;
mod session;
mod simulate_supplier;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::chain::chain;

/// The inventory work of Camunda 7 order processes: at most one hold per order step, and none forgotten.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, about, max_term_width = 110)]
pub struct Cli {
    /// A configuration file, laid over the defaults; `HOLDFAST__SECTION__KEY` variables are laid over both
    #[arg(long, short, global = true, value_name = "FILE", env = "HOLDFAST_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM
    Run,
    /// Bring the database's schema up to this version, as its owner
    Migrate(migrate::Migrate),
    /// Deploy the order process, its sub-process and its form to the engine, after checking them
    Deploy(deploy::Deploy),
    /// Compare an inventory's active holds with our reservations, and correct what differs
    Holds(holds::Holds),
    /// List what waits for a human, show the evidence, and take their decision
    Fallout(fallout::Fallout),
    /// Look everything over that holdfast needs: engine, models, database, inventories, clocks, settings
    Doctor(doctor::Doctor),
    /// Read the configuration, check it, and say what is wrong with it
    CheckConfig,
    /// Send orders of every kind through the local engine, and show what became of each
    Demo(Box<demo::Demo>),
    /// Run an inventory that misbehaves on request
    SimulateSupplier(simulate_supplier::SimulateSupplier),
    /// Look at what is published, tell facts again, decide about those that no broker takes
    Events(events::Events),
    /// Look at reservations
    Reservation(reservation::Reservation),
}

impl Cli {
    /// Carries out the command.
    pub async fn carry_out(self) -> ExitCode {
        let config = self.config.as_deref();
        let done = match self.command {
            Command::Run => run::run(config).await,
            Command::Migrate(command) => command.carry_out(config).await,
            Command::Deploy(command) => command.carry_out(config).await,
            Command::Holds(command) => command.carry_out(config).await,
            Command::Fallout(command) => command.carry_out(config).await,
            Command::Doctor(command) => command.carry_out(config).await,
            Command::CheckConfig => check_config::check_config(config),
            Command::Demo(command) => command.carry_out().await,
            Command::SimulateSupplier(command) => command.carry_out().await,
            Command::Events(command) => command.carry_out(config).await,
            Command::Reservation(command) => command.carry_out(config).await,
        };
        match done {
            Ok(code) => code,
            Err(error) => {
                output::complain(&format!("holdfast: {}", chain(&error)));
                ExitCode::FAILURE
            }
        }
    }
}
