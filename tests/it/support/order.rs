//! One order in the engine with a daemon at work: started, fulfilled, cancelled, and looked at from every side.

use std::time::Duration;

use holdfast::engine::{
    ActivityQuery, Incident, IncidentQuery, Job, JobQuery, MessageCorrelation, ProcessInstanceId, ProcessSelector, StartProcess, TaskId,
    UserTask, UserTaskQuery, Value, Variables,
};
use holdfast::simulator::{Effect, Hold, LedgerEntry, Operation};
use serde_json::{Value as JsonValue, json};
use uuid::Uuid;

use super::engine::TestEngine;
use super::http::http;
use super::rows::{self, Call, Fact, Move, Row};
use super::shop::Shop;
use super::wait::until;

/// The bound for what engine, daemon and inventory do by themselves, on a machine that has other things to do.
pub(crate) const BY_ITSELF: Duration = Duration::from_secs(90);

/// One order of a shop.
pub(crate) struct Order<'a> {
    pub(crate) shop: &'a Shop,
    pub(crate) id: Uuid,
    pub(crate) instance: ProcessInstanceId,
    engine: TestEngine,
    variables: Variables,
}

/// Order lines as a process has them: one line of routers.
pub(crate) fn lines(quantity: impl Into<JsonValue>) -> Value {
    lines_of("router", quantity)
}

/// One line of another product.
pub(crate) fn lines_of(product: &str, quantity: impl Into<JsonValue>) -> Value {
    Value::Json(json!([{ "orderLineId": Uuid::new_v4(), "productOfferingId": product, "quantity": quantity.into() }]))
}

impl Shop {
    /// An order of two routers, just accepted.
    pub(crate) async fn order(&self) -> Order<'_> {
        self.order_with(|usual| usual).await
    }

    /// The same with other variables.
    pub(crate) async fn order_with(&self, change: impl FnOnce(Variables) -> Variables) -> Order<'_> {
        self.order_of(&self.engine, change).await
    }

    /// The same for another tenant of the engine.
    pub(crate) async fn order_of(&self, engine: &TestEngine, change: impl FnOnce(Variables) -> Variables) -> Order<'_> {
        let id = Uuid::new_v4();
        let usual = Variables::new().with("orderId", id.to_string()).with("orderLines", lines(2));
        Order::start(self, engine, id, change(usual)).await
    }
}

impl<'a> Order<'a> {
    async fn start(shop: &'a Shop, engine: &TestEngine, id: Uuid, variables: Variables) -> Self {
        let start = StartProcess {
            process: ProcessSelector::Latest { key: "order-fulfilment".to_owned(), tenant: Some(engine.tenant.clone()) },
            business_key: Some(id.to_string()),
            variables: variables.clone(),
        };
        let instance = engine.client.start_process(&start).await.unwrap().id;
        Self { shop, id, instance, engine: engine.clone(), variables }
    }

    /// An order that somebody else has started, as soon as its process is there.
    pub(crate) async fn found(shop: &'a Shop, id: Uuid) -> Self {
        let instance = until(&format!("order {id} has a process"), BY_ITSELF, async || Self::instances(shop, id).await.pop()).await;
        Self { shop, id, instance, engine: shop.engine.clone(), variables: Variables::new() }
    }

    /// The processes of an order, running or over.
    pub(crate) async fn instances(shop: &Shop, id: Uuid) -> Vec<ProcessInstanceId> {
        let (client, tenant) = (&shop.engine.client, Some(&shop.engine.tenant));
        let records = client.instance_records_by_business_key("order-fulfilment", &id.to_string(), tenant).await.unwrap();
        records.into_iter().map(|record| record.id).collect()
    }

    /// The same order once more, as another process instance.
    pub(crate) async fn again(&self, change: impl FnOnce(Variables) -> Variables) -> Self {
        Self::start(self.shop, &self.engine, self.id, change(self.variables.clone())).await
    }

    /// Tells the process that the order is fulfilled.
    pub(crate) async fn fulfil(&self) {
        self.engine.correlate(&self.instance, "FulfilmentDone").await;
    }

    /// Cancels the order.
    pub(crate) async fn cancel(&self) {
        let message = MessageCorrelation {
            message_name: "OrderCancelled".to_owned(),
            business_key: Some(self.id.to_string()),
            tenant_id: Some(self.engine.tenant.clone()),
            ..MessageCorrelation::default()
        };
        crate::support::wait::heard(async || self.engine.client.correlate(&message).await).await;
    }

    /// Cancels this instance of the order, where there is another.
    pub(crate) async fn cancel_instance(&self) {
        self.engine.correlate(&self.instance, "OrderCancelled").await;
    }

    /// Waits until the token stands at that activity.
    pub(crate) async fn waits_at(&self, activity: &str) {
        let activity_id = Some(activity.to_owned());
        let query = ActivityQuery { process_instance_id: Some(self.instance.clone()), activity_id, ..ActivityQuery::default() };
        until(&format!("order {} waits at {activity}", self.id), BY_ITSELF, async || {
            self.engine.client.activity_history(&query).await.unwrap().into_iter().find(|activity| activity.end_time.is_none())
        })
        .await;
    }

    /// Waits until it holds stock and waits for its fulfilment.
    pub(crate) async fn is_reserved(&self) {
        self.waits_at("Receive_FulfilmentDone").await;
    }

    /// Waits until the instance has ended; it completed, at these end events and no others.
    pub(crate) async fn ends_at(&self, ends: &[&str]) {
        let record = until(&format!("order {} ends", self.id), BY_ITSELF, async || {
            Some(self.engine.record(&self.instance).await).filter(|record| record.end_time.is_some())
        })
        .await;
        assert_eq!(record.state, "COMPLETED");
        assert_eq!(self.engine.client.end_events(&self.instance).await.unwrap(), ends);
    }

    /// Whether the process has ended.
    pub(crate) async fn has_ended(&self) -> bool {
        self.engine.record(&self.instance).await.end_time.is_some()
    }

    /// How often an activity has run.
    pub(crate) async fn runs_of(&self, activity: &str) -> usize {
        let activity_id = Some(activity.to_owned());
        let query = ActivityQuery { process_instance_id: Some(self.instance.clone()), activity_id, ..ActivityQuery::default() };
        self.engine.client.activity_history(&query).await.unwrap().len()
    }

    /// A variable of the process, as the engine remembers it; null if there is none.
    pub(crate) async fn variable(&self, name: &str) -> JsonValue {
        let records = self.engine.client.variable_records(&self.instance).await.unwrap();
        let of_process = |instance: &Option<String>| instance.as_deref() == Some(self.instance.as_str());
        records
            .into_iter()
            .find(|record| record.name == name && of_process(&record.activity_instance_id))
            .map_or(JsonValue::Null, |r| r.value)
    }

    /// Sets a variable of the process, as an operator does in Cockpit.
    pub(crate) async fn set_variable(&self, name: &str, value: Value) {
        let url = format!("{}/process-instance/{}/variables", self.engine.base_url, self.instance);
        let body = json!({ "modifications": Variables::new().with(name, value) });
        assert!(http().post(url).json(&body).send().await.unwrap().status().is_success());
    }

    /// The incidents that are open now.
    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        let query = IncidentQuery { process_instance_id: Some(self.instance.clone()), ..IncidentQuery::default() };
        self.engine.client.list_incidents(&query).await.unwrap()
    }

    /// Waits for the incident, and says which task raised it.
    pub(crate) async fn incident(&self) -> (Incident, TaskId) {
        let incident = until(&format!("order {} has an incident", self.id), BY_ITSELF, async || self.incidents().await.pop()).await;
        assert_eq!(incident.incident_type, "failedExternalTask", "{incident:?}");
        let task = TaskId::from(incident.configuration.clone().unwrap());
        (incident, task)
    }

    /// Every incident that there ever was: its message, and whether it was resolved.
    pub(crate) async fn past_incidents(&self) -> Vec<(String, bool)> {
        let found = self.get("history/incident").await;
        let incident = |i: &JsonValue| (i["incidentMessage"].as_str().unwrap_or_default().to_owned(), i["resolved"] == json!(true));
        found.as_array().unwrap().iter().map(incident).collect()
    }

    /// How many failures were reported of the order's external tasks.
    pub(crate) async fn failures(&self) -> usize {
        let log = self.get("history/external-task-log").await;
        log.as_array().unwrap().iter().filter(|entry| entry["failureLog"] == json!(true)).count()
    }

    async fn get(&self, path: &str) -> JsonValue {
        self.get_at(&format!("{path}?processInstanceId={}", self.instance)).await
    }

    async fn get_at(&self, path: &str) -> JsonValue {
        let url = format!("{}/{path}", self.engine.base_url);
        serde_json::from_str(&http().get(url).send().await.unwrap().text().await.unwrap()).unwrap()
    }

    /// Waits for the question to a human, about this order or what it called.
    pub(crate) async fn question(&self) -> UserTask {
        let query = UserTaskQuery { business_key: Some(self.id.to_string()), ..UserTaskQuery::default() };
        until(&format!("a human is asked about order {}", self.id), BY_ITSELF, async || {
            self.engine.client.list_user_tasks(&query).await.unwrap().pop()
        })
        .await
    }

    /// What the form shows in a field.
    pub(crate) async fn form_variable(&self, task: &UserTask, name: &str) -> JsonValue {
        self.get_at(&format!("task/{}/form-variables?variableNames={name}", task.id)).await[name]["value"].clone()
    }

    /// Answers the question as the form does, which posts its read-only fields, too.
    pub(crate) async fn decide(&self, task: &UserTask, decision: &str, reference: Option<&str>) {
        assert_eq!(task.task_definition_key, "Task_DecideReservation");
        let mut form = Variables::new()
            .with("orderId", self.id.to_string())
            .with("decision", decision)
            .with("decisionComment", "I looked at the shelf.")
            .with("decidedBy", "demo");
        if let Some(reference) = reference {
            form.set("decisionReference", reference);
        }
        self.engine.client.complete_user_task(&task.id, &form).await.unwrap();
    }

    /// The timer on that event.
    pub(crate) async fn timer(&self, event: &str) -> Job {
        let query = JobQuery { process_instance_id: Some(self.instance.clone()), activity_id: Some(event.to_owned()), timers: true };
        until(event, BY_ITSELF, async || self.engine.client.list_jobs(&query).await.unwrap().pop()).await
    }

    /// Lets the timer on that event fire now.
    pub(crate) async fn fire(&self, event: &str) {
        let job = self.timer(event).await;
        self.engine.client.execute_job(&job.id).await.unwrap();
    }

    /// Its reservations.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        rows::reservations(self.shop.database.pool(), self.id).await
    }

    /// Its one reservation.
    pub(crate) async fn row(&self) -> Row {
        let mut rows = self.rows().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// Waits until its newest reservation is in that state.
    pub(crate) async fn row_becomes(&self, status: &str) -> Row {
        until(&format!("the reservation of order {} is {status}", self.id), BY_ITSELF, async || {
            self.rows().await.pop().filter(|row| row.status == status)
        })
        .await
    }

    /// The calls that were made for it.
    pub(crate) async fn calls(&self) -> Vec<Call> {
        rows::calls(self.shop.database.pool(), self.id).await
    }

    /// How many calls of one operation were made for it.
    pub(crate) async fn calls_of(&self, operation: &str) -> usize {
        self.calls().await.iter().filter(|call| call.operation == operation).count()
    }

    /// The moves that its reservations made.
    pub(crate) async fn moves(&self) -> Vec<Move> {
        rows::moves(self.shop.database.pool(), self.id).await
    }

    /// The states that its reservations went through.
    pub(crate) async fn path(&self) -> Vec<String> {
        self.moves().await.into_iter().map(|step| step.to_status).collect()
    }

    /// The facts that were told about it.
    pub(crate) async fn facts(&self) -> Vec<Fact> {
        rows::facts(self.shop.database.pool(), self.id).await
    }

    /// How often a fact was told.
    pub(crate) async fn told(&self, event_type: &str) -> usize {
        self.facts().await.iter().filter(|fact| fact.event_type == event_type).count()
    }

    /// What the inventory wrote down about it.
    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        self.shop.ledger(&self.id.to_string())
    }

    /// How many requests of one operation reached the inventory.
    pub(crate) fn asked_for(&self, operation: Operation) -> usize {
        self.ledger().iter().filter(|entry| entry.operation == operation).count()
    }

    /// How often something took effect.
    pub(crate) fn effects(&self, effect: Effect) -> usize {
        self.ledger().iter().filter(|entry| entry.effect == effect).count()
    }

    /// Its holds, whatever became of them.
    pub(crate) fn holds(&self) -> Vec<Hold> {
        let id = self.id.to_string();
        self.shop.inventory.holds(self.engine.tenant.as_str()).into_iter().filter(|hold| hold.order_id == id).collect()
    }

    /// Waits until the ledger shows that a hold was placed.
    pub(crate) async fn hold_is_placed(&self) {
        until(&format!("a hold is placed for order {}", self.id), BY_ITSELF, async || (self.effects(Effect::HoldPlaced) > 0).then_some(()))
            .await;
    }

    /// The engine's end events so far, in order.
    pub(crate) async fn ends(&self) -> Vec<String> {
        self.engine.client.end_events(&self.instance).await.unwrap()
    }
}
