//! Availability checks over HTTP, cached and not, against the bare framework's hello-world: one run, one machine, one client.
//!
//! Prints a table and writes `target/bench/availability.json`. What the rows mean is explained in docs/performance.md.

mod contestants;
#[path = "../full_path/database.rs"]
#[expect(dead_code, reason = "the other benchmark uses all of it")]
mod database;
#[path = "../full_path/measure.rs"]
#[expect(dead_code, reason = "the other benchmark uses all of it")]
mod measure;
mod parts;
mod report;
#[path = "../shared/say.rs"]
mod say;

use std::process::ExitCode;

use clap::Parser as _;

use contestants::{Contestant, Measured};
use parts::Parts;

/// A benchmark has one reader: what went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How much to measure.
#[derive(Debug, Clone, clap::Parser)]
struct Options {
    /// Requests of each contestant in each round
    #[arg(long, default_value_t = 3000)]
    requests: usize,
    /// Requests at once
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Rounds, in each of which every contestant has its turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    /// Serves hello-world, as a child of the benchmark
    #[arg(long, hide = true)]
    hello: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) if options.hello => runtime.block_on(parts::serve_hello()),
        Ok(runtime) => runtime.block_on(run(&options)),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Failure> {
    let folder = say::folder();
    std::fs::create_dir_all(&folder)?;
    let parts = Parts::start(&folder).await?;
    let measured = measure(options, &parts).await;
    // What was made for this run goes, also after a failure.
    parts.end().await;
    let measured = measured?;
    report::print(options, &measured);
    report::write(&folder.join("availability.json"), options, &measured)
}

/// Every contestant in turn, so that whatever else the machine does is shared out.
async fn measure(options: &Options, parts: &Parts) -> Result<Vec<Measured>, Failure> {
    let mut measured: Vec<Measured> = Contestant::ALL.iter().map(|contestant| Measured::of(*contestant)).collect::<Result<_, _>>()?;
    for round in 0..options.rounds {
        for one in &mut measured {
            one.run(parts, options.requests, options.at_once, round).await?;
        }
    }
    Ok(measured)
}
