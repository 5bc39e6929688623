//! From the commit of a fact to the broker's word, and the same message from a raw producer: one after the other, in rounds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast::events::{KafkaConfig, Message, Producer};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::database::Database;
use crate::facts::{Outbox, Topic, brokers, payload};
use crate::{Failure, Options};

const ROUNDS: usize = 3;
/// Between two facts: 200 in a second.
const PAUSE: Duration = Duration::from_millis(5);
/// Facts before those that count.
const WARM_UP: usize = 100;

/// The ways of single facts, in ms.
pub(crate) struct Lag {
    /// Commit returned to the broker's word.
    pub(crate) relay: Vec<f64>,
    /// Handed to the client to the broker's word.
    pub(crate) raw: Vec<f64>,
}

pub(crate) async fn measure(options: &Options, database: &Database) -> Result<Lag, Failure> {
    let (topic, outbox) = (Topic::make().await?, Outbox::of(database).await?);
    let mut lag = Lag { relay: Vec::new(), raw: Vec::new() };
    for _ in 0..ROUNDS {
        lag.relay.extend(relayed(&outbox, &topic, options.facts).await?);
        lag.raw.extend(raw(&topic, options.facts).await?);
    }
    topic.delete().await?;
    Ok(lag)
}

async fn relayed(outbox: &Outbox, topic: &Topic, facts: usize) -> Result<Vec<f64>, Failure> {
    let (heard, mut told) = mpsc::unbounded_channel();
    let observer = Arc::new(move |event: Uuid| {
        let _ = heard.send((event, Instant::now()));
    });
    let relay = outbox.relay(topic, Some(observer)).await?;
    let mut committed = HashMap::new();
    for number in 0..WARM_UP + facts {
        let ids = outbox.write(1).await?;
        let at = Instant::now();
        // As the store does after its own commits.
        relay.store.outbox_was_written();
        if number >= WARM_UP {
            committed.extend(ids.into_iter().map(|id| (id, at)));
        }
        tokio::time::sleep(PAUSE).await;
    }
    outbox.drained().await?;
    relay.stop().await?;
    let mut found = Vec::new();
    while let Some((event, at)) = told.recv().await {
        // The word may be there before the commit has returned to us.
        found.extend(committed.remove(&event).map(|committed| at.saturating_duration_since(committed).as_secs_f64() * 1_000.0));
    }
    if committed.is_empty() { Ok(found) } else { Err(format!("{} facts were never told", committed.len()).into()) }
}

async fn raw(topic: &Topic, messages: usize) -> Result<Vec<f64>, Failure> {
    let producer = Producer::new(&KafkaConfig::plain(&brokers()))?;
    let value = serde_json::to_vec(&payload())?;
    let mut found = Vec::new();
    let mut sending = Vec::new();
    for number in 0..WARM_UP + messages {
        let message = Message { topic: topic.0.clone(), key: Uuid::new_v4().to_string(), headers: Vec::new(), value: value.clone() };
        let at = Instant::now();
        let delivery = producer.send(&message).map_err(|refusal| format!("the raw producer was refused: {refusal:?}"))?;
        let timed = tokio::spawn(async move { delivery.await.map(|()| at.elapsed().as_secs_f64() * 1_000.0) });
        if number >= WARM_UP {
            sending.push(timed);
        }
        tokio::time::sleep(PAUSE).await;
    }
    for timed in sending {
        found.push(timed.await?.map_err(|refusal| format!("the raw producer was refused: {refusal:?}"))?);
    }
    producer.close().await;
    Ok(found)
}
