//! Undoes the engine locks of sessions that died, so that their tasks go on within seconds and not when the locks run out.
//!
//! A dead session's parked poll still draws tasks: the engine locks them for a client that is gone. So a dead session stays on the
//! list for as long as its last poll may have been parked. Unlocking too early is harmless, because claims still fence.
//!
//! A task that was deleted under a dead worker is delivered to nobody: so the holds that the session had just settled are looked at.

use std::time::Duration;

use crate::engine::{EngineClient, WorkerId};
use crate::metrics::RESCUED_TASKS;
use crate::operations::{OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;
use crate::topics::{Class, RECONCILER_SUFFIX};

/// How often dead sessions are looked for.
const RESCUER: Loop = Loop { name: "rescuer", period: Duration::from_millis(500) };
/// How much longer than a poll may be parked its ghost locks are looked for in every turn.
const MARGIN: Duration = Duration::from_secs(5);
/// The same, now and then: a request may wait that long in an engine that is overloaded, and is carried out although its client is gone.
const SLOW_ENGINE: Duration = Duration::from_secs(30);

/// The loop and what it needs.
pub(crate) struct Rescuer {
    pub(crate) operations: Operations,
    pub(crate) engine: EngineClient,
    /// How long a poll may be parked.
    pub(crate) long_poll: Duration,
}

impl Rescuer {
    pub(crate) async fn run(self, shutdown: &Shutdown) {
        RESCUER.run(shutdown, || self.turn()).await;
    }

    async fn turn(&self) -> Result<Round, OperationError> {
        for dead in self.operations.list_dead_sessions(self.long_poll + MARGIN, self.long_poll + SLOW_ENGINE).await? {
            self.operations.look_again_after(&dead).await?;
            let worker = |suffix: &str| WorkerId::new(format!("{}#{suffix}", dead.worker_id));
            for (worker, ends_incidents) in
                [(worker(Class::Starts.suffix()), false), (worker(Class::Ends.suffix()), false), (worker(RECONCILER_SUFFIX), true)]
            {
                let unlocked =
                    if ends_incidents { self.engine.unlock_all_held_by(&worker).await } else { self.engine.unlock_held_by(&worker).await };
                match unlocked {
                    Ok(0) => {}
                    Ok(unlocked) => {
                        metrics::counter!(RESCUED_TASKS).increment(unlocked as u64);
                        tracing::info!(session.id = %dead.session, worker.id = %worker, unlocked, "tasks of a dead session were unlocked");
                    }
                    Err(error) => {
                        tracing::warn!(worker.id = %worker, error = %error, "the tasks of a dead session could not be unlocked yet")
                    }
                }
            }
        }
        Ok(Round::Idle)
    }
}
