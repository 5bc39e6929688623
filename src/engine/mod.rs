//! Camunda 7's REST API, in Camunda's words: a typed client, and the loop that polls for external tasks.
//!
//! **Invariant:** nothing here knows a topic, an order or a reservation; the poll loop hands what it fetched
//! to a [`TaskHandler`] and keeps the locks while that works.
//!
//! **Invariant:** no call is repeated behind the caller's back, except once after a 401 with a new token.
//!
//! **Invariant:** a status code alone decides nothing. An answer counts as the engine's only if its body is
//! the engine's; a 404 from a proxy never becomes [`EngineError::TaskGone`].

mod act;
mod auth;
mod bulk;
mod classify;
mod client;
mod date;
mod deployment;
mod error;
mod fetch;
mod ghosts;
mod hand_back;
mod history;
mod id;
mod in_flight;
mod incident;
mod lease;
mod lock_keeper;
mod loop_status;
mod parked;
mod poller;
mod query;
mod runtime;
mod settings;
mod survey;
mod task;
mod text;
mod transport;
mod user_task;
mod variables;

pub use auth::{ClientCredentials, Credentials, SecretPlacement};
pub use client::EngineClient;
pub use date::{format_date, parse_date};
pub use deployment::{DeployedDefinition, Deployment, NewDeployment, ProcessDefinition, Resource};
pub use error::{EngineError, TransientCause};
pub use fetch::{FetchOrder, FetchRequest, LockedTask, TopicSubscription};
pub use history::{ActivityInstance, ActivityQuery, ProcessInstanceRecord, TaskFate, TaskLogEntry, VariableRecord};
pub use id::{
    DeploymentId, EngineTenant, ExecutionId, IncidentId, JobId, ProcessDefinitionId, ProcessInstanceId, TaskId, UserTaskId, WorkerId,
};
pub use in_flight::{HeldTask, Hold};
pub use incident::{Incident, IncidentQuery};
pub use lease::{CancelReason, LeaseOver, TaskLease};
pub use loop_status::{LoopSnapshot, LoopStage, LoopStatus};
pub use poller::{Poller, PollerSettings, RefillPolicy, TaskHandler};
pub use query::{ExternalTask, TaskQuery, TopicFilter};
pub use runtime::{Job, JobQuery, MessageCorrelation, ProcessInstance, ProcessInstanceQuery, ProcessSelector, StartProcess};
pub use settings::EngineSettings;
pub use survey::{Allowed, DeployedFile, HistoryEvidence, Permission};
pub use task::{BpmnError, Completion, Failure};
pub use text::{cut_to_bytes, cut_to_units};
pub use user_task::{UserTask, UserTaskQuery};
pub use variables::{MAX_STRING_UNITS, Required, Value, VariableError, Variables};
