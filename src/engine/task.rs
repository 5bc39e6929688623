//! What a worker says about one task: done, BPMN error, failure; and the lock it holds meanwhile.

use std::time::Duration;

use serde::Serialize;

use super::act::Act;
use super::client::EngineClient;
use super::error::EngineError;
use super::fetch::as_millis;
use super::id::{TaskId, WorkerId};
use super::text::{cut_to_bytes, cut_to_units};
use super::variables::{MAX_STRING_UNITS, Variables};

/// The engine cuts the message of a failure here, in UTF-16 units and through characters; we cut first.
const FAILURE_MESSAGE_UNITS: usize = 666;
/// The engine keeps details of any length, once per failure; more than this helps nobody.
const FAILURE_DETAILS_BYTES: usize = 32 * 1024;

/// The work is done.
#[derive(Debug, Clone, Default)]
pub struct Completion {
    /// Set where they are defined, else in the process instance.
    pub variables: Variables,
    /// Set in the scope of the task only; seen by its output mappings.
    pub local_variables: Variables,
}

/// The work ended in a way that the model has a path for. A code that the model does not catch ends the
/// process instance without a sound.
#[derive(Debug, Clone)]
pub struct BpmnError {
    /// The code that the model catches.
    pub code: String,
    /// A sentence for the model's `camunda:errorMessageVariable`; cut to what a String variable can hold.
    pub message: Option<String>,
    /// Set in the process instance.
    pub variables: Variables,
}

/// The work did not succeed; the engine offers it again, or raises an incident.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What an operator reads first; cut to 666 UTF-16 units.
    pub message: String,
    /// What an operator reads next; cut to 32 KB. `None` keeps the details of the failure before.
    pub details: Option<String>,
    /// Attempts left; 0 raises an incident. Always sent, because the engine reads its absence as 0.
    pub retries: u32,
    /// How long until the task is offered again.
    pub retry_timeout: Duration,
    /// Set in the process instance.
    pub variables: Variables,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CompleteDto<'a> {
    worker_id: &'a WorkerId,
    #[serde(skip_serializing_if = "Variables::is_empty")]
    variables: &'a Variables,
    #[serde(skip_serializing_if = "Variables::is_empty")]
    local_variables: &'a Variables,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BpmnErrorDto<'a> {
    worker_id: &'a WorkerId,
    error_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Variables::is_empty")]
    variables: &'a Variables,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureDto<'a> {
    worker_id: &'a WorkerId,
    error_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_details: Option<&'a str>,
    retries: u32,
    #[serde(serialize_with = "as_millis")]
    retry_timeout: Duration,
    #[serde(skip_serializing_if = "Variables::is_empty")]
    variables: &'a Variables,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtendLockDto<'a> {
    worker_id: &'a WorkerId,
    #[serde(serialize_with = "as_millis")]
    new_duration: Duration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LockDto<'a> {
    worker_id: &'a WorkerId,
    #[serde(serialize_with = "as_millis")]
    lock_duration: Duration,
}

#[derive(Serialize)]
struct RetriesDto {
    retries: u32,
}

impl EngineClient {
    /// Completes a task that `worker` holds, or held last: the engine asks for neither an unexpired lock nor
    /// retries, so this also ends an incident. The process runs on to its next wait state within the call.
    ///
    /// # Errors
    /// [`EngineError::Downstream`] when the process that follows failed; then nothing happened.
    pub async fn complete(&self, task: &TaskId, worker: &WorkerId, completion: &Completion) -> Result<(), EngineError> {
        completion.variables.check()?;
        completion.local_variables.check()?;
        let dto = CompleteDto { worker_id: worker, variables: &completion.variables, local_variables: &completion.local_variables };
        self.post(Act::COMPLETE, &["external-task", task.as_str(), "complete"]).json(&dto).done().await
    }

    /// Throws a BPMN error from a task that `worker` holds, or held last.
    ///
    /// # Errors
    /// [`EngineError::Downstream`] when the process that follows failed; then nothing happened.
    pub async fn bpmn_error(&self, task: &TaskId, worker: &WorkerId, error: &BpmnError) -> Result<(), EngineError> {
        error.variables.check()?;
        // It becomes a String variable, which has the bound of all of them.
        let message = error.message.as_deref().map(|message| cut_to_units(message, MAX_STRING_UNITS));
        let dto =
            BpmnErrorDto { worker_id: worker, error_code: &error.code, error_message: message.as_deref(), variables: &error.variables };
        self.post(Act::BPMN_ERROR, &["external-task", task.as_str(), "bpmnError"]).json(&dto).done().await
    }

    /// Reports a failure of a task that `worker` holds, or held last. The engine keeps the task in the
    /// worker's name until the retry time-out is over.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn failure(&self, task: &TaskId, worker: &WorkerId, failure: &Failure) -> Result<(), EngineError> {
        failure.variables.check()?;
        let message = cut_to_units(&failure.message, FAILURE_MESSAGE_UNITS);
        let details = failure.details.as_deref().map(|details| cut_to_bytes(details, FAILURE_DETAILS_BYTES));
        let dto = FailureDto {
            worker_id: worker,
            error_message: &message,
            error_details: details.as_deref(),
            retries: failure.retries,
            retry_timeout: failure.retry_timeout,
            variables: &failure.variables,
        };
        // Noted before it is sent: an answer that gets lost must not make the task look abandoned.
        if !failure.retry_timeout.is_zero() {
            self.inner.parked.park(task, self.inner.clock.instant(), failure.retry_timeout);
        }
        self.post(Act::FAILURE, &["external-task", task.as_str(), "failure"]).json(&dto).done().await
    }

    /// Sets the end of a lock that is still good to `duration` from now, which may also shorten it.
    ///
    /// # Errors
    /// [`EngineError::LockExpired`] when it has run out, even if nobody else took the task.
    pub async fn extend_lock(&self, task: &TaskId, worker: &WorkerId, duration: Duration) -> Result<(), EngineError> {
        let dto = ExtendLockDto { worker_id: worker, new_duration: duration };
        self.post(Act::EXTEND_LOCK, &["external-task", task.as_str(), "extendLock"]).json(&dto).done().await
    }

    /// Locks one task by its id, also one without retries: takes over what nobody holds, and renews what
    /// `worker` itself held, even after that lock ran out.
    ///
    /// # Errors
    /// [`EngineError::LockLost`] while another worker's lock is good.
    pub async fn lock(&self, task: &TaskId, worker: &WorkerId, duration: Duration) -> Result<(), EngineError> {
        let dto = LockDto { worker_id: worker, lock_duration: duration };
        self.post(Act::LOCK, &["external-task", task.as_str(), "lock"]).json(&dto).done().await
    }

    /// Unlocks a task, **whoever holds it**: the engine asks for no owner. Only for tasks whose lock is
    /// certainly ours or certainly a dead worker's.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn unlock(&self, task: &TaskId) -> Result<(), EngineError> {
        self.post(Act::UNLOCK, &["external-task", task.as_str(), "unlock"]).done().await
    }

    /// Sets the attempts left, as Cockpit's retry button does; more than 0 ends an incident. A parked poll
    /// notices it only at the engine's next sweep, up to 30 s later; the next poll at once.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn set_retries(&self, task: &TaskId, retries: u32) -> Result<(), EngineError> {
        self.put(Act::SET_RETRIES, &["external-task", task.as_str(), "retries"]).json(&RetriesDto { retries }).done().await
    }
}
