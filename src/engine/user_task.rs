//! Tasks for people.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::client::EngineClient;
use super::date;
use super::error::EngineError;
use super::id::{EngineTenant, ProcessInstanceId, UserTaskId};
use super::query::comma_separated;
use super::variables::Variables;

/// A task that waits for a person.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserTask {
    /// Its id.
    pub id: UserTaskId,
    /// Its name in the model.
    pub name: Option<String>,
    /// Its id in the model.
    pub task_definition_key: String,
    /// Who took it.
    pub assignee: Option<String>,
    /// The process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
    /// The engine's tenant, if it has tenants.
    pub tenant_id: Option<EngineTenant>,
    /// Since when it waits.
    #[serde(default, deserialize_with = "date::optional")]
    pub created: Option<DateTime<Utc>>,
}

/// Which tasks for people to list.
#[derive(Debug, Clone, Default)]
pub struct UserTaskQuery {
    /// Of this process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
    /// Of instances with this business key.
    pub business_key: Option<String>,
    /// With this id in the model.
    pub task_definition_key: Option<String>,
    /// Of these tenants; empty: of any and of none.
    pub tenant_id_in: Vec<EngineTenant>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssigneeDto<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct CompleteDto<'a> {
    variables: &'a Variables,
}

impl EngineClient {
    /// The tasks for people that match.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn list_user_tasks(&self, query: &UserTaskQuery) -> Result<Vec<UserTask>, EngineError> {
        self.get(Act::LIST_USER_TASKS, &["task"])
            .maybe("processInstanceId", query.process_instance_id.as_ref().map(ProcessInstanceId::as_str))
            .maybe("processInstanceBusinessKey", query.business_key.as_deref())
            .maybe("taskDefinitionKey", query.task_definition_key.as_deref())
            .maybe("tenantIdIn", comma_separated(&query.tenant_id_in))
            .read()
            .await
    }

    /// Names the person who has a task.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn assign_user_task(&self, task: &UserTaskId, user: &str) -> Result<(), EngineError> {
        self.post(Act::ASSIGN_USER_TASK, &["task", task.as_str(), "assignee"]).json(&AssigneeDto { user_id: user }).done().await
    }

    /// Completes a task in a person's stead, as its form would.
    ///
    /// # Errors
    /// [`EngineError::Downstream`] when the process that follows failed.
    pub async fn complete_user_task(&self, task: &UserTaskId, variables: &Variables) -> Result<(), EngineError> {
        variables.check()?;
        let path = ["task", task.as_str(), "submit-form"];
        self.post(Act::COMPLETE_USER_TASK, &path).json(&CompleteDto { variables }).done().await
    }
}
