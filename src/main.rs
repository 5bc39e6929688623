//! The command line's entrance.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use holdfast::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.carry_out()),
        Err(error) => {
            // Nobody is left to tell where standard error is closed.
            drop(writeln!(std::io::stderr().lock(), "holdfast: cannot start its threads: {error}"));
            ExitCode::FAILURE
        }
    }
}
