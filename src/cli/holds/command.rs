//! The two commands and their options.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{apply, compare};
use crate::cli::error::CliError;
use crate::config::Config;

/// Options of `holdfast holds`.
#[derive(Debug, Args)]
pub(crate) struct Holds {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List an inventory's active holds, compare them with our reservations, and say what differs; changes nothing
    Compare(Compare),
    /// Carry out a plan that `compare --plan` wrote; run again, it goes on where it was interrupted
    Apply(Apply),
}

/// Options of `holdfast holds compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The inventory, by its configured name
    #[arg(long)]
    pub(crate) source: String,
    /// Whose holds; every tenant's if left out
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Write what could be done to this file, for `holds apply`; it must not exist yet
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Judge only reservations that nobody touched for so long before the list was read
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) at_rest: u32,
    /// Propose to release what processes left held that came to their end without confirming it
    #[arg(long)]
    pub(crate) release_unconfirmed: bool,
    /// Propose to release holds under our keys whose orders the engine does not know: only if nobody else uses this inventory with
    /// such keys
    #[arg(long)]
    pub(crate) release_unknown_orders: bool,
}

/// Options of `holdfast holds apply`.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The plan
    pub(crate) file: PathBuf,
    /// The most holds that the plan may release; with more, nothing is done
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) max_release: usize,
    /// Look at everything, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl Holds {
    pub(crate) async fn carry_out(self, file: Option<&Path>) -> Result<ExitCode, CliError> {
        let config = Config::load(file)?;
        match self.command {
            Command::Compare(options) => compare::carry_out(config, options).await,
            Command::Apply(options) => apply::carry_out(config, options).await,
        }
    }
}
