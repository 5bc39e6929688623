//! Saying it to the engine: safe to repeat, and every refusal understood.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::chain::chain;
use crate::engine::{BpmnError, Completion, EngineError, Failure, ProcessInstanceId, TaskId, Variables, WorkerId};
use crate::fault_points::planted_bug;
use crate::operations::TimelinePart;
use crate::retry::{RetryPolicy, retry_until};
use crate::topics::exit::{Exit, Say};
use crate::topics::handler::Topics;
use crate::topics::registry::Topic;
use crate::topics::retry_config::RetryConfig;
use crate::topics::runbook;

/// Waits between two tries to tell the engine.
const TELLING: RetryPolicy = RetryPolicy::new(Duration::from_millis(50), Duration::from_secs(2));

/// How long after its lock has run out a task is certainly in other hands, if it is there at all.
const LOOK_AFTER_THE_LOCK: TimeDelta = TimeDelta::seconds(10);

/// What came of telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// The engine heard it.
    Heard,
    /// The task is no more.
    Gone,
    /// Another worker has the task; it answers from the row.
    Lost,
    /// The engine could not be told in time; the task comes again and is answered from the row.
    Unheard,
}

impl Told {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Gone => "gone",
            Self::Lost => "lock_lost",
            Self::Unheard => "unheard",
        }
    }
}

/// Speaks for one task under one worker id.
pub(crate) struct Reporter<'a> {
    pub(crate) topics: &'a Topics,
    pub(crate) topic: Topic,
    pub(crate) task_id: &'a TaskId,
    pub(crate) worker_id: &'a WorkerId,
    pub(crate) instance: &'a ProcessInstanceId,
}

impl Reporter<'_> {
    /// Tells the engine, again and again until it heard or the lock may have run out.
    pub(crate) async fn tell(&self, exit: &Exit, until: Instant, retries_left: Option<i32>, retry: Result<&RetryConfig, &Exit>) -> Told {
        planted_bug!("conflict_is_a_failure", {
            if let Say::Complete(variables) = &exit.say {
                let completion = Completion { variables: variables.clone(), local_variables: Variables::new() };
                if let Err(EngineError::Transient { .. }) = self.topics.engine.complete(self.task_id, self.worker_id, &completion).await {
                    let failed = self.fail(exit, "the engine did not take it", 0, Duration::ZERO, until).await;
                    return if failed.is_ok() { Told::Heard } else { Told::Unheard };
                }
                return Told::Heard;
            }
        });
        let said = match &exit.say {
            Say::Complete(variables) => self.complete(variables, until).await,
            Say::BpmnError { code, message, variables } => {
                let error = BpmnError { code: code.as_str().to_owned(), message: Some(message.clone()), variables: variables.clone() };
                self.patiently(until, || self.topics.engine.bpmn_error(self.task_id, self.worker_id, &error)).await
            }
            Say::Retry { message } => match retry {
                Ok(config) => {
                    let (retries, pause) = config.after_failure(retries_left);
                    let message = if retries == 0 { format!("{message}. No attempts are left; Retry is safe") } else { message.clone() };
                    self.fail(exit, &message, retries, pause, until).await
                }
                Err(Exit { say: Say::Incident { message }, .. }) => self.fail(exit, message, 0, Duration::ZERO, until).await,
                Err(_) => self.fail(exit, message, 0, Duration::ZERO, until).await,
            },
            Say::Incident { message } => self.fail(exit, message, 0, Duration::ZERO, until).await,
            Say::Later => return Told::Unheard,
        };
        match said {
            Ok(()) => Told::Heard,
            Err(EngineError::TaskGone) => Told::Gone,
            Err(EngineError::LockLost { by }) => {
                tracing::info!(task.id = %self.task_id, by = ?by, "the lock passed to another worker, who answers from the row");
                Told::Lost
            }
            Err(
                error @ (EngineError::Permanent { .. }
                | EngineError::Downstream { .. }
                | EngineError::Variable(_)
                | EngineError::Unwritable { .. }),
            ) => self.cannot_go_on(&error, until).await,
            Err(error) => {
                tracing::warn!(task.id = %self.task_id, topic = self.topic.name(), error = %chain(&error), "the engine could not be told; the task comes again");
                Told::Unheard
            }
        }
    }

    /// The task ended while it was worked on. If its whole process is over, nobody will ever give the hold back but us.
    pub(crate) async fn task_gone(&self, exit: &Exit) {
        planted_bug!("gone_is_ignored", return);
        let Some((tenant, reservation)) = exit.about else { return };
        if self.topic == Topic::Release {
            return;
        }
        if let Err(error) = self.topics.release_if_terminated(tenant, reservation, self.instance).await {
            tracing::error!(reservation.id = %reservation, error = %chain(&error), "the hold of a vanished process could not be marked for release");
        }
    }

    /// The engine did not hear what came of a task, which comes again. Its process may be deleted before that, and then nobody would ask for
    /// the hold any more: so the row is looked at once the lock has run out.
    pub(crate) async fn unheard(&self, exit: &Exit, locked_for: Duration) {
        let Some((tenant, reservation)) = exit.about.filter(|_| !matches!(exit.say, Say::Later)) else { return };
        let after = TimeDelta::from_std(locked_for).unwrap_or(TimeDelta::minutes(1)) + LOOK_AFTER_THE_LOCK;
        if let Err(error) = self.topics.operations.make_due(tenant, reservation, after).await {
            tracing::error!(reservation.id = %reservation, error = %chain(&error), "a hold whose process was not told of it could not be made due");
        }
    }

    async fn complete(&self, variables: &Variables, until: Instant) -> Result<(), EngineError> {
        let completion = Completion { variables: variables.clone(), local_variables: Variables::new() };
        self.patiently(until, || self.topics.engine.complete(self.task_id, self.worker_id, &completion)).await
    }

    async fn fail(&self, exit: &Exit, message: &str, retries: u32, pause: Duration, until: Instant) -> Result<(), EngineError> {
        let details = match exit.about {
            Some((tenant, id)) => self
                .topics
                .operations
                .timeline(tenant, id, &TimelinePart::WHOLE)
                .await
                .ok()
                .flatten()
                .map(|timeline| runbook::write(&timeline)),
            None => None,
        };
        let failure = Failure { message: message.to_owned(), details, retries, retry_timeout: pause, variables: Variables::new() };
        self.patiently(until, || self.topics.engine.failure(self.task_id, self.worker_id, &failure)).await
    }

    /// The result is known, but the process cannot take it: a human must mend the model, and the task then answers from the row.
    async fn cannot_go_on(&self, error: &EngineError, until: Instant) -> Told {
        let message = format!(
            "THE PROCESS CANNOT GO ON: the inventory work is done, but the engine rejects its result: {}. Mend the process, then retry: the task answers from its record, nothing is sent again.",
            chain(error)
        );
        let failure = Failure { message, details: None, retries: 0, retry_timeout: Duration::ZERO, variables: Variables::new() };
        match self.patiently(until, || self.topics.engine.failure(self.task_id, self.worker_id, &failure)).await {
            Ok(()) => Told::Heard,
            Err(EngineError::TaskGone) => Told::Gone,
            Err(EngineError::LockLost { .. }) => Told::Lost,
            Err(error) => {
                tracing::warn!(task.id = %self.task_id, error = %chain(&error), "the engine could not be told; the task comes again");
                Told::Unheard
            }
        }
    }

    async fn patiently<F>(&self, until: Instant, attempt: impl FnMut() -> F) -> Result<(), EngineError>
    where
        F: Future<Output = Result<(), EngineError>>,
    {
        retry_until(TELLING, until, attempt).await
    }
}
