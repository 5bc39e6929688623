//! Looking an engine over: its clock, what our user may do there, how much it remembers, what is in a deployment.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::act::Act;
use super::client::EngineClient;
use super::error::EngineError;
use super::id::DeploymentId;
use super::query::TaskQuery;

/// The engine's status for a question about a user when there is none.
const NOBODY: u16 = 401;

/// One file of a deployment.
#[derive(Debug, Clone, Deserialize)]
pub struct DeployedFile {
    /// Its id, within the deployment.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Something that a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// What is done.
    pub act: &'static str,
    /// To what.
    pub to: &'static str,
    /// The engine's number of that.
    pub resource_type: u8,
}

/// Whether something is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// The engine says so.
    Yes,
    /// The engine says no, at least not for everything of that kind.
    No,
    /// The engine does not know who asks: its REST API is open to everybody.
    Open,
}

/// How much the engine remembers, as far as it shows: it has no way to be asked for its history level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryEvidence {
    /// Tasks are logged, which happens at the level `full` only.
    Full,
    /// There is a task that was never logged.
    BelowFull,
    /// There is no task that could tell.
    NothingToTell,
}

#[derive(Deserialize)]
struct AuthorizedDto {
    #[serde(rename = "isAuthorized")]
    is_authorized: bool,
}

#[derive(Deserialize)]
struct CountDto {
    count: u64,
}

impl EngineClient {
    /// What the engine's server gives as the time, to the second.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn server_date(&self) -> Result<Option<DateTime<Utc>>, EngineError> {
        self.get(Act::VERSION, &["version"]).date().await
    }

    /// Whether our user may do this to everything of its kind.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn is_allowed(&self, permission: Permission) -> Result<Allowed, EngineError> {
        let asked = self
            .get(Act::AUTHORIZED, &["authorization", "check"])
            .query("permissionName", permission.act)
            .query("resourceName", permission.to)
            .query("resourceType", permission.resource_type.to_string())
            .read::<AuthorizedDto>()
            .await;
        match asked {
            Ok(dto) if dto.is_authorized => Ok(Allowed::Yes),
            Ok(_) => Ok(Allowed::No),
            Err(EngineError::Refused { status: NOBODY, .. }) => Ok(Allowed::Open),
            Err(error) => Err(error),
        }
    }

    /// What there is to see of the history level.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn history_evidence(&self) -> Result<HistoryEvidence, EngineError> {
        let waiting = self.list_tasks(&TaskQuery { limit: Some(1), ..TaskQuery::default() }).await?;
        if let Some(task) = waiting.first() {
            let logged = !self.task_log(&task.id).await?.is_empty();
            return Ok(if logged { HistoryEvidence::Full } else { HistoryEvidence::BelowFull });
        }
        let log: CountDto = self.get(Act::COUNT_TASK_LOG, &["history", "external-task-log", "count"]).read().await?;
        Ok(if log.count > 0 { HistoryEvidence::Full } else { HistoryEvidence::NothingToTell })
    }

    /// The files of a deployment.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is no such deployment.
    pub async fn deployment_files(&self, deployment: &DeploymentId) -> Result<Vec<DeployedFile>, EngineError> {
        self.get(Act::DEPLOYMENT_FILES, &["deployment", deployment.as_str(), "resources"]).read().await
    }

    /// The text of a file of a deployment.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is no such file.
    pub async fn deployment_file(&self, deployment: &DeploymentId, file: &DeployedFile) -> Result<String, EngineError> {
        self.get(Act::DEPLOYMENT_FILE, &["deployment", deployment.as_str(), "resources", &file.id, "data"]).text().await
    }
}
