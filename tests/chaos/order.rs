//! The order of a case in the engine: started, moved on, disturbed, and what history says of it.

use holdfast::engine::{
    ActivityInstance, ActivityQuery, ExternalTask, ProcessInstanceId, ProcessInstanceRecord, TaskQuery, Value, Variables,
};
use serde_json::json;
use uuid::Uuid;

use crate::case::Operation;
use crate::model;
use crate::support::engine::TestEngine;
use crate::support::wait::heard;

/// How many of the product an order wants.
pub(crate) const QUANTITY: u32 = 2;
/// The product.
pub(crate) const PRODUCT: &str = "router";

/// One order.
pub(crate) struct Order {
    pub(crate) instance: ProcessInstanceId,
    engine: TestEngine,
}

impl Order {
    pub(crate) async fn start(engine: &TestEngine, operation: Operation) -> Self {
        let id = Uuid::new_v4();
        let next = match operation {
            Operation::Release | Operation::Confirm | Operation::Extend => operation.as_str(),
            Operation::Reserve
            | Operation::Refuse
            | Operation::Reconcile
            | Operation::ReconcileAbsent
            | Operation::Ask
            | Operation::Publish => "none",
        };
        let lines = json!([{ "orderLineId": Uuid::new_v4(), "productOfferingId": PRODUCT, "quantity": QUANTITY }]);
        let variables = Variables::new()
            .with("orderId", id.to_string())
            .with("orderLines", Value::Json(lines))
            .with("next", next)
            .with("extendFor", "PT2H");
        let instance = engine.start_with_key(model::KEY, Some(&id.to_string()), variables).await.id;
        Self { instance, engine: engine.clone() }
    }

    pub(crate) async fn message(&self, name: &str) {
        self.engine.correlate(&self.instance, name).await;
    }

    /// Deletes the process, as an administrator would.
    pub(crate) async fn delete(&self) {
        heard(async || self.engine.client.delete_instance(&self.instance).await).await;
    }

    /// Starts the reserve task anew, as an operator would by modification: another task for the same step.
    pub(crate) async fn restart_reserve(&self) {
        self.engine.restart(&self.instance, "reserve").await;
    }

    /// Presses Retry.
    pub(crate) async fn retry(&self) {
        for task in self.tasks().await {
            heard(async || self.engine.client.set_retries(&task.id, 1).await).await;
        }
    }

    /// The tasks that are there.
    pub(crate) async fn tasks(&self) -> Vec<ExternalTask> {
        let query = TaskQuery { process_instance_id: Some(self.instance.clone()), ..TaskQuery::default() };
        self.engine.client.list_tasks(&query).await.unwrap()
    }

    /// Everything that history has of it.
    pub(crate) async fn activities(&self) -> Vec<ActivityInstance> {
        let query = ActivityQuery { process_instance_id: Some(self.instance.clone()), ..ActivityQuery::default() };
        self.engine.client.activity_history(&query).await.unwrap()
    }

    /// Whether a token is at this activity.
    pub(crate) async fn is_at(&self, activity: &str) -> bool {
        self.activities().await.iter().any(|seen| seen.activity_id == activity && seen.end_time.is_none())
    }

    /// Whether a task waits in an incident.
    pub(crate) async fn is_in_incident(&self) -> bool {
        self.tasks().await.iter().any(|task| task.retries == Some(0))
    }

    pub(crate) async fn record(&self) -> ProcessInstanceRecord {
        self.engine.record(&self.instance).await
    }
}
