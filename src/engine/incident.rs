//! Incidents, and the annotations by which we tell operators how things stand.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::client::EngineClient;
use super::date;
use super::error::EngineError;
use super::id::{ExecutionId, IncidentId, ProcessInstanceId, TaskId};
use super::text::cut_to_units;

/// The longest annotation that the engine stores.
const ANNOTATION_UNITS: usize = 4_000;
/// The type of an incident that a failure without retries raises.
const FAILED_EXTERNAL_TASK: &str = "failedExternalTask";

/// An open incident.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// `failedExternalTask`, `failedJob`, or a type of the customer's own.
    pub incident_type: String,
    /// The message of the failure that raised it; later failures do not change it.
    pub incident_message: Option<String>,
    /// What operators read beside it.
    pub annotation: Option<String>,
    /// What failed: for `failedExternalTask` the id of the task.
    pub configuration: Option<String>,
    /// The process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
    /// The token that waits.
    pub execution_id: Option<ExecutionId>,
    /// The activity in the model.
    pub activity_id: Option<String>,
    /// Since when it is open.
    #[serde(default, deserialize_with = "date::optional")]
    pub incident_timestamp: Option<DateTime<Utc>>,
}

/// Which incidents to list.
#[derive(Debug, Clone, Default)]
pub struct IncidentQuery {
    /// Of this process instance.
    pub process_instance_id: Option<ProcessInstanceId>,
    /// Of this token.
    pub execution_id: Option<ExecutionId>,
    /// Of this activity.
    pub activity_id: Option<String>,
    /// Of this type.
    pub incident_type: Option<String>,
    /// Raised by this task or job.
    pub configuration: Option<String>,
}

#[derive(Serialize)]
struct AnnotationDto<'a> {
    annotation: &'a str,
}

impl EngineClient {
    /// The open incidents that match.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn list_incidents(&self, query: &IncidentQuery) -> Result<Vec<Incident>, EngineError> {
        self.get(Act::LIST_INCIDENTS, &["incident"])
            .maybe("processInstanceId", query.process_instance_id.as_ref().map(ProcessInstanceId::as_str))
            .maybe("executionId", query.execution_id.as_ref().map(ExecutionId::as_str))
            .maybe("activityId", query.activity_id.as_deref())
            .maybe("incidentType", query.incident_type.as_deref())
            .maybe("configuration", query.configuration.as_deref())
            .read()
            .await
    }

    /// The incident that a failure of this task raised, while it is open.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn incident_of_task(&self, task: &TaskId) -> Result<Option<Incident>, EngineError> {
        let query = IncidentQuery {
            incident_type: Some(FAILED_EXTERNAL_TASK.to_owned()),
            configuration: Some(task.as_str().to_owned()),
            ..IncidentQuery::default()
        };
        Ok(self.list_incidents(&query).await?.into_iter().next())
    }

    /// Writes what operators read beside the incident, in place of what was there; cut to 4,000 UTF-16 units.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when the incident is over; an engine may also answer with
    /// [`EngineError::Permanent`].
    pub async fn annotate_incident(&self, incident: &IncidentId, annotation: &str) -> Result<(), EngineError> {
        let annotation = cut_to_units(annotation, ANNOTATION_UNITS);
        self.put(Act::ANNOTATE, &["incident", incident.as_str(), "annotation"])
            .json(&AnnotationDto { annotation: &annotation })
            .done()
            .await
    }
}
