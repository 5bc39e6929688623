//! Undoes the engine locks of sessions that died, so that their tasks go on within seconds and not when the locks run out.
//!
//! A dead session's parked poll still draws tasks: the engine locks them for a client that is gone. So a dead session stays on the
//! list for as long as its last poll may have been parked. Unlocking too early is harmless, because claims still fence.
//!
//! A task that was deleted under a dead worker is delivered to nobody: so the engine is asked about the process instances whose holds
//! the session had just settled, and the reconciler looks after those that were deleted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::chain::chain;
use crate::domain::SessionId;
use crate::engine::{EngineClient, EngineError, ProcessInstanceId, ProcessInstanceRecord, WorkerId};
use crate::metrics::RESCUED_TASKS;
use crate::operations::{DeadSession, OperationError, Operations};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;
use crate::topics::{Class, RECONCILER_SUFFIX};

/// How often dead sessions are looked for.
const RESCUER: Loop = Loop { name: "rescuer", period: Duration::from_millis(500) };
/// How much longer than a poll may be parked its ghost locks are looked for in every turn.
const MARGIN: Duration = Duration::from_secs(5);
/// The same, now and then: a request may wait that long in an engine that is overloaded, and is carried out although its client is gone.
const SLOW_ENGINE: Duration = Duration::from_secs(30);
/// When a dead session is nobody's concern any more.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// The loop and what it needs.
pub(crate) struct Rescuer {
    operations: Operations,
    engine: EngineClient,
    /// How long a poll may be parked.
    long_poll: Duration,
    /// The dead whose orders this process has asked about, and when.
    asked: Mutex<HashMap<SessionId, Asked>>,
}

/// When it was first asked about the orders of a dead session, and whether it was asked once more since.
#[derive(Clone, Copy)]
struct Asked {
    first: Instant,
    twice: bool,
}

/// Why the orders of a dead session could not be looked after.
#[derive(Debug, thiserror::Error)]
enum LookError {
    /// The database.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The engine.
    #[error("ask about the orders of a dead session")]
    Engine(#[source] EngineError),
}

impl Rescuer {
    pub(crate) fn new(operations: Operations, engine: EngineClient, long_poll: Duration) -> Self {
        Self { operations, engine, long_poll, asked: Mutex::default() }
    }

    pub(crate) async fn run(self, shutdown: &Shutdown) {
        RESCUER.run(shutdown, || self.turn()).await;
    }

    async fn turn(&self) -> Result<Round, OperationError> {
        for dead in self.operations.list_dead_sessions(self.long_poll + MARGIN, self.long_poll + SLOW_ENGINE).await? {
            let mut engine_answers = true;
            if let Err(error) = self.look_after_orders_of(&dead).await {
                engine_answers = false;
                tracing::warn!(session.id = %dead.session, error = %chain(&error), "could not look after the orders of a dead session yet");
            }
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
                        engine_answers = false;
                        tracing::warn!(worker.id = %worker, error = %chain(&error), "the tasks of a dead session could not be unlocked yet");
                    }
                }
            }
            if !engine_answers {
                // The time for which its locks are looked for begins when the engine is there.
                self.operations.rescue_anew(&dead).await?;
            }
        }
        Ok(Round::Idle)
    }

    /// Has the reconciler look at holds whose orders were deleted while their tasks were in a dead session's hands. It is asked twice:
    /// an order may be deleted until its task is in other hands.
    async fn look_after_orders_of(&self, dead: &DeadSession) -> Result<(), LookError> {
        let now = Instant::now();
        let asked = self.asked().get(&dead.session).copied();
        if asked.is_some_and(|asked| asked.twice || now < asked.first + self.long_poll + MARGIN) {
            return Ok(());
        }
        let settled = self.operations.list_settled_by(dead).await?;
        let instances: Vec<ProcessInstanceId> = settled.iter().map(|hold| ProcessInstanceId::new(hold.process_instance.as_str())).collect();
        let records = self.engine.instance_records(&instances).await.map_err(LookError::Engine)?;
        for (hold, instance) in settled.iter().zip(&instances) {
            if records.get(instance).is_some_and(ProcessInstanceRecord::is_terminated) {
                tracing::info!(session.id = %dead.session, reservation.id = %hold.id, "an order was deleted under a dead session: its hold is looked at");
                self.operations.make_due(hold.tenant, hold.id, TimeDelta::zero()).await?;
            }
        }
        let mut known = self.asked();
        known.retain(|_, asked| now < asked.first + FORGOTTEN);
        known.insert(dead.session, Asked { first: asked.map_or(now, |asked| asked.first), twice: asked.is_some() });
        Ok(())
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
