//! Saying it to the engine: safe to repeat, and every refusal understood.

use std::time::{Duration, Instant};

use crate::engine::{BpmnError, Completion, EngineClient, EngineError, Failure, ProcessInstanceId, TaskId, Variables, WorkerId};
use crate::fault_points::planted_bug;
use crate::retry::{RetryPolicy, retry_until};
use crate::topics::exit::{Exit, Say, chain};
use crate::topics::handler::Topics;
use crate::topics::registry::Topic;
use crate::topics::retry_config::RetryConfig;
use crate::topics::runbook;

/// Waits between two tries to tell the engine.
const TELLING: RetryPolicy = RetryPolicy::new(Duration::from_millis(50), Duration::from_secs(2));

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
        if !matches!(self.topic, Topic::Reserve | Topic::Confirm | Topic::Extend) {
            return;
        }
        if let Err(error) = self.topics.release_if_terminated(tenant, reservation, self.instance).await {
            tracing::error!(reservation.id = %reservation, error = %chain(&error), "the hold of a vanished process could not be marked for release");
        }
    }

    async fn complete(&self, variables: &Variables, until: Instant) -> Result<(), EngineError> {
        let completion = Completion { variables: variables.clone(), local_variables: Variables::new() };
        self.patiently(until, || self.topics.engine.complete(self.task_id, self.worker_id, &completion)).await
    }

    async fn fail(&self, exit: &Exit, message: &str, retries: u32, pause: Duration, until: Instant) -> Result<(), EngineError> {
        let details = match exit.about {
            Some((tenant, id)) => {
                self.topics.operations.timeline(tenant, id).await.ok().flatten().map(|timeline| runbook::write(&timeline))
            }
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

/// The order's outermost process was ended from outside. A timer or a cancellation of the model ends a task too, but then the process
/// lives on and has its say; and a process that came to its end had it.
pub(crate) async fn root_is_terminated(engine: &EngineClient, instance: &ProcessInstanceId) -> Result<bool, EngineError> {
    let Some(record) = engine.instance_record(instance).await? else { return Ok(false) };
    let root = match record.root_process_instance_id {
        Some(root) if root != *instance => engine.instance_record(&root).await?,
        _ => Some(record),
    };
    Ok(root.is_some_and(|root| root.is_terminated()))
}
