//! The command line's entrance.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use holdfast::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match runtime().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.carry_out()),
        Err(error) => {
            // Nobody is left to tell where standard error is closed.
            drop(writeln!(std::io::stderr().lock(), "holdfast: cannot start its threads: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The work is waiting: one thread does more of it than an engine hands out, with less processor and memory than one per core, and the
/// figures are in `docs/performance.md`. `TOKIO_WORKER_THREADS` asks for more.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is the runtime's own, and there is no runtime yet to read the configuration in"
)]
fn runtime() -> tokio::runtime::Builder {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        runtime.worker_threads(1);
    }
    runtime
}
