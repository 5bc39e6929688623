//! What the engine remembers: tasks that are gone, activities, instances, variables.
//!
//! The log of external tasks is written at history level `full` only; at a lower level every task that is gone
//! has an unknown fate.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::act::Act;
use super::client::EngineClient;
use super::date;
use super::error::EngineError;
use super::id::{EngineTenant, ExecutionId, ProcessDefinitionId, ProcessInstanceId, TaskId, WorkerId};
use super::query::comma_separated;

/// One line of a task's log.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskLogEntry {
    /// The task.
    pub external_task_id: TaskId,
    /// When it happened.
    #[serde(default, deserialize_with = "date::optional")]
    pub timestamp: Option<DateTime<Utc>>,
    /// Who reported it.
    pub worker_id: Option<WorkerId>,
    /// Attempts left afterwards.
    pub retries: Option<i32>,
    /// The message of a failure.
    pub error_message: Option<String>,
    /// The task came to be.
    pub creation_log: bool,
    /// A failure was reported.
    pub failure_log: bool,
    /// The task was completed.
    pub success_log: bool,
    /// The task was removed: cancelled, deleted, or ended by a BPMN error.
    pub deletion_log: bool,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskFate {
    /// It was completed, by this worker.
    Completed {
        /// Who completed it.
        by: Option<WorkerId>,
    },
    /// It ended without being completed: cancelled, deleted, or by a BPMN error (which the engine logs alike).
    Removed,
    /// It is still there.
    Open,
    /// The engine remembers nothing of it: its history level is below `full`, or the history is cleaned up.
    Unknown,
}

/// One run of an activity.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityInstance {
    /// Its id.
    pub id: String,
    /// The activity in the model.
    pub activity_id: String,
    /// Its name in the model.
    pub activity_name: Option<String>,
    /// The kind of element, such as `serviceTask` or `noneEndEvent`.
    pub activity_type: String,
    /// The process instance.
    pub process_instance_id: ProcessInstanceId,
    /// The token.
    pub execution_id: ExecutionId,
    /// When it began.
    #[serde(default, deserialize_with = "date::optional")]
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended; `None` while it runs.
    #[serde(default, deserialize_with = "date::optional")]
    pub end_time: Option<DateTime<Utc>>,
    /// Whether it was interrupted.
    #[serde(default)]
    pub canceled: bool,
}

/// Which runs of activities to list.
#[derive(Debug, Clone, Default)]
pub struct ActivityQuery {
    /// Of this process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
    /// This very run.
    pub activity_instance_id: Option<String>,
    /// Of this activity.
    pub activity_id: Option<String>,
    /// Of this kind of element.
    pub activity_type: Option<String>,
    /// Only those that are over.
    pub finished: bool,
}

/// A process instance, running or over.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessInstanceRecord {
    /// Its id.
    pub id: ProcessInstanceId,
    /// Its business key.
    pub business_key: Option<String>,
    /// The outermost instance that called it, directly or not; its own id where nothing called it.
    pub root_process_instance_id: Option<ProcessInstanceId>,
    /// The version of the model.
    pub process_definition_id: ProcessDefinitionId,
    /// The model.
    pub process_definition_key: String,
    /// `ACTIVE`, `SUSPENDED`, `COMPLETED`, `EXTERNALLY_TERMINATED` or `INTERNALLY_TERMINATED`.
    pub state: String,
    /// When it began.
    #[serde(default, deserialize_with = "date::optional")]
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, deserialize_with = "date::optional")]
    pub end_time: Option<DateTime<Utc>>,
    /// Why it was deleted.
    pub delete_reason: Option<String>,
    /// The engine's tenant, if it has tenants.
    pub tenant_id: Option<EngineTenant>,
}

impl ProcessInstanceRecord {
    /// It waits until it is activated or deleted.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.state == "SUSPENDED"
    }

    /// It is not over.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self.state.as_str(), "ACTIVE" | "SUSPENDED")
    }

    /// It was ended from outside, and not by its model.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self.state.as_str(), "EXTERNALLY_TERMINATED" | "INTERNALLY_TERMINATED")
    }
}

/// The last value of a variable of an instance, running or over.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariableRecord {
    /// Its name.
    pub name: String,
    /// The engine's name of its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its value; of Json the text.
    pub value: serde_json::Value,
    /// The activity in whose scope it lives; the instance's own id for a variable of the process.
    pub activity_instance_id: Option<String>,
}

impl EngineClient {
    /// The log of one external task, oldest entry first.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn task_log(&self, task: &TaskId) -> Result<Vec<TaskLogEntry>, EngineError> {
        self.get(Act::TASK_LOG, &["history", "external-task-log"])
            .query("externalTaskId", task.as_str())
            .query("sortBy", "timestamp")
            .query("sortOrder", "asc")
            .read()
            .await
    }

    /// What became of a task; asked after [`EngineError::TaskGone`].
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn fate_of_task(&self, task: &TaskId) -> Result<TaskFate, EngineError> {
        let log = self.task_log(task).await?;
        if let Some(success) = log.iter().find(|entry| entry.success_log) {
            return Ok(TaskFate::Completed { by: success.worker_id.clone() });
        }
        if log.iter().any(|entry| entry.deletion_log) {
            return Ok(TaskFate::Removed);
        }
        Ok(if log.is_empty() { TaskFate::Unknown } else { TaskFate::Open })
    }

    /// The runs of activities that match, in the order in which they began.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn activity_history(&self, query: &ActivityQuery) -> Result<Vec<ActivityInstance>, EngineError> {
        self.get(Act::ACTIVITIES, &["history", "activity-instance"])
            .maybe("processInstanceId", query.process_instance_id.as_ref().map(ProcessInstanceId::as_str))
            .maybe("activityInstanceId", query.activity_instance_id.as_deref())
            .maybe("activityId", query.activity_id.as_deref())
            .maybe("activityType", query.activity_type.as_deref())
            .flag("finished", query.finished)
            .query("sortBy", "occurrence")
            .query("sortOrder", "asc")
            .read()
            .await
    }

    /// The end events that an instance reached, in that order. None: it still runs, or it was ended from
    /// outside, or by a BPMN error that nobody caught.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn end_events(&self, instance: &ProcessInstanceId) -> Result<Vec<String>, EngineError> {
        let query = ActivityQuery { process_instance_id: Some(instance.clone()), finished: true, ..ActivityQuery::default() };
        let activities = self.activity_history(&query).await?.into_iter();
        Ok(activities.filter(|activity| activity.activity_type.ends_with("EndEvent")).map(|activity| activity.activity_id).collect())
    }

    /// One process instance, running or over, if the engine remembers it.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn instance_record(&self, instance: &ProcessInstanceId) -> Result<Option<ProcessInstanceRecord>, EngineError> {
        match self.get(Act::INSTANCE_HISTORY, &["history", "process-instance", instance.as_str()]).read().await {
            Err(EngineError::NotFound { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The instances of a process with this business key, running or over: whether a start whose answer was
    /// lost had happened. Without a tenant, those that have none in the engine.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn instance_records_by_business_key(
        &self,
        process_key: &str,
        business_key: &str,
        tenant: Option<&EngineTenant>,
    ) -> Result<Vec<ProcessInstanceRecord>, EngineError> {
        let tenants = tenant.map(std::slice::from_ref).unwrap_or_default();
        self.get(Act::INSTANCE_HISTORY, &["history", "process-instance"])
            .query("processDefinitionKey", process_key)
            .query("processInstanceBusinessKey", business_key)
            .maybe("tenantIdIn", comma_separated(tenants))
            .flag("withoutTenantId", tenant.is_none())
            .read()
            .await
    }

    /// The other instances of the same process with the same business key that are under way. Without a tenant in the engine they may
    /// be several tenants'.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn others_under_way(&self, ended: &ProcessInstanceRecord) -> Result<Vec<ProcessInstanceRecord>, EngineError> {
        let Some(business_key) = &ended.business_key else { return Ok(Vec::new()) };
        let others = self.instance_records_by_business_key(&ended.process_definition_key, business_key, ended.tenant_id.as_ref()).await?;
        Ok(others.into_iter().filter(|other| other.id != ended.id && other.is_under_way()).collect())
    }

    /// The variables of an instance, running or over.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn variable_records(&self, instance: &ProcessInstanceId) -> Result<Vec<VariableRecord>, EngineError> {
        self.get(Act::VARIABLE_HISTORY, &["history", "variable-instance"])
            .query("processInstanceId", instance.as_str())
            .query("deserializeValues", "false")
            .read()
            .await
    }
}
