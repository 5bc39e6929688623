//! Orders per second with the broker there and with nobody at its address: rounds of the same backlog, one after the other.

use std::path::Path;
use std::time::Duration;

use crate::daemon::Daemons;
use crate::database::Database;
use crate::facts::{Topic, brokers};
use crate::inventory::Inventory;
use crate::measure::median;
use crate::orders::{Engine, Tenant};
use crate::say::say;
use crate::{Failure, Options};

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:9";
/// Between a backlog and its release: the engine writes behind.
const SETTLING: Duration = Duration::from_millis(300);

/// Orders per second, by round.
pub(crate) struct Orders {
    pub(crate) up: Vec<f64>,
    pub(crate) down: Vec<f64>,
}

impl Orders {
    pub(crate) fn ratio(&self) -> f64 {
        median(&self.down) / median(&self.up)
    }
}

pub(crate) async fn measure(options: &Options, folder: &Path, database: &Database) -> Result<Orders, Failure> {
    let engine = Engine::connect().await?;
    let topic = Topic::make().await?;
    let measured = rounds(options, folder, database, &engine, &topic).await;
    engine.clean_up().await;
    topic.delete().await?;
    measured
}

async fn rounds(options: &Options, folder: &Path, database: &Database, engine: &Engine, topic: &Topic) -> Result<Orders, Failure> {
    let inventory = Inventory::start(folder).await?;
    let daemons = Daemons::new(folder, engine, database, &inventory)?;
    let tenant = engine.tenant().await?;
    let mut orders = Orders { up: Vec::new(), down: Vec::new() };
    let there = brokers();
    let round = async |brokers: &str, count| round(engine, &daemons, &tenant, topic, brokers, count).await;
    round(&there, options.orders / 2).await?;
    for number in 1..=options.order_rounds {
        // Whoever comes first changes from round to round.
        let down_first = number % 2 == 0;
        let first = round(if down_first { NOBODY } else { &there }, options.orders).await?;
        let second = round(if down_first { &there } else { NOBODY }, options.orders).await?;
        let (up, down) = if down_first { (second, first) } else { (first, second) };
        say(&format!("round {number}: {up:.0} orders/s, without a broker {down:.0} (ratio {:.2})", down / up));
        orders.up.push(up);
        orders.down.push(down);
    }
    Ok(orders)
}

/// One backlog through a daemon of its own, which is warm before it counts.
async fn round(engine: &Engine, daemons: &Daemons, tenant: &Tenant, topic: &Topic, brokers: &str, count: usize) -> Result<f64, Failure> {
    let settings =
        [("HOLDFAST__EVENTS__MODE", "kafka"), ("HOLDFAST__EVENTS__TOPIC", &topic.0), ("HOLDFAST__EVENTS__KAFKA__BROKERS", brokers)];
    let daemon = daemons.start_with(tenant, "info", &settings).await?;
    through(engine, tenant, count / 4).await?;
    let rate = through(engine, tenant, count).await?;
    daemon.kill().await?;
    Ok(rate)
}

async fn through(engine: &Engine, tenant: &Tenant, count: usize) -> Result<f64, Failure> {
    engine.make_backlog(tenant, count).await?;
    tokio::time::sleep(SETTLING).await;
    let released = engine.release(tenant).await?;
    let ended = engine.all_ended(tenant).await?;
    Ok(count as f64 / (ended - released).to_std()?.as_secs_f64())
}
