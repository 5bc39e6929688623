//! One look at the engine for all orders, a few times a second, instead of one for each.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::watch;

use crate::cli::demo::engine_desk::EngineDesk;
use crate::cli::error::CliError;
use crate::engine::{EngineClient, EngineTenant, ExternalTask, ProcessInstanceId, ProcessInstanceQuery, TaskQuery};

const PERIOD: Duration = Duration::from_millis(200);

/// What the engine said of all orders.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// The instances that run, called ones too.
    running: HashSet<ProcessInstanceId>,
    /// What is under way, by outermost instance: id and name of the activity.
    at: HashMap<ProcessInstanceId, Vec<(String, String)>>,
    /// The external tasks that are there.
    tasks: Vec<ExternalTask>,
}

impl Snapshot {
    /// Whether an instance ran.
    pub(super) fn runs(&self, instance: &ProcessInstanceId) -> bool {
        self.running.contains(instance)
    }

    /// Whether an order's token was at this activity.
    pub(super) fn is_at(&self, instance: &ProcessInstanceId, activity: &str) -> bool {
        self.at.get(instance).is_some_and(|at| at.iter().any(|(id, _)| id == activity))
    }

    /// The names of the activities that an order's token was at.
    pub(super) fn places(&self, instance: &ProcessInstanceId) -> String {
        let names = self.at.get(instance).into_iter().flatten().map(|(_, name)| name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    /// The external task of an instance that was in an incident.
    pub(super) fn failed_task(&self, instance: &ProcessInstanceId) -> Option<&ExternalTask> {
        self.tasks.iter().find(|task| task.process_instance_id == *instance && task.retries == Some(0))
    }

    /// The external task of an instance that waited to be tried again.
    pub(super) fn retried_task(&self, instance: &ProcessInstanceId) -> Option<&ExternalTask> {
        self.tasks.iter().find(|task| task.process_instance_id == *instance && task.retries.is_some_and(|left| left > 0))
    }
}

/// Looks until nobody reads any more.
pub(super) async fn look(engine: EngineClient, desk: EngineDesk, tenant: EngineTenant, told: watch::Sender<Snapshot>) {
    while !told.is_closed() {
        // A look that failed is followed by another; whoever waits in vain says so.
        if let Ok(snapshot) = snapshot(&engine, &desk, &tenant).await {
            told.send_replace(snapshot);
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn snapshot(engine: &EngineClient, desk: &EngineDesk, tenant: &EngineTenant) -> Result<Snapshot, CliError> {
    let instances = ProcessInstanceQuery { tenant_id_in: vec![tenant.clone()], ..ProcessInstanceQuery::default() };
    let tasks = TaskQuery { tenant_id_in: vec![tenant.clone()], ..TaskQuery::default() };
    let mut at: HashMap<_, Vec<_>> = HashMap::new();
    for activity in desk.under_way().await? {
        // A call activity is where its called instance is.
        if matches!(activity.activity_type.as_str(), "subProcess" | "callActivity" | "eventSubprocess") {
            continue;
        }
        if let Some(root) = activity.root_process_instance_id {
            let name = activity.activity_name.unwrap_or_else(|| activity.activity_id.clone());
            at.entry(root).or_default().push((activity.activity_id, name));
        }
    }
    let tasks = engine.list_tasks(&tasks).await?;
    let running = engine.list_instances(&instances).await?.into_iter().map(|instance| instance.id).collect();
    Ok(Snapshot { running, at, tasks })
}
