//! What an operator sees and does at the engine, and the daemon never needs: histories, corrections, claiming a task.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::engine::{ProcessInstanceId, TaskId, UserTaskId, parse_date};

/// The engine's REST API for operators.
#[derive(Debug, Clone)]
pub(super) struct EngineDesk {
    http: reqwest::Client,
    base: String,
    tenant: String,
}

/// A run of an activity.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Activity {
    /// Its id in the model.
    pub(super) activity_id: String,
    /// Its name in the model.
    pub(super) activity_name: Option<String>,
    /// The kind of element.
    pub(super) activity_type: String,
    /// The outermost instance.
    pub(super) root_process_instance_id: Option<ProcessInstanceId>,
}

impl Activity {
    /// Whether an instance ended here.
    pub(super) fn is_end(&self) -> bool {
        self.activity_type.ends_with("EndEvent")
    }
}

/// An incident, open or over.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PastIncident {
    /// Its id.
    pub(super) id: String,
    /// The id of the one that caused it; its own where it is no echo of another instance's.
    pub(super) root_cause_incident_id: Option<String>,
    /// The activity.
    pub(super) activity_id: Option<String>,
    /// For an external task, its id.
    pub(super) configuration: Option<TaskId>,
    /// Its message.
    pub(super) incident_message: Option<String>,
    /// When it was raised.
    #[serde(default, deserialize_with = "date")]
    pub(super) create_time: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, deserialize_with = "date")]
    pub(super) end_time: Option<DateTime<Utc>>,
    /// It is open.
    pub(super) open: bool,
    /// Its task was taken away.
    pub(super) deleted: bool,
}

/// One line of the log of external tasks.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskLine {
    /// The task.
    pub(super) external_task_id: TaskId,
    /// Who reported.
    pub(super) worker_id: Option<String>,
    /// Attempts left.
    pub(super) retries: Option<i32>,
    /// The message of a failure.
    pub(super) error_message: Option<String>,
    /// A failure was reported.
    pub(super) failure_log: bool,
    /// The task was completed.
    pub(super) success_log: bool,
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(parse_date))
}

impl EngineDesk {
    /// The API at this address, for one tenant.
    pub(super) fn new(http: reqwest::Client, base: String, tenant: String) -> Self {
        Self { http, base, tenant }
    }

    /// Everything that is under way, of all instances of the tenant.
    pub(super) async fn under_way(&self) -> Result<Vec<Activity>, CliError> {
        self.get("history/activity-instance", &[("tenantIdIn", &self.tenant), ("unfinished", "true")]).await
    }

    /// Everything that an instance passed or is at, in that order.
    pub(super) async fn activities(&self, instance: &ProcessInstanceId, finished: bool) -> Result<Vec<Activity>, CliError> {
        let state = if finished { "finished" } else { "unfinished" };
        let query = [("processInstanceId", instance.as_str()), (state, "true"), ("sortBy", "occurrence"), ("sortOrder", "asc")];
        self.get("history/activity-instance", &query).await
    }

    /// The incidents of an instance's own tasks, oldest first.
    pub(super) async fn incidents(&self, instance: &ProcessInstanceId) -> Result<Vec<PastIncident>, CliError> {
        let query = [("processInstanceId", instance.as_str()), ("sortBy", "createTime"), ("sortOrder", "asc")];
        let found: Vec<PastIncident> = self.get("history/incident", &query).await?;
        Ok(found
            .into_iter()
            .filter(|incident| incident.root_cause_incident_id.as_ref().is_none_or(|cause| *cause == incident.id))
            .collect())
    }

    /// What was reported about an instance's external tasks, oldest first.
    pub(super) async fn task_lines(&self, instance: &ProcessInstanceId) -> Result<Vec<TaskLine>, CliError> {
        let query = [("processInstanceId", instance.as_str()), ("sortBy", "timestamp"), ("sortOrder", "asc")];
        self.get("history/external-task-log", &query).await
    }

    /// Sets a variable of a running instance, as Cockpit does.
    pub(super) async fn set_json(&self, instance: &ProcessInstanceId, name: &str, value: &Value) -> Result<(), CliError> {
        let body = json!({ "type": "Json", "value": value.to_string() });
        self.send(self.http.put(self.url(&format!("process-instance/{instance}/variables/{name}"))).json(&body)).await.map(drop)
    }

    /// Takes a task for a person, as Tasklist does.
    pub(super) async fn claim(&self, task: &UserTaskId, user: &str) -> Result<(), CliError> {
        self.send(self.http.post(self.url(&format!("task/{task}/claim"))).json(&json!({ "userId": user }))).await.map(drop)
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CliError> {
        let query: HashMap<_, _> = query.iter().copied().collect();
        let body = self.send(self.http.get(self.url(path)).query(&query)).await?;
        serde_json::from_str(&body)
            .map_err(|error| CliError::Said(format!("the engine's answer to {path} is not what it should be: {error}")))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<String, CliError> {
        let away = |error: reqwest::Error| CliError::Said(format!("the engine at {} does not answer: {}", self.base, error.without_url()));
        let answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let body = answer.text().await.map_err(away)?;
        if status.is_success() { Ok(body) } else { Err(CliError::Said(format!("the engine at {} answered {status}: {body}", self.base))) }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}
