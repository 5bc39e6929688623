//! Facts written as fast as they are told, with and without a transaction that somebody left open: while it is, no row that is gone can
//! be swept up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::database::Database;
use crate::facts::{Outbox, Topic};
use crate::measure::median;
use crate::say::say;
use crate::{Failure, Options};

/// Facts in one of the writers' transactions.
const AT_ONCE: usize = 20;
/// The most facts that may wait: a writer that is ahead waits for the relay.
const AHEAD: u64 = 2_000;

/// Facts told per second, by round.
pub(crate) struct Old {
    pub(crate) without: Vec<f64>,
    pub(crate) with: Vec<f64>,
}

impl Old {
    pub(crate) fn ratio(&self) -> f64 {
        median(&self.with) / median(&self.without)
    }
}

pub(crate) async fn measure(options: &Options, database: &Database) -> Result<Old, Failure> {
    let (topic, outbox) = (Topic::make().await?, Outbox::of(database).await?);
    let lasting = Duration::from_secs(options.seconds);
    // A first round warms everybody up.
    round(&outbox, &topic, lasting / 4).await?;
    let mut old = Old { without: Vec::new(), with: Vec::new() };
    for number in 1..=options.rounds {
        let without = round(&outbox, &topic, lasting).await?;
        let mut open = outbox.pool().begin().await?;
        // With a snapshot and a number of its own it holds back everything that a transaction can hold back.
        sqlx::query("set transaction isolation level repeatable read").execute(&mut *open).await?;
        sqlx::query("select pg_current_xact_id(), count(*) from outbox_shard").execute(&mut *open).await?;
        let with = round(&outbox, &topic, lasting).await?;
        open.rollback().await?;
        say(&format!("round {number}: {without:.0} facts/s, with an old transaction {with:.0} (ratio {:.2})", with / without));
        old.without.push(without);
        old.with.push(with);
    }
    topic.delete().await?;
    Ok(old)
}

/// Writes and tells for so long; facts told per second.
async fn round(outbox: &Outbox, topic: &Topic, lasting: Duration) -> Result<f64, Failure> {
    let told = Arc::new(AtomicU64::new(0));
    let observer = {
        let told = Arc::clone(&told);
        Arc::new(move |_: Uuid| {
            told.fetch_add(1, Ordering::Relaxed);
        })
    };
    let relay = outbox.relay(topic, Some(observer)).await?;
    let begun = Instant::now();
    let mut written = 0;
    while begun.elapsed() < lasting {
        if written - told.load(Ordering::Relaxed).min(written) > AHEAD {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        written += outbox.write(AT_ONCE).await?.len() as u64;
        relay.store.outbox_was_written();
    }
    outbox.drained().await?;
    let rate = told.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    relay.stop().await?;
    Ok(rate)
}
