//! Plays one order: starts it, lets the mishap happen, and does what the people and systems around it would do.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::chain::chain;
use crate::cli::demo::engine_desk::{Activity, TaskLine};
use crate::cli::demo::judge::WAITS_AT;
use crate::cli::demo::scenario::{End, Mishap, Scenario, Step};
use crate::cli::demo::stage::Stage;
use crate::cli::demo::watch::Snapshot;
use crate::cli::error::CliError;
use crate::engine::{
    EngineError, MessageCorrelation, ProcessInstanceId, ProcessSelector, StartProcess, UserTask, UserTaskQuery, Variables,
};

/// How long an order may take.
const LIMIT: Duration = Duration::from_secs(90);
/// How long a person may take to decide.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How often the demo looks whether a fault has struck.
const PEEK: Duration = Duration::from_millis(50);
/// The user of the local engine, who decides in the demo.
const CLERK: &str = "demo";

/// An order that was played.
#[derive(Debug)]
pub(super) struct Played {
    /// The order, which is also the business key.
    pub(super) order: Uuid,
    /// Its process instances.
    pub(super) instances: Vec<ProcessInstanceId>,
    /// The fault that was armed for it.
    pub(super) fault: Option<u64>,
    /// Why it was given up.
    pub(super) stuck: Option<String>,
    line: Uuid,
    doing: String,
}

/// Plays an order to its end.
pub(super) async fn play(stage: &Stage, scenario: &Scenario, index: usize) -> Played {
    let mut played = Played {
        order: Uuid::new_v4(),
        instances: Vec::new(),
        fault: None,
        stuck: None,
        line: Uuid::new_v4(),
        doing: "started".to_owned(),
    };
    let limit = if stage.wait_for_human && scenario.steps.contains(&Step::Decide) { PATIENCE } else { LIMIT };
    let player = Player { stage, scenario, index, seen: stage.seen.clone(), incident: String::new(), played: &mut played };
    let done = tokio::time::timeout(limit, player.play()).await;
    played.stuck = match done {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("the demo could not go on: {}", chain(&error))),
        Err(_) => Some(format!("the demo waited {} s in vain until it was {}", limit.as_secs(), played.doing)),
    };
    if let Some(stuck) = &played.stuck {
        stage.progress.step(index, stuck);
    }
    played
}

struct Player<'a> {
    stage: &'a Stage,
    scenario: &'a Scenario,
    index: usize,
    seen: watch::Receiver<Snapshot>,
    incident: String,
    played: &'a mut Played,
}

impl Player<'_> {
    async fn play(mut self) -> Result<(), CliError> {
        self.prepare().await?;
        for _ in 0..self.scenario.instances {
            let start = StartProcess {
                process: ProcessSelector::Latest { key: "order-fulfilment".to_owned(), tenant: Some(self.stage.engine_tenant.clone()) },
                business_key: Some(self.played.order.to_string()),
                variables: self.variables(),
            };
            let instance = self.stage.engine.start_process(&start).await?;
            self.played.instances.push(instance.id);
        }
        self.step(if self.scenario.instances > 1 { "started more than once" } else { "started" });
        for step in self.scenario.steps {
            match step {
                Step::Fulfil => self.fulfil().await?,
                Step::FulfilAfterLoss => {
                    self.until_passed("Task_OpenNextAttempt", "reserved once more").await?;
                    self.fulfil().await?;
                }
                Step::Cancel => self.cancel().await?,
                Step::TakeStock(left) => self.take_stock(*left).await?,
                Step::BringBack(failed) => self.bring_back(*failed).await?,
                Step::CorrectQuantity(quantity) => self.correct(*quantity).await?,
                Step::Decide => self.decide().await?,
            }
        }
        match self.scenario.expect.end {
            End::At(_) => self.until_ended().await,
            End::Waits => {
                for instance in self.played.instances.clone() {
                    self.until("reserved", |seen| seen.is_at(&instance, WAITS_AT)).await?;
                }
                self.step("reserved; left as it is, for you to look at");
                Ok(())
            }
        }
    }

    async fn prepare(&mut self) -> Result<(), CliError> {
        let inventory = self.stage.inventory(self.scenario.source)?;
        inventory.put_stock(self.scenario.product, self.scenario.on_hand).await?;
        if let Some((scope, fault)) = self.scenario.mishap.fault() {
            self.played.fault = Some(inventory.arm(scope, fault, self.scenario.product).await?);
        }
        if matches!(self.scenario.mishap, Mishap::Down) {
            inventory.down().await?;
        }
        Ok(())
    }

    fn variables(&self) -> Variables {
        let variables = Variables::new()
            .with("orderId", self.played.order.to_string())
            .with("inventorySource", self.scenario.source.name())
            .with("orderLines", self.lines(self.scenario.quantity));
        self.scenario.variables.iter().fold(variables, |variables, (name, value)| variables.with(*name, *value))
    }

    fn lines(&self, quantity: u32) -> Value {
        json!([{ "orderLineId": self.played.line, "productOfferingId": self.scenario.product, "quantity": quantity }])
    }

    /// Fulfilment reports each instance done.
    async fn fulfil(&mut self) -> Result<(), CliError> {
        self.send_where_it_waits("FulfilmentDone", "fulfilment reports it done").await
    }

    /// The order service changes its mind.
    async fn cancel(&mut self) -> Result<(), CliError> {
        self.send_where_it_waits("OrderCancelled", "the order service cancels it").await
    }

    /// Sends a message to each instance as soon as it waits for fulfilment.
    async fn send_where_it_waits(&mut self, message: &str, says: &str) -> Result<(), CliError> {
        for instance in self.played.instances.clone() {
            loop {
                self.until("reserved", |seen| seen.is_at(&instance, WAITS_AT)).await?;
                let correlation = MessageCorrelation {
                    message_name: message.to_owned(),
                    process_instance_id: Some(instance.clone()),
                    ..MessageCorrelation::default()
                };
                match self.stage.engine.correlate(&correlation).await {
                    Ok(()) => break self.step(says),
                    // The token has moved on since the last look: it comes back, or the wait runs out.
                    Err(EngineError::NotCorrelated { .. }) => self.next_look().await?,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Somebody else takes stock after the inventory said how much there is, and before the order reserves it.
    async fn take_stock(&mut self, left: u32) -> Result<(), CliError> {
        let inventory = self.stage.inventory(self.scenario.source)?;
        self.played.doing = "asked about availability".to_owned();
        if let Some(fault) = self.played.fault {
            while inventory.fired(fault).await? == 0 {
                tokio::time::sleep(PEEK).await;
            }
        }
        inventory.put_stock(self.scenario.product, left).await?;
        self.step(&format!("stock went from {} to {left} while the answer was under way", self.scenario.on_hand));
        Ok(())
    }

    /// The inventory comes back after so many attempts have failed.
    async fn bring_back(&mut self, failed: usize) -> Result<(), CliError> {
        self.played.doing = format!("tried {failed} times in vain");
        for instance in self.played.instances.clone() {
            let failures = |lines: Vec<TaskLine>| lines.iter().filter(|line| line.failure_log).count();
            while failures(self.stage.desk.task_lines(&instance).await?) < failed {
                self.look_around();
                self.next_look().await?;
            }
        }
        self.stage.inventory(self.scenario.source)?.up().await?;
        self.step(&format!("{failed} attempts failed; the inventory comes back"));
        Ok(())
    }

    /// An operator reads the incident, corrects the variable and retries.
    async fn correct(&mut self, quantity: u32) -> Result<(), CliError> {
        for instance in self.played.instances.clone() {
            self.until("in an incident", |seen| seen.failed_task(&instance).is_some()).await?;
            let task = self.seen.borrow().failed_task(&instance).map(|task| task.id.clone());
            self.stage.desk.set_json(&instance, "orderLines", &self.lines(quantity)).await?;
            if let Some(task) = task {
                self.stage.engine.set_retries(&task, 1).await?;
            }
            self.step(&format!("corrected to {quantity} and retried, in an operator's stead"));
        }
        Ok(())
    }

    /// A clerk looks in the inventory, and says through the form what is there.
    async fn decide(&mut self) -> Result<(), CliError> {
        let Some(instance) = self.played.instances.first().cloned() else { return Ok(()) };
        self.until("put before a human", |seen| seen.is_at(&instance, "Task_DecideReservation")).await?;
        let task = self.user_task().await?;
        let holds = self.stage.inventory(self.scenario.source)?.holds(&self.played.order.to_string()).await?;
        let reference = holds.into_iter().find(|hold| hold.state.is_active()).map(|hold| hold.reference);
        if self.stage.wait_for_human {
            let found = match &reference {
                Some(reference) => format!("the inventory holds it as {reference}"),
                None => "the inventory holds nothing".to_owned(),
            };
            self.stage.progress.step(self.index, "waits for your decision in Tasklist (log-in demo/demo)");
            self.stage.progress.say(&format!("\n  Decide: {}\n  {found}\n", self.stage.links.task(&task.id).unwrap_or_default()));
            return self.until("decided by you", |seen| !seen.is_at(&instance, "Task_DecideReservation")).await;
        }
        let mut form = Variables::new().with("decisionComment", "looked at the inventory's own list of holds");
        match &reference {
            Some(reference) => {
                form.set("decision", "HELD");
                form.set("decisionReference", reference.as_str());
            }
            None => form.set("decision", "NOT_HELD"),
        }
        self.stage.desk.claim(&task.id, CLERK).await?;
        self.stage.engine.complete_user_task(&task.id, &form).await?;
        let found = reference.unwrap_or_else(|| "nothing".to_owned());
        self.step(&format!("the demo looked in a human's stead, found {found}, and said so in the form"));
        Ok(())
    }

    async fn user_task(&self) -> Result<UserTask, CliError> {
        let query = UserTaskQuery {
            business_key: Some(self.played.order.to_string()),
            tenant_id_in: vec![self.stage.engine_tenant.clone()],
            ..UserTaskQuery::default()
        };
        let found = self.stage.engine.list_user_tasks(&query).await?.into_iter().next();
        found.ok_or_else(|| CliError::Said("the engine shows a token at a user task, but lists no such task".to_owned()))
    }

    async fn until_ended(&mut self) -> Result<(), CliError> {
        for instance in self.played.instances.clone() {
            loop {
                self.until("over", |seen| !seen.runs(&instance)).await?;
                // A look that began before the start does not know the instance yet.
                if self.stage.engine.instance_record(&instance).await?.is_some_and(|record| record.end_time.is_some()) {
                    break;
                }
                self.next_look().await?;
            }
        }
        let mut end = "without an end event".to_owned();
        if let Some(instance) = self.played.instances.first() {
            let passed = self.stage.desk.activities(instance, true).await?.into_iter();
            let last = passed.filter(Activity::is_end).last();
            end = last.and_then(|last| last.activity_name).unwrap_or(end);
        }
        self.step(&format!("ended: {end}"));
        Ok(())
    }

    /// Waits until every instance has passed an activity.
    async fn until_passed(&mut self, activity: &str, what: &str) -> Result<(), CliError> {
        self.played.doing = what.to_owned();
        for instance in self.played.instances.clone() {
            while !self.stage.desk.activities(&instance, true).await?.iter().any(|passed| passed.activity_id == activity) {
                self.look_around();
                self.next_look().await?;
            }
        }
        self.step("the hold was lost; another attempt begins");
        Ok(())
    }

    /// Waits until a look at the engine shows something.
    async fn until(&mut self, what: &str, probe: impl Fn(&Snapshot) -> bool) -> Result<(), CliError> {
        self.played.doing = what.to_owned();
        loop {
            self.look_around();
            if probe(&self.seen.borrow_and_update()) {
                return Ok(());
            }
            self.next_look().await?;
        }
    }

    async fn next_look(&mut self) -> Result<(), CliError> {
        self.seen.changed().await.map_err(|_| CliError::Said("the demo no longer looks at the engine".to_owned()))
    }

    /// Shows where the order is, and an incident when it is first seen.
    fn look_around(&mut self) {
        let Some(instance) = self.played.instances.first() else { return };
        let (place, failed) = {
            let seen = self.seen.borrow();
            let failed = seen.failed_task(instance).map(|task| task.error_message.clone().unwrap_or_default());
            let retried = seen.retried_task(instance).and_then(|task| task.error_message.clone());
            let why = retried.map(|why| format!(": {why}")).unwrap_or_default();
            (format!("{}{why}", seen.places(instance)), failed)
        };
        match failed {
            Some(message) if message != self.incident => {
                self.stage.progress.step(self.index, &format!("incident: {message}"));
                self.incident = message;
            }
            Some(_) => {}
            None if place.is_empty() => {}
            None => self.stage.progress.place(self.index, &place),
        }
    }

    fn step(&self, text: &str) {
        self.stage.progress.step(self.index, text);
    }
}
