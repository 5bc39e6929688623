//! `make bench`: the daemon's whole way of an order against a client that does nothing, from one run on this machine.
//!
//! What is measured, and how, is explained in docs/performance.md; each module measures one thing.

mod ceiling;
mod daemon;
mod database;
mod inventory;
mod measure;
mod orders;
mod pickup;
mod report;
mod rounds;
#[path = "../shared/say.rs"]
mod say;
mod takeover;

use std::process::ExitCode;

use clap::Parser as _;

use daemon::Daemons;
use database::Database;
use inventory::Inventory;
use orders::Engine;

/// A benchmark has one reader: what went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How much to measure.
#[derive(Debug, Clone, clap::Parser)]
struct Options {
    /// Rounds of each contestant
    #[arg(long, default_value_t = 6)]
    rounds: usize,
    /// Tasks of a round
    #[arg(long, default_value_t = 600)]
    tasks: usize,
    /// Single orders for the pick-up latency
    #[arg(long, default_value_t = 300)]
    starts: usize,
    /// Daemons killed for the take-over time
    #[arg(long, default_value_t = 7)]
    kills: usize,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Where everything runs, as every part needs it.
struct Stage {
    options: Options,
    engine: Engine,
    database: Database,
    inventory: Inventory,
    daemons: Daemons,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(options)),
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

async fn run(options: Options) -> Result<(), Failure> {
    let folder = say::folder();
    std::fs::create_dir_all(&folder)?;
    let machine = measure::Machine::read()?;
    say::say(&format!("{machine}\nload before: {}\n", measure::load()?));
    let engine = Engine::connect().await?;
    let database = Database::make().await?;
    let inventory = Inventory::start(&folder).await?;
    let daemons = Daemons::new(&folder, &engine, &database, &inventory)?;
    let stage = Stage { options, engine, database, inventory, daemons };
    let measured = measure_all(&stage).await;
    // What was made for this run goes, also after a failure.
    stage.engine.clean_up().await;
    stage.database.drop().await;
    let measured = measured?;
    report::print(&measured);
    report::write_summary(&folder.join("summary.json"), &measured)
}

async fn measure_all(stage: &Stage) -> Result<report::Measured, Failure> {
    let rounds = rounds::measure(stage).await?;
    let pickup = pickup::measure(stage).await?;
    let takeover = takeover::measure(stage).await?;
    Ok(report::Measured { rounds, pickup, takeover })
}
