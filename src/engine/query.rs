//! Looking at external tasks without locking them.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::act::Act;
use super::client::EngineClient;
use super::date;
use super::error::EngineError;
use super::id::{EngineTenant, ExecutionId, ProcessDefinitionId, ProcessInstanceId, TaskId, WorkerId};

/// An external task as a bystander sees it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalTask {
    /// Its id.
    pub id: TaskId,
    /// Its topic.
    pub topic_name: String,
    /// Who holds it, or held it last.
    pub worker_id: Option<WorkerId>,
    /// Until when it is locked, by the engine's clock; may be in the past.
    #[serde(default, deserialize_with = "date::optional")]
    pub lock_expiration_time: Option<DateTime<Utc>>,
    /// The activity in the model.
    pub activity_id: String,
    /// The token that waits.
    pub execution_id: ExecutionId,
    /// The process instance.
    pub process_instance_id: ProcessInstanceId,
    /// The version of the model.
    pub process_definition_id: ProcessDefinitionId,
    /// The model.
    pub process_definition_key: String,
    /// The engine's tenant, if it has tenants.
    pub tenant_id: Option<EngineTenant>,
    /// The business key of the process instance.
    pub business_key: Option<String>,
    /// Attempts left; `None` until somebody reports a failure, 0 with an incident.
    pub retries: Option<i32>,
    /// Whether the process is suspended.
    #[serde(default)]
    pub suspended: bool,
    /// The message of the last failure.
    pub error_message: Option<String>,
}

/// Which external tasks to list.
#[derive(Debug, Clone, Default)]
pub struct TaskQuery {
    /// Held by this worker, now or last.
    pub worker_id: Option<WorkerId>,
    /// Locked right now.
    pub locked: bool,
    /// Not in an incident.
    pub with_retries_left: bool,
    /// Of this topic.
    pub topic_name: Option<String>,
    /// Of this process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
    /// Of these tenants; empty: of any and of none.
    pub tenant_id_in: Vec<EngineTenant>,
    /// At most this many.
    pub limit: Option<usize>,
}

/// Which topics to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct TopicFilter {
    /// With tasks that somebody holds.
    pub with_locked_tasks: bool,
    /// With tasks that nobody holds.
    pub with_unlocked_tasks: bool,
    /// With tasks that are not in an incident.
    pub with_retries_left: bool,
}

impl EngineClient {
    /// One task, if the engine still has it.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn get_task(&self, task: &TaskId) -> Result<Option<ExternalTask>, EngineError> {
        match self.get(Act::GET_TASK, &["external-task", task.as_str()]).read().await {
            Err(EngineError::TaskGone) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The tasks that match.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn list_tasks(&self, query: &TaskQuery) -> Result<Vec<ExternalTask>, EngineError> {
        self.get(Act::LIST_TASKS, &["external-task"])
            .maybe("workerId", query.worker_id.as_ref().map(WorkerId::as_str))
            .flag("locked", query.locked)
            .flag("withRetriesLeft", query.with_retries_left)
            .maybe("topicName", query.topic_name.as_deref())
            .maybe("processInstanceId", query.process_instance_id.as_ref().map(ProcessInstanceId::as_str))
            .maybe("tenantIdIn", comma_separated(&query.tenant_id_in))
            .maybe("maxResults", query.limit.map(|limit| limit.to_string()))
            .read()
            .await
    }

    /// The error details of the last failure; empty if there was none.
    ///
    /// # Errors
    /// [`EngineError::TaskGone`] when the task is no more.
    pub async fn error_details(&self, task: &TaskId) -> Result<String, EngineError> {
        self.get(Act::ERROR_DETAILS, &["external-task", task.as_str(), "errorDetails"]).text().await
    }

    /// The topics that have tasks right now.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn topic_names(&self, filter: TopicFilter) -> Result<Vec<String>, EngineError> {
        self.get(Act::TOPIC_NAMES, &["external-task", "topic-names"])
            .flag("withLockedTasks", filter.with_locked_tasks)
            .flag("withUnlockedTasks", filter.with_unlocked_tasks)
            .flag("withRetriesLeft", filter.with_retries_left)
            .read()
            .await
    }
}

/// How the engine wants a list in a query parameter.
pub(super) fn comma_separated(tenants: &[EngineTenant]) -> Option<String> {
    (!tenants.is_empty()).then(|| tenants.iter().map(EngineTenant::as_str).collect::<Vec<_>>().join(","))
}
