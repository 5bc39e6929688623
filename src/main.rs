//! The command line's entrance.

use std::process::ExitCode;

use clap::Parser as _;
use holdfast::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.carry_out()),
        Err(_) => ExitCode::FAILURE,
    }
}
