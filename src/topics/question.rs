//! Questions that processes put to humans: withdrawn once the answer is found, answered in the human's stead where they gave up elsewhere.

use crate::chain::chain;
use crate::engine::{EngineError, MessageCorrelation, ProcessInstanceId, UserTaskQuery, Variables};
use crate::operations::{AnsweredCase, OperationError};
use crate::topics::handler::Topics;

/// The message that withdraws a question, in the shipped models.
const SETTLED: &str = "ReservationSettled";

impl Topics {
    /// Withdraws the question of a case whose answer has been found. A process that asks no more has nothing to be withdrawn.
    ///
    /// # Errors
    /// [`OperationError::Store`] if the database is away.
    pub async fn withdraw(&self, case: &AnsweredCase) -> Result<(), OperationError> {
        let message = MessageCorrelation {
            message_name: SETTLED.to_owned(),
            process_instance_id: Some(ProcessInstanceId::new(case.asked_in.as_str())),
            ..MessageCorrelation::default()
        };
        match self.engine.correlate(&message).await {
            Ok(()) => tracing::info!(instance.id = case.asked_in, "a question to a human was withdrawn: the answer has been found"),
            Err(EngineError::NotCorrelated { .. } | EngineError::NotFound { .. }) => {}
            Err(error) => {
                tracing::warn!(instance.id = case.asked_in, error = %chain(&error), "a question to a human could not be withdrawn yet");
                return Ok(());
            }
        }
        self.operations.withdraw_case(case).await
    }

    /// Answers an open question with giving up, so that its process goes on; false if no such question is open.
    ///
    /// # Errors
    /// As the engine says.
    pub async fn give_up_in(&self, instance: &str, by: &str, comment: Option<&str>) -> Result<bool, EngineError> {
        let query = UserTaskQuery { process_instance_id: Some(ProcessInstanceId::new(instance)), ..UserTaskQuery::default() };
        let Some(question) = self.engine.list_user_tasks(&query).await?.pop() else { return Ok(false) };
        // The model takes the name of who decided from the task.
        self.engine.assign_user_task(&question.id, by).await?;
        let mut answer = Variables::new().with("decision", "GIVE_UP");
        if let Some(comment) = comment {
            answer.set("decisionComment", comment.to_owned());
        }
        self.engine.complete_user_task(&question.id, &answer).await?;
        Ok(true)
    }
}
