//! Carries out commands: starts processes of orders, tells them messages, runs operations in the background.
//!
//! A process is started at least once and found again: before every start the engine is asked for an instance of the order that
//! carries the command's id, or that somebody else started for the same step. So a boot that dies between the start and writing it
//! down leaves nothing that is done twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use serde_json::Value as JsonValue;

use crate::chain::chain;
use crate::domain::{AttemptGroup, CommandKind, Goal, TenantId};
use crate::engine::{
    EngineClient, EngineError, EngineTenant, MessageCorrelation, ProcessInstanceId, ProcessInstanceRecord, ProcessSelector, StartProcess,
    Value, Variables,
};
use crate::metrics;
use crate::operations::{CommandRecord, Find, OperationError, Operations, Tried};
use crate::ops::{Loop, Round};
use crate::shutdown::Shutdown;
use crate::topics::Defaults;

/// How often commands are looked for. A caller was promised that it will be done, not when.
const COMMANDER: Loop = Loop { name: "commander", period: Duration::from_millis(250) };
/// How many are taken at once, and carried out side by side.
const BATCH: i64 = 16;
const SIDE_BY_SIDE: usize = 8;
/// A start whose answer was lost may still be on its way through the engine: so long nothing is started in its place.
const LINGER: TimeDelta = TimeDelta::seconds(15);
/// Why a try that somebody else goes on with ends here.
const TAKEN_OVER: &str = "this boot lost its claim";
/// The variable by which a process that was started here is found again.
const COMMAND_ID: &str = "holdfastCommandId";

/// Which process an order has, and what it listens to.
#[derive(Debug, Clone)]
pub struct OrderProcess {
    /// The id of the process in its model.
    pub key: String,
    /// The message that cancels it.
    pub cancel_message: String,
}

/// The loop and what it needs.
pub(crate) struct Commander {
    pub(crate) operations: Operations,
    pub(crate) engine: EngineClient,
    /// Empty for all.
    pub(crate) tenants: Vec<TenantId>,
    pub(crate) process: OrderProcess,
    /// Whose a process is that names no tenant.
    pub(crate) defaults: Arc<Defaults>,
}

/// Why a try came to nothing that can be written down.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("use the engine")]
    Engine(#[from] EngineError),
    #[error("keep the record of a command")]
    Operation(#[from] OperationError),
}

impl Commander {
    pub(crate) async fn run(self, shutdown: &Shutdown) {
        COMMANDER.run(shutdown, || self.turn()).await;
    }

    async fn turn(&self) -> Result<Round, OperationError> {
        let commands = self.operations.claim_commands(&self.tenants, BATCH, LINGER).await?;
        let full = i64::try_from(commands.len()).is_ok_and(|found| found >= BATCH);
        let mut tries = futures::stream::iter(commands).map(|command| self.try_one(command)).buffer_unordered(SIDE_BY_SIDE);
        let mut failed = None;
        while let Some(tried) = tries.next().await {
            failed = tried.err().or(failed);
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(if full { Round::More } else { Round::Idle }),
        }
    }

    async fn try_one(&self, command: CommandRecord) -> Result<(), OperationError> {
        let tried = match self.carry_out(&command).await {
            Ok(tried) => tried,
            Err(Failed::Operation(error)) if error.is_away() => return Err(error),
            // Such as an inventory that is not configured here: another replica may have it, and other commands must not wait for that.
            Err(Failed::Operation(error)) => self.operations.later(&command, &chain(&error)),
            Err(Failed::Engine(error)) => self.after_failure(&command, &error),
        };
        let outcome = match &tried {
            Tried::Done { outcome, .. } => {
                tracing::info!(command.id = %command.id, kind = %command.kind, outcome, attempts = command.attempts, "a command was carried out");
                "done"
            }
            Tried::Refused { outcome, detail } => {
                tracing::warn!(command.id = %command.id, kind = %command.kind, outcome, detail, "a command cannot be carried out");
                "refused"
            }
            Tried::Later { detail, .. } => {
                tracing::debug!(command.id = %command.id, kind = %command.kind, detail, "a command is tried again");
                "later"
            }
        };
        metrics::command_tried(command.kind.as_str(), outcome);
        self.operations.settle_command(&command, &tried).await?;
        Ok(())
    }

    async fn carry_out(&self, command: &CommandRecord) -> Result<Tried, Failed> {
        if let Some(refused) = self.changed_since(command).await? {
            return Ok(refused);
        }
        match command.kind {
            CommandKind::StartOrder => self.start_order(command).await,
            CommandKind::Release => match self.tell_process(command).await? {
                Some(told) => Ok(told),
                None => Ok(self.operations.run_command(command, Goal::Release).await?),
            },
            CommandKind::Confirm => Ok(self.operations.run_command(command, Goal::Confirm).await?),
            CommandKind::Extend => match until(&command.payload) {
                Some(until) => Ok(self.operations.run_command(command, Goal::Extend { until }).await?),
                None => Ok(Tried::refused("UNREADABLE", "The command does not say until when.")),
            },
        }
    }

    /// A command for one version of a reservation is refused where that has passed by. Once it was found to be that version, this is
    /// written down: what the command does itself makes another version, which a second try must not take for somebody else's.
    async fn changed_since(&self, command: &CommandRecord) -> Result<Option<Tried>, Failed> {
        let (Some(version), Some(reservation)) = (command.if_version, command.reservation) else { return Ok(None) };
        let row = self.operations.get(command.tenant, &Find::Id(reservation)).await?;
        if let Some(row) = row.filter(|row| row.version != version) {
            return Ok(Some(Tried::refused(
                "VERSION_CONFLICT",
                &format!("The reservation is at version {} by now, not {version}.", row.version),
            )));
        }
        let ours = self.operations.drop_condition(command).await?;
        Ok((!ours).then(|| self.operations.later(command, TAKEN_OVER)))
    }

    /// Starts the order's process, unless it is there.
    async fn start_order(&self, command: &CommandRecord) -> Result<Tried, Failed> {
        let tenant = EngineTenant::from(command.tenant.to_string());
        if let Some(found) = self.find_process(command, Some(&tenant)).await? {
            return Ok(found);
        }
        match self.start(command, Some(tenant)).await? {
            Some(started) => Ok(started),
            // The engine may have no tenants: then the process learns from a variable whose order it is.
            None => match self.find_process(command, None).await? {
                Some(found) => Ok(found),
                None => Ok(self.start(command, None).await?.unwrap_or_else(|| {
                    let detail = format!("The engine has no process `{}` for the tenant {}.", self.process.key, command.tenant);
                    Tried::refused("PROCESS_NOT_DEPLOYED", &detail)
                })),
            },
        }
    }

    /// Starts it; nothing if there is no such process for that tenant.
    async fn start(&self, command: &CommandRecord, tenant: Option<EngineTenant>) -> Result<Option<Tried>, Failed> {
        if !self.operations.command_leaves(command).await? || Instant::now() >= self.operations.lease_until() {
            return Ok(Some(self.operations.later(command, TAKEN_OVER)));
        }
        let mut variables = variables(command);
        if tenant.is_none() {
            variables.set("tenantId", command.tenant.to_string());
        }
        let start = StartProcess {
            process: ProcessSelector::Latest { key: self.process.key.clone(), tenant },
            business_key: Some(command.order.to_string()),
            variables,
        };
        match self.engine.start_process(&start).await {
            Ok(instance) => Ok(Some(Tried::done("STARTED", Some(instance.id.as_str())))),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The order's process, if it is there: started by this command, or running for the same step.
    async fn find_process(&self, command: &CommandRecord, tenant: Option<&EngineTenant>) -> Result<Option<Tried>, Failed> {
        let order = command.order.to_string();
        let records = self.engine.instance_records_by_business_key(&self.process.key, &order, tenant).await?;
        let mut running = None;
        for record in records {
            let variables = self.engine.variable_records(&record.id).await?;
            if tenant.is_none() && !self.defaults.owns(command.tenant, &variables) {
                continue;
            }
            let text = |name: &str| variables.iter().find(|variable| variable.name == name).map(|variable| &variable.value);
            if text(COMMAND_ID).and_then(JsonValue::as_str) == Some(command.id.to_string().as_str()) {
                return Ok(Some(Tried::done("STARTED", Some(record.id.as_str()))));
            }
            let step = text("reservationStep").and_then(JsonValue::as_str).unwrap_or("reserve").to_owned();
            if record.end_time.is_none() && Some(step.as_str()) == command.step.as_ref().map(|step| step.as_str()) {
                running = Some(record);
            }
        }
        Ok(running.map(|record: ProcessInstanceRecord| Tried::done("WAS_RUNNING", Some(record.id.as_str()))))
    }

    /// A hold whose order still runs belongs to its process, which would reserve anew what is taken from it: so the process is told
    /// that the order is cancelled, and lets go in its own way. Nothing if there is no process that listens.
    async fn tell_process(&self, command: &CommandRecord) -> Result<Option<Tried>, Failed> {
        let Some(reservation) = command.reservation else { return Ok(None) };
        let Some(row) = self.operations.get(command.tenant, &Find::Id(reservation)).await? else { return Ok(None) };
        let Some(instance) = row.process_instance.as_deref().map(ProcessInstanceId::from) else { return Ok(None) };
        match self.engine.instance_record(&instance).await? {
            Some(record) if record.end_time.is_some() => return Ok(None),
            Some(record) if record.is_suspended() => {
                return Ok(Some(self.operations.later(command, "the order's process is suspended")));
            }
            Some(_) => {}
            None => return Ok(None),
        }
        let message = MessageCorrelation {
            message_name: self.process.cancel_message.clone(),
            process_instance_id: Some(instance.clone()),
            process_variables: reason(&command.payload),
            ..MessageCorrelation::default()
        };
        match self.engine.correlate(&message).await {
            Ok(()) => Ok(Some(Tried::done("PROCESS_TOLD", Some(instance.as_str())))),
            // It does not listen, or was told before by a try whose answer was lost.
            Err(EngineError::NotCorrelated { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn after_failure(&self, command: &CommandRecord, error: &EngineError) -> Tried {
        match error {
            EngineError::Permanent { .. } | EngineError::Variable(_) | EngineError::Unwritable { .. } => {
                Tried::refused("ENGINE_REFUSES", &chain(&error))
            }
            error if error.may_have_acted() && command.kind == CommandKind::StartOrder => self.operations.later_by(LINGER, &chain(&error)),
            error => self.operations.later(command, &chain(&error)),
        }
    }
}

/// What the order's process begins with.
fn variables(command: &CommandRecord) -> Variables {
    let mut variables = Variables::new().with("orderId", command.order.to_string()).with(COMMAND_ID, command.id.to_string());
    if let Some(step) = &command.step {
        variables.set("reservationStep", step.as_str());
    }
    variables.set("attemptGroup", Value::Integer(command.group.map_or(1, AttemptGroup::number)));
    if let JsonValue::Object(members) = &command.payload {
        for (name, value) in members {
            match value {
                JsonValue::String(text) => variables.set(name, text.as_str()),
                JsonValue::Array(_) | JsonValue::Object(_) => variables.set(name, Value::Json(value.clone())),
                JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => {}
            }
        }
    }
    variables
}

fn reason(payload: &JsonValue) -> Variables {
    payload
        .get("releaseReason")
        .and_then(JsonValue::as_str)
        .map_or_else(Variables::new, |text| Variables::new().with("releaseReason", text))
}

fn until(payload: &JsonValue) -> Option<DateTime<Utc>> {
    payload.get("until").and_then(JsonValue::as_str).and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| at.to_utc())
}
