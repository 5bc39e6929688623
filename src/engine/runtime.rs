//! Process instances, messages and jobs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::client::EngineClient;
use super::date;
use super::error::EngineError;
use super::id::{EngineTenant, JobId, ProcessDefinitionId, ProcessInstanceId};
use super::query::comma_separated;
use super::variables::Variables;

/// Which process to start.
#[derive(Debug, Clone)]
pub enum ProcessSelector {
    /// The latest version of this key, of this tenant or of none.
    Latest {
        /// The id of the process in the model.
        key: String,
        /// The tenant it is deployed for.
        tenant: Option<EngineTenant>,
    },
    /// This very version.
    Definition(ProcessDefinitionId),
}

/// A process to start.
#[derive(Debug, Clone)]
pub struct StartProcess {
    /// Which one.
    pub process: ProcessSelector,
    /// Its business key. The engine does not ask that it be unique.
    pub business_key: Option<String>,
    /// Its first variables.
    pub variables: Variables,
}

/// A running process instance.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessInstance {
    /// Its id.
    pub id: ProcessInstanceId,
    /// The version of the model.
    pub definition_id: ProcessDefinitionId,
    /// Its business key.
    pub business_key: Option<String>,
    /// Whether it ran to its end within the call that started it.
    #[serde(default)]
    pub ended: bool,
    /// Whether it is suspended.
    #[serde(default)]
    pub suspended: bool,
    /// The engine's tenant, if it has tenants.
    pub tenant_id: Option<EngineTenant>,
}

/// Which running instances to list.
#[derive(Debug, Clone, Default)]
pub struct ProcessInstanceQuery {
    /// Of this process.
    pub process_definition_key: Option<String>,
    /// With this business key.
    pub business_key: Option<String>,
    /// Of these tenants; empty: of any and of none.
    pub tenant_id_in: Vec<EngineTenant>,
}

/// A message for the one execution that waits for it, or for the one process that it starts.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageCorrelation {
    /// The name of the message in the model.
    pub message_name: String,
    /// Only for instances with this business key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_key: Option<String>,
    /// Only for this tenant; `None` sends the message to instances of any tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<EngineTenant>,
    /// Only for this instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_instance_id: Option<ProcessInstanceId>,
    /// Only for instances whose variables equal these.
    #[serde(skip_serializing_if = "Variables::is_empty")]
    pub correlation_keys: Variables,
    /// Set in the process instance.
    #[serde(skip_serializing_if = "Variables::is_empty")]
    pub process_variables: Variables,
}

/// A timer or an asynchronous continuation.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// When it is due.
    #[serde(default, deserialize_with = "date::optional")]
    pub due_date: Option<DateTime<Utc>>,
    /// Attempts left; 0 with an incident.
    #[serde(default)]
    pub retries: i32,
    /// The message of the last failure.
    pub exception_message: Option<String>,
    /// The activity that failed.
    pub failed_activity_id: Option<String>,
    /// The process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    /// Of this process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
    /// Of this activity in the model.
    pub activity_id: Option<String>,
    /// Timers only.
    pub timers: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartDto<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    business_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Variables::is_empty")]
    variables: &'a Variables,
}

#[derive(Serialize)]
struct SuspendDto {
    suspended: bool,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Deserialize)]
struct VersionDto {
    version: String,
}

impl EngineClient {
    /// The engine's version; also the cheapest way to see whether it is there.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn version(&self) -> Result<String, EngineError> {
        let dto: VersionDto = self.get(Act::VERSION, &["version"]).read().await?;
        Ok(dto.version)
    }

    /// Starts a process, which runs to its first wait state within the call. Not safe to repeat after a lost
    /// answer; look with [`instance_records_by_business_key`](Self::instance_records_by_business_key) first.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when no such process is deployed; [`EngineError::Suspended`] when it may not be
    /// started for now; [`EngineError::Downstream`] when its first steps failed. Nothing was started then.
    pub async fn start_process(&self, start: &StartProcess) -> Result<ProcessInstance, EngineError> {
        start.variables.check()?;
        let path: &[&str] = match &start.process {
            ProcessSelector::Latest { key, tenant: None } => &["process-definition", "key", key, "start"],
            ProcessSelector::Latest { key, tenant: Some(tenant) } => {
                &["process-definition", "key", key, "tenant-id", tenant.as_str(), "start"]
            }
            ProcessSelector::Definition(id) => &["process-definition", id.as_str(), "start"],
        };
        let dto = StartDto { business_key: start.business_key.as_deref(), variables: &start.variables };
        self.post(Act::START, path).json(&dto).read().await
    }

    /// The running instances that match.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn list_instances(&self, query: &ProcessInstanceQuery) -> Result<Vec<ProcessInstance>, EngineError> {
        self.get(Act::LIST_INSTANCES, &["process-instance"])
            .maybe("processDefinitionKey", query.process_definition_key.as_deref())
            .maybe("businessKey", query.business_key.as_deref())
            .maybe("tenantIdIn", comma_separated(&query.tenant_id_in))
            .read()
            .await
    }

    /// The variables of a running instance.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when it is over; [`variable_records`](Self::variable_records) still knows them.
    pub async fn instance_variables(&self, instance: &ProcessInstanceId) -> Result<Variables, EngineError> {
        self.get(Act::INSTANCE_VARIABLES, &["process-instance", instance.as_str(), "variables"])
            .query("deserializeValues", "false")
            .read()
            .await
    }

    /// Suspends an instance, or lets it go on.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn set_suspended(&self, instance: &ProcessInstanceId, suspended: bool) -> Result<(), EngineError> {
        self.put(Act::SUSPEND, &["process-instance", instance.as_str(), "suspended"]).json(&SuspendDto { suspended }).done().await
    }

    /// Deletes a running instance.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when it is over.
    pub async fn delete_instance(&self, instance: &ProcessInstanceId) -> Result<(), EngineError> {
        self.delete(Act::DELETE_INSTANCE, &["process-instance", instance.as_str()]).done().await
    }

    /// Correlates a message; what it reaches runs to its next wait state within the call.
    ///
    /// # Errors
    /// [`EngineError::NotCorrelated`] when nothing waits for it, or more than one thing does. A suspended
    /// instance does not count as waiting, so the same message may find it later.
    pub async fn correlate(&self, message: &MessageCorrelation) -> Result<(), EngineError> {
        message.process_variables.check()?;
        self.post(Act::CORRELATE, &["message"]).json(message).done().await
    }

    /// The jobs that match.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn list_jobs(&self, query: &JobQuery) -> Result<Vec<Job>, EngineError> {
        self.get(Act::LIST_JOBS, &["job"])
            .maybe("processInstanceId", query.process_instance_id.as_ref().map(ProcessInstanceId::as_str))
            .maybe("activityId", query.activity_id.as_deref())
            .flag("timers", query.timers)
            .read()
            .await
    }

    /// Executes a job now, due or not.
    ///
    /// # Errors
    /// [`EngineError::Downstream`] when it failed.
    pub async fn execute_job(&self, job: &JobId) -> Result<(), EngineError> {
        self.post(Act::EXECUTE_JOB, &["job", job.as_str(), "execute"]).json(&Empty {}).done().await
    }
}
