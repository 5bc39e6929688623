//! What the broker has of the demo's orders: a fourth account, read as any consumer would read it.

use std::collections::HashSet;
use std::time::Duration;

use crate::chain::chain;
use crate::cli::demo::files::Files;
use crate::cli::demo::table::Row;
use crate::cli::error::CliError;
use crate::config::Config;
use crate::events::{Tail, TailFrom, read_fact};

/// How long the relay may take for what has just been settled.
const PATIENCE: Duration = Duration::from_secs(10);

/// The facts of these orders in the topic, each counted once, and how many there are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The topic.
    pub(super) topic: String,
    /// Facts that the broker has.
    pub(super) facts: u64,
    /// Facts that have become true by the database's account.
    pub(super) true_facts: u64,
}

/// Reads the topic until it has every fact of these orders; nothing where facts are not published.
///
/// # Errors
/// [`CliError`], if the broker does not answer or the facts do not come.
pub(super) async fn told(files: &Files, rows: &[Row<'_>]) -> Result<Option<Told>, CliError> {
    if !files.publishes {
        return Ok(None);
    }
    let config = Config::load(Some(&files.config))?;
    let reservations: HashSet<&str> = rows.iter().flat_map(|row| row.facts.reservations.iter().map(|row| row.id.as_str())).collect();
    let true_facts = rows.iter().flat_map(|row| row.facts.reservations.iter().map(|row| row.fact_count)).sum::<u64>();
    let topic = config.events.topic.clone();
    let failed = |error| CliError::Said(format!("cannot {}", chain(&error)));
    let mut tail = Tail::open(&config.events.kafka, &topic, TailFrom::Beginning).await.map_err(failed)?;
    let mut seen = HashSet::new();
    let reading = async {
        while (seen.len() as u64) < true_facts {
            let message = tail.next().await?;
            if let Some(fact) = read_fact(&message.headers, &message.value)
                && reservations.contains(fact.aggregate_id.as_str())
            {
                seen.insert(fact.event_id);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, reading).await {
        // Fewer than there should be is for the table to say.
        Ok(Ok(())) | Err(_) => Ok(Some(Told { topic, facts: seen.len() as u64, true_facts })),
        Ok(Err(error)) => Err(failed(error)),
    }
}
