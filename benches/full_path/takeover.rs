//! A daemon dies in the middle of a call: how long until another one has asked the inventory, and until the order is through.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdfast::clock::{Clock as _, SystemClock};
use uuid::Uuid;

use crate::orders::Tenant;
use crate::{Failure, Stage};

/// The answer that the dead daemon never gets.
const NEVER: Duration = Duration::from_secs(60);
/// How often the ledger is looked at. The times are the inventory's own, not these.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);

/// What the deaths came to, in ms.
pub(crate) struct Takeover {
    /// SIGKILL to the survivor's call.
    pub(crate) asked: Vec<f64>,
    /// SIGKILL to process ended.
    pub(crate) ended: Vec<f64>,
}

/// Kills one daemon after the other, each in the middle of a call; the one that was started before takes over, and is the next.
pub(crate) async fn measure(stage: &Stage) -> Result<Takeover, Failure> {
    let tenant = stage.engine.tenant().await?;
    let mut holder = stage.daemons.start(&tenant, "info").await?;
    let mut takeover = Takeover { asked: Vec::new(), ended: Vec::new() };
    for number in 0..stage.options.kills {
        let order = held_order(stage, &tenant).await?;
        let survivor = stage.daemons.start(&tenant, "info").await?;
        // The death comes at another point between two heartbeats each time.
        tokio::time::sleep(Duration::from_millis(137 * (number as u64 % 7))).await;
        let died = SystemClock.now();
        holder.kill().await?;
        let asked = calls(stage, order, 2).await?;
        let ended = stage.engine.all_ended(&tenant).await?;
        takeover.asked.push(ms(asked - died));
        takeover.ended.push(ms(ended - died));
        holder = survivor;
    }
    holder.kill().await?;
    Ok(takeover)
}

/// An order whose call has reached the inventory and will not be answered.
async fn held_order(stage: &Stage, tenant: &Tenant) -> Result<Uuid, Failure> {
    let order = Uuid::new_v4();
    stage.inventory.answer_late(order, NEVER).await?;
    stage.engine.start_order(tenant, order).await?;
    calls(stage, order, 1).await?;
    Ok(order)
}

/// Waits until the inventory was called so often for an order; says when the last of these calls arrived.
async fn calls(stage: &Stage, order: Uuid, count: usize) -> Result<DateTime<Utc>, Failure> {
    let begun = Instant::now();
    loop {
        let ledger = stage.inventory.ledger(order).await?;
        if let Some(call) = ledger.get(count - 1) {
            let at = call["receivedAt"].as_str().ok_or("find the time of a call in the ledger")?;
            return Ok(DateTime::parse_from_rfc3339(at)?.to_utc());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("call {count} for order {order} never came").into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn ms(took: chrono::TimeDelta) -> f64 {
    took.num_milliseconds() as f64
}
