//! Tasks that wait in an incident: taken over and told once their reservation is settled, annotated while it is not.

use std::time::Duration;

use crate::chain::chain;
use crate::domain::{Goal, ReservationId, TenantId};
use crate::engine::{EngineError, LockedTask, ProcessInstanceId, TaskId, WorkerId};
use crate::fault_points::fault_point;
use crate::metrics;
use crate::operations::{Conclusion, Errand, Find, OperationError, WaitingTask};
use crate::topics::exit::{Exit, Say, instant};
use crate::topics::handler::Topics;
use crate::topics::registry::Topic;
use crate::topics::tell::{Reporter, Told};

/// How long a waiting task is locked while it is told.
const TELLING: Duration = Duration::from_secs(30);

/// How the waiting of a task ends that the engine no longer has.
const GONE: &str = "it is gone from the engine";

/// A task as it is remembered while it waits.
pub(crate) fn task(task: &LockedTask, goal: &str, goal_until: Option<chrono::DateTime<chrono::Utc>>) -> WaitingTask {
    WaitingTask {
        task_id: task.id.as_str().to_owned(),
        topic: task.topic_name.clone(),
        worker_id: task.worker_id.as_str().to_owned(),
        process_instance_id: task.process_instance_id.as_str().to_owned(),
        goal: goal.to_owned(),
        goal_until,
    }
}

impl Topics {
    /// Tells every task that waits for a reservation, if its outcome is known; else writes the progress where operators look.
    ///
    /// # Errors
    /// [`OperationError::Store`] if the database is away.
    pub async fn tell_waiting(&self, tenant: TenantId, reservation: ReservationId, progress: Option<&str>) -> Result<(), OperationError> {
        for waiting in self.operations.list_waiting(tenant, reservation).await? {
            match progress {
                Some(progress) => self.annotate(&waiting, progress).await,
                None => self.end_waiting(tenant, reservation, &waiting).await?,
            }
        }
        Ok(())
    }

    async fn end_waiting(&self, tenant: TenantId, reservation: ReservationId, waiting: &WaitingTask) -> Result<(), OperationError> {
        let Some(topic) = Topic::parse(&waiting.topic) else {
            return self.operations.end_waiting(tenant, &waiting.task_id, "its topic is not served").await;
        };
        let (task_id, worker_id) = (TaskId::new(waiting.task_id.as_str()), WorkerId::new(self.reconciler_id.as_ref()));
        let instance = ProcessInstanceId::new(waiting.process_instance_id.as_str());
        let reporter = Reporter { topics: self, topic, task_id: &task_id, worker_id: &worker_id, instance: &instance };
        let until = self.clock.instant() + TELLING;
        let about = Some((tenant, reservation));
        match self.engine.lock(&task_id, &worker_id, TELLING).await {
            Ok(()) => fault_point!("waiting.locked"),
            Err(EngineError::TaskGone) => {
                reporter.task_gone(&Exit { say: Say::Later, about, until: None }).await;
                return self.operations.end_waiting(tenant, &waiting.task_id, GONE).await;
            }
            // A worker has it: it answers from the row.
            Err(EngineError::LockLost { .. }) => return Ok(()),
            Err(error) => {
                tracing::warn!(task.id = %task_id, error = %chain(&error), "a settled task could not be taken over yet");
                return Ok(());
            }
        }
        let exit = match goal(waiting) {
            Some(goal) => {
                let errand = Errand {
                    tenant,
                    find: Find::Id(reservation),
                    goal,
                    actor: Some("reconciler".to_owned()),
                    waiting: Some(waiting.clone()),
                };
                match self.operations.run(&errand).await {
                    // Not known after all, or not reachable: it goes on waiting, in the incident that it has.
                    Ok(Conclusion::Unknown(..) | Conclusion::NotSent(..) | Conclusion::Busy(_)) => return self.let_wait(&task_id).await,
                    Ok(conclusion) => Exit::of(topic, conclusion),
                    Err(error) => {
                        self.let_wait(&task_id).await?;
                        return Err(error);
                    }
                }
            }
            None => return self.operations.end_waiting(tenant, &waiting.task_id, "it wanted nothing that is known").await,
        };
        fault_point!("waiting.telling");
        let told = reporter.tell(&exit, until, Some(0), Ok(&self.retry)).await;
        fault_point!("waiting.told");
        metrics::task_told(topic.name(), told.label());
        tracing::info!(task.id = %task_id, reservation.id = %reservation, told = told.label(), "a task that waited for its outcome was told");
        match told {
            Told::Heard => self.operations.end_waiting(tenant, &waiting.task_id, "it was told").await,
            Told::Gone => {
                reporter.task_gone(&exit).await;
                self.operations.end_waiting(tenant, &waiting.task_id, GONE).await
            }
            Told::Lost | Told::Unheard => Ok(()),
        }
    }

    /// Gives the lock back, so that a human's retry finds the task free.
    async fn let_wait(&self, task: &TaskId) -> Result<(), OperationError> {
        if let Err(error) = self.engine.unlock(task).await {
            tracing::debug!(task.id = %task, error = %chain(&error), "a waiting task keeps its lock until it runs out");
        }
        Ok(())
    }

    /// Writes progress into the incident's annotation: its message can never change.
    async fn annotate(&self, waiting: &WaitingTask, progress: &str) {
        let task_id = TaskId::new(waiting.task_id.as_str());
        let note = format!("{}: {progress}", instant(self.now()));
        let done = match self.engine.incident_of_task(&task_id).await {
            Ok(Some(incident)) => self.engine.annotate_incident(&incident.id, &note).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::debug!(task.id = %task_id, error = %chain(&error), "the incident's annotation was not written");
        }
    }
}

fn goal(waiting: &WaitingTask) -> Option<Goal> {
    match (waiting.goal.as_str(), waiting.goal_until) {
        ("reserve", _) => Some(Goal::Reserve),
        ("release", _) => Some(Goal::Release),
        ("confirm", _) => Some(Goal::Confirm),
        ("extend", Some(until)) => Some(Goal::Extend { until }),
        _ => None,
    }
}
