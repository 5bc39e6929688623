//! `holdfast check-config`: read the configuration and say what is wrong with it.

use std::path::Path;
use std::process::ExitCode;

use crate::app::engine_settings;
use crate::cli::error::CliError;
use crate::cli::output::say;
use crate::config::Config;
use crate::supplier::Suppliers;

/// Checks everything that can be checked without reaching anything.
pub(crate) fn check_config(file: Option<&Path>) -> Result<ExitCode, CliError> {
    let config = Config::load(file)?;
    engine_settings(&config.engine)?;
    let suppliers = Suppliers::build(&config.sources).map_err(crate::app::AppError::from)?;
    let names: Vec<_> = suppliers.iter().map(|source| source.name.to_string()).collect();
    let sources = if names.is_empty() { "none: add a [sources.<name>] section".to_owned() } else { names.join(", ") };
    say(&format!("the configuration can be used; inventories: {sources}"));
    Ok(ExitCode::SUCCESS)
}
