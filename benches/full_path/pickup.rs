//! Single orders, one after the other: how soon work begins, and what one effect costs the database when it shares nothing.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::orders::Started;
use crate::say::say;
use crate::{Failure, Stage};

/// Between two starts: the order before is through, and the poll is parked again.
const PAUSE: Duration = Duration::from_millis(40);
/// The daemon says when work on a task begins, and nothing else more than usual.
const LOG_LEVEL: &str = "info,holdfast::topics::handler=debug";

/// What single orders came to, in ms.
pub(crate) struct Pickup {
    /// Start request sent to handler begun.
    pub(crate) begun: Vec<f64>,
    /// Start request sent to its answer.
    pub(crate) started: Vec<f64>,
    /// Start request sent to process ended.
    pub(crate) ended: Vec<f64>,
    /// Commits of a daemon for one of these effects, without those of its loops.
    pub(crate) commits_per_effect: f64,
    /// Commits per second of a daemon that has nothing to do.
    pub(crate) idle_commits: f64,
}

/// Starts orders one by one; then lets a daemon idle for as long, to know what its loops commit.
pub(crate) async fn measure(stage: &Stage) -> Result<Pickup, Failure> {
    let tenant = stage.engine.tenant().await?;
    let before = stage.database.commits().await?;
    let began = Instant::now();
    let daemon = stage.daemons.start(&tenant, LOG_LEVEL).await?;
    // The first ones open connections and warm the engine up; they are effects like the others.
    let warm_up = 20;
    let mut orders = Vec::new();
    for _ in 0..stage.options.starts + warm_up {
        orders.push(stage.engine.start_one(&tenant).await?);
        tokio::time::sleep(PAUSE).await;
    }
    stage.engine.all_ended(&tenant).await?;
    let begun = work_begun(&daemon.log()?)?;
    let lived = began.elapsed();
    daemon.kill().await?;
    let busy = stage.database.commits().await? - before;
    let ended: HashMap<_, _> = stage.engine.ends(&tenant, orders.len()).await?.into_iter().collect();

    say(&format!("{} single orders took {:.0} s; a daemon idles for as long", orders.len(), lived.as_secs_f64()));
    let idle = idle(stage, lived).await?;

    let effects = orders.len() as f64;
    let measured: Vec<Started> = orders.split_off(warm_up);
    let since = |order: &Started, at: Option<&DateTime<Utc>>| {
        let took = at.ok_or("an order was not seen by the daemon, or by the engine's history")?.signed_duration_since(order.sent_at);
        Ok::<_, Failure>(took.num_microseconds().unwrap_or(i64::MAX) as f64 / 1_000.0)
    };
    Ok(Pickup {
        begun: measured.iter().map(|order| since(order, begun.get(order.instance.as_str()))).collect::<Result<_, _>>()?,
        started: measured.iter().map(|order| order.took.as_secs_f64() * 1_000.0).collect(),
        ended: measured.iter().map(|order| since(order, ended.get(&order.instance))).collect::<Result<_, _>>()?,
        commits_per_effect: (busy - idle) / effects,
        idle_commits: idle / lived.as_secs_f64(),
    })
}

/// The commits of a daemon that has nothing to do, from its birth to its death.
async fn idle(stage: &Stage, lives: Duration) -> Result<f64, Failure> {
    let tenant = stage.engine.tenant().await?;
    let before = stage.database.commits().await?;
    let until = Instant::now() + lives;
    let daemon = stage.daemons.start(&tenant, LOG_LEVEL).await?;
    tokio::time::sleep_until(until.into()).await;
    daemon.kill().await?;
    Ok(stage.database.commits().await? - before)
}

/// When work on each process instance began, by the daemon's log.
fn work_begun(log: &str) -> Result<HashMap<String, DateTime<Utc>>, Failure> {
    let mut begun = HashMap::new();
    for line in log.lines().filter(|line| line.contains("\"work begins\"")) {
        let line: Value = serde_json::from_str(line)?;
        let instance = line["instance.id"].as_str().ok_or("find the instance in the daemon's log")?;
        let at = line["timestamp"].as_str().ok_or("find the time in the daemon's log")?;
        begun.insert(instance.to_owned(), DateTime::parse_from_rfc3339(at)?.to_utc());
    }
    Ok(begun)
}
