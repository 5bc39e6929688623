//! One order in the engine, driven from outside: its tasks answered, its messages sent, its timers fired.

use std::time::Duration;

use holdfast::engine::{
    ActivityQuery, BpmnError, Completion, FetchOrder, FetchRequest, Job, JobQuery, LockedTask, MessageCorrelation, ProcessInstanceId,
    ProcessSelector, StartProcess, TopicSubscription, UserTask, UserTaskQuery, Variables,
};
use uuid::Uuid;

use super::stage::Stage;
use crate::support::wait::{SOON, heard, until};

const TOPICS: [&str; 5] = ["inventory.recheck", "inventory.reserve", "inventory.confirm", "inventory.release", "inventory.reconcile"];
/// What the daemon reads, and the path asserts on.
const READ: [&str; 12] = [
    "orderId",
    "reservationStep",
    "attemptGroup",
    "recheckMode",
    "reservationId",
    "externalReservationRef",
    "reservedUntil",
    "decision",
    "decisionReference",
    "decisionComment",
    "decidedBy",
    "reservationStatus",
];

/// One order in the engine.
pub(super) struct Order<'a> {
    stage: &'a Stage,
    pub(super) id: String,
    instance: ProcessInstanceId,
}

/// What the daemon says after a reservation.
pub(super) fn held() -> Variables {
    Variables::new()
        .with("reservationId", "5a4d8713-25ff-48a8-a509-3dc4fe2342b5")
        .with("reservationStatus", "RESERVED")
        .with("externalReservationRef", "HOLD-1")
        .with("reservedUntil", "2099-01-01T00:00:00Z")
        .with("reservationPartial", false)
}

/// What the daemon says after a reconciliation.
pub(super) fn status(status: &str) -> Variables {
    Variables::new().with("reservationStatus", status)
}

/// Nothing.
pub(super) fn nothing() -> Variables {
    Variables::new()
}

impl<'a> Order<'a> {
    /// An order of this tenant, just accepted.
    pub(super) async fn start(stage: &'a Stage, variables: Variables) -> Self {
        let id = Uuid::new_v4().to_string();
        let start = StartProcess {
            process: ProcessSelector::Latest { key: "order-fulfilment".to_owned(), tenant: Some(stage.tenant.clone()) },
            business_key: Some(id.clone()),
            variables: variables.with("orderId", id.as_str()),
        };
        let instance = stage.client.start_process(&start).await.unwrap().id;
        stage.note(&instance);
        Self { stage, id, instance }
    }

    /// An order that stands before the reservation.
    pub(super) async fn available(stage: &'a Stage, variables: Variables) -> Self {
        let order = Self::start(stage, variables).await;
        order.done("Task_CheckAvailability", nothing()).await;
        order
    }

    /// An order that holds stock and waits for fulfilment.
    pub(super) async fn reserved(stage: &'a Stage, variables: Variables) -> Self {
        let order = Self::available(stage, variables).await;
        order.done("Task_ReserveStock", held()).await;
        order.waits_at("Receive_FulfilmentDone").await;
        order
    }

    /// An order that stands before the confirmation.
    pub(super) async fn fulfilled(stage: &'a Stage, variables: Variables) -> Self {
        let order = Self::reserved(stage, variables).await;
        order.message("FulfilmentDone").await;
        order.done("Task_CheckHold", nothing()).await;
        order
    }

    /// Takes the task, which must be the next one, and leaves it unanswered.
    pub(super) async fn taken(&self, activity: &str) -> LockedTask {
        let topic = |name: &&str| TopicSubscription::new(*name, Duration::from_mins(10), &READ).for_tenants([self.stage.tenant.clone()]);
        let request = FetchRequest {
            worker_id: self.stage.worker.clone(),
            max_tasks: 1,
            long_poll: Some(Duration::from_secs(2)),
            order: FetchOrder::default(),
            topics: TOPICS.iter().map(topic).collect(),
        };
        let task =
            until(activity, SOON, async || self.stage.client.fetch_and_lock(&request).await.ok().and_then(|mut tasks| tasks.pop())).await;
        assert_eq!(task.activity_id, activity);
        assert_eq!(task.business_key.as_deref(), Some(self.id.as_str()), "the order id is the business key everywhere");
        self.stage.note(&task.process_instance_id);
        task
    }

    /// Completes the next task.
    pub(super) async fn done(&self, activity: &str, variables: Variables) -> LockedTask {
        let task = self.taken(activity).await;
        self.complete(&task, variables).await;
        task
    }

    /// Completes a task that was taken.
    pub(super) async fn complete(&self, task: &LockedTask, variables: Variables) {
        let completion = Completion { variables, ..Completion::default() };
        self.stage.client.complete(&task.id, &self.stage.worker, &completion).await.unwrap();
    }

    /// Throws a BPMN error from the next task.
    pub(super) async fn refused(&self, activity: &str, code: &str) {
        let task = self.taken(activity).await;
        let error = BpmnError { code: code.to_owned(), message: Some("as the path says".to_owned()), variables: nothing() };
        self.stage.client.bpmn_error(&task.id, &self.stage.worker, &error).await.unwrap();
    }

    /// Takes the next task, never answers, and fires the timer on it; says when the timer was due.
    pub(super) async fn unanswered(&self, activity: &str, timer: &str) -> Job {
        self.taken(activity).await;
        self.fires(timer).await
    }

    /// The timer of that event, which must be set.
    pub(super) async fn timer(&self, event: &str) -> Job {
        let query = JobQuery { process_instance_id: Some(self.instance.clone()), activity_id: Some(event.to_owned()), timers: true };
        until(event, SOON, async || self.stage.client.list_jobs(&query).await.unwrap().pop()).await
    }

    /// Fires the timer of that event before it is due.
    pub(super) async fn fires(&self, event: &str) -> Job {
        let job = self.timer(event).await;
        self.stage.client.execute_job(&job.id).await.unwrap();
        job
    }

    /// Waits until the token stands at that activity.
    pub(super) async fn waits_at(&self, activity: &str) {
        let query = ActivityQuery {
            process_instance_id: Some(self.instance.clone()),
            activity_id: Some(activity.to_owned()),
            ..ActivityQuery::default()
        };
        until(activity, SOON, async || {
            self.stage.client.activity_history(&query).await.unwrap().into_iter().find(|activity| activity.end_time.is_none())
        })
        .await;
    }

    /// Sends a message to whatever waits for it under this order's business key.
    pub(super) async fn message(&self, name: &str) {
        let message = MessageCorrelation {
            message_name: name.to_owned(),
            business_key: Some(self.id.clone()),
            tenant_id: Some(self.stage.tenant.clone()),
            ..MessageCorrelation::default()
        };
        heard(async || self.stage.client.correlate(&message).await).await;
    }

    /// The questions that wait for a human.
    pub(super) async fn questions(&self) -> Vec<UserTask> {
        let query = UserTaskQuery { business_key: Some(self.id.clone()), ..UserTaskQuery::default() };
        self.stage.client.list_user_tasks(&query).await.unwrap()
    }

    /// Waits for the question, without answering it.
    pub(super) async fn question(&self) -> UserTask {
        until("a human is asked", SOON, async || self.questions().await.pop()).await
    }

    /// Answers the question by posting the form.
    pub(super) async fn decides(&self, form: Variables) {
        let task = self.question().await;
        assert_eq!(task.task_definition_key, "Task_DecideReservation");
        self.stage.client.complete_user_task(&task.id, &form).await.unwrap();
    }

    /// The instance completes, and has passed these end events and no others.
    pub(super) async fn ends_at(&self, ends: &[&str]) {
        let record = until("the order ends", SOON, async || {
            self.stage.client.instance_record(&self.instance).await.unwrap().filter(|record| record.end_time.is_some())
        })
        .await;
        assert_eq!(record.state, "COMPLETED");
        let query = ActivityQuery { process_instance_id: Some(self.instance.clone()), ..ActivityQuery::default() };
        let activities = self.stage.client.activity_history(&query).await.unwrap();
        let passed: Vec<&str> =
            activities.iter().map(|activity| activity.activity_id.as_str()).filter(|activity| activity.starts_with("End_")).collect();
        assert_eq!(passed, ends);
        assert!(self.questions().await.is_empty(), "nobody is asked about an order that is over");
    }

    /// How far in the future an instant lies, by this machine's clock.
    pub(super) fn minutes_until(&self, job: &Job) -> i64 {
        (job.due_date.unwrap() - self.stage.client.clock().now()).num_minutes()
    }
}
