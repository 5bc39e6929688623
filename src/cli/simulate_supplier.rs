//! `holdfast simulate-supplier`: an inventory that misbehaves on request.

use std::process::ExitCode;

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::output::say;
use crate::simulator::{self, SimulatorConfig};

/// Options of `holdfast simulate-supplier`.
#[derive(Debug, Args)]
pub(crate) struct SimulateSupplier {
    #[command(flatten)]
    config: SimulatorConfig,
}

impl SimulateSupplier {
    pub(crate) async fn carry_out(self) -> Result<ExitCode, CliError> {
        let simulator = simulator::start(self.config).await.map_err(|error| CliError::Said(error.to_string()))?;
        say(&format!("inventory  {}", simulator.url()));
        say(&format!("admin      {}", simulator.admin_url()));
        drop(tokio::signal::ctrl_c().await);
        simulator.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}
