//! `make bench-events`: how long a fact takes to the broker's word, how fast a backlog drains, and what a broker that is away or an old
//! transaction costs. What is measured, and how, is explained in docs/performance.md; each module measures one thing.

#[path = "../full_path/daemon.rs"]
#[expect(dead_code, reason = "the other benchmark uses all of it")]
mod daemon;
#[path = "../full_path/database.rs"]
#[expect(dead_code, reason = "the other benchmark uses all of it")]
mod database;
mod drain;
mod facts;
#[path = "../full_path/inventory.rs"]
#[expect(dead_code, reason = "the other benchmark uses all of it")]
mod inventory;
mod lag;
#[path = "../full_path/measure.rs"]
#[expect(dead_code, reason = "the other benchmark uses all of it")]
mod measure;
mod old_transaction;
#[path = "../full_path/orders.rs"]
#[expect(dead_code, reason = "the other benchmark uses all of it")]
mod orders;
mod report;
#[path = "../shared/say.rs"]
mod say;
mod without_broker;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use database::Database;

/// A benchmark has one reader: what went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How much to measure.
#[derive(Debug, Clone, clap::Parser)]
struct Options {
    /// Facts whose way is timed, in each of three rounds, and as many messages of a raw producer
    #[arg(long, default_value_t = 1_000)]
    facts: usize,
    /// Facts of the backlog that is drained
    #[arg(long, default_value_t = 200_000)]
    backlog: usize,
    /// Seconds of writing with and without an old transaction, in each round
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Rounds with and without an old transaction
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Rounds of orders with the broker there and away
    #[arg(long, default_value_t = 6)]
    order_rounds: usize,
    /// Orders of a round
    #[arg(long, default_value_t = 600)]
    orders: usize,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
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
    say::say(&format!("{}\nload before: {}\n", measure::Machine::read()?, measure::load()?));
    let database = Database::make().await?;
    let measured = measure_all(&options, &folder, &database).await;
    // What was made for this run goes, also after a failure.
    database.drop().await;
    let measured = measured?;
    report::print(&measured);
    report::write_summary(&folder.join("events.json"), &measured)
}

async fn measure_all(options: &Options, folder: &Path, database: &Database) -> Result<report::Measured, Failure> {
    let lag = lag::measure(options, database).await?;
    let drained_per_s = drain::measure(options, database).await?;
    let old = old_transaction::measure(options, database).await?;
    let orders = without_broker::measure(options, folder, database).await?;
    Ok(report::Measured { lag, drained_per_s, old, orders })
}
