//! A backlog, as a broker that was away leaves it: how many facts a second leave the outbox.

use std::time::Instant;

use crate::database::Database;
use crate::facts::{Outbox, Topic};
use crate::say::say;
use crate::{Failure, Options};

/// Drains the backlog once; facts per second.
pub(crate) async fn measure(options: &Options, database: &Database) -> Result<f64, Failure> {
    let (topic, outbox) = (Topic::make().await?, Outbox::of(database).await?);
    outbox.write_backlog(options.backlog).await?;
    let begun = Instant::now();
    let relay = outbox.relay(&topic, None).await?;
    outbox.drained().await?;
    let rate = options.backlog as f64 / begun.elapsed().as_secs_f64();
    say(&format!("a backlog of {} facts drained in {:.1} s", options.backlog, begun.elapsed().as_secs_f64()));
    relay.stop().await?;
    topic.delete().await?;
    Ok(rate)
}
