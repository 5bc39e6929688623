//! The orders of the benchmark: a process that is one external task, many tenants of it, and how a backlog is let go at once.

use std::borrow::Cow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use holdfast::clock::{Clock as _, SystemClock};
use holdfast::engine::{
    DeploymentId, EngineClient, EngineSettings, EngineTenant, NewDeployment, ProcessInstanceId, ProcessSelector, Resource, StartProcess,
    Variables, parse_date,
};
use reqwest::Url;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Failure;
use crate::measure::setting;

/// The daemon's topic; both contestants work on it.
pub(crate) const TOPIC: &str = "inventory.reserve";
/// The process whose task is there as soon as it starts.
const AT_ONCE: &str = "benchAtOnce";
/// The same process behind a signal, so that a backlog can be made beforehand.
const ON_SIGNAL: &str = "benchOnSignal";
const SIGNAL: &str = "benchGo";
/// How many starts are on their way while a backlog is made.
const STARTERS: usize = 8;
/// How often it is asked whether a backlog is done. The times are the engine's own, not these.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(120);

/// The engine of the stack, and what this run has deployed there.
pub(crate) struct Engine {
    pub(crate) client: EngineClient,
    pub(crate) url: Url,
    http: reqwest::Client,
    deployed: Mutex<Vec<DeploymentId>>,
}

/// A Camunda tenant with orders of its own.
#[derive(Debug, Clone)]
pub(crate) struct Tenant(pub(crate) String);

/// One order, started.
pub(crate) struct Started {
    pub(crate) instance: ProcessInstanceId,
    /// When the request was about to be sent.
    pub(crate) sent_at: DateTime<Utc>,
    /// How long the request took.
    pub(crate) took: Duration,
}

impl Engine {
    pub(crate) async fn connect() -> Result<Self, Failure> {
        let port = setting("HOLDFAST_ENGINE_PORT", "28080");
        let url = Url::parse(&format!("http://127.0.0.1:{port}/engine-rest"))?;
        let client = EngineClient::new(EngineSettings::new(url.clone()), SystemClock::shared())?;
        client.version().await?;
        // The engine closes a connection that was idle for 20 s, perhaps in the moment in which it is used again.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).pool_idle_timeout(Duration::from_secs(5)).build()?;
        Ok(Self { client, url, http, deployed: Mutex::default() })
    }

    /// A new tenant, with both processes.
    pub(crate) async fn tenant(&self) -> Result<Tenant, Failure> {
        let tenant = Uuid::new_v4().to_string();
        let deployment = NewDeployment {
            name: "holdfast bench".to_owned(),
            source: Some("make bench".to_owned()),
            tenant: Some(EngineTenant::from(tenant.as_str())),
            filter_duplicates: false,
            changed_only: false,
            resources: [(AT_ONCE, false), (ON_SIGNAL, true)]
                .map(|(key, waits)| Resource { name: format!("{key}.bpmn"), content: Cow::Owned(model(key, waits)) })
                .into(),
        };
        let deployment = self.client.deploy(&deployment).await?;
        if let Ok(mut deployed) = self.deployed.lock() {
            deployed.push(deployment.id);
        }
        Ok(Tenant(tenant))
    }

    /// Starts an order whose task is there at once.
    pub(crate) async fn start_one(&self, tenant: &Tenant) -> Result<Started, Failure> {
        self.start(AT_ONCE, tenant, Uuid::new_v4()).await
    }

    /// The same, under an id that is known beforehand.
    pub(crate) async fn start_order(&self, tenant: &Tenant, order: Uuid) -> Result<Started, Failure> {
        self.start(AT_ONCE, tenant, order).await
    }

    /// Starts so many orders that all wait.
    pub(crate) async fn make_backlog(&self, tenant: &Tenant, count: usize) -> Result<(), Failure> {
        stream::iter(0..count)
            .map(|_| self.start(ON_SIGNAL, tenant, Uuid::new_v4()))
            .buffer_unordered(STARTERS)
            .try_for_each(|_| async { Ok(()) })
            .await
    }

    /// Lets the backlog of a tenant go: one signal creates all its tasks in one transaction. Says when that was done.
    pub(crate) async fn release(&self, tenant: &Tenant) -> Result<DateTime<Utc>, Failure> {
        let answer = self.http.post(format!("{}/signal", self.url)).json(&json!({"name": SIGNAL, "tenantId": tenant.0})).send().await?;
        answer.error_for_status()?;
        Ok(SystemClock.now())
    }

    /// Waits until a tenant has no running order; says when the last one ended, by the engine's own record.
    pub(crate) async fn all_ended(&self, tenant: &Tenant) -> Result<DateTime<Utc>, Failure> {
        let begun = Instant::now();
        while self.get(&format!("process-instance/count?tenantIdIn={}", tenant.0)).await?["count"] != 0 {
            if begun.elapsed() > PATIENCE {
                return Err("the backlog was not worked off in time; the daemon's log is in target/bench".into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let ends = self.ends(tenant, 1).await?;
        Ok(ends.first().ok_or("the engine has no record of the last order")?.1)
    }

    /// The latest ends of a tenant's orders, newest first.
    pub(crate) async fn ends(&self, tenant: &Tenant, count: usize) -> Result<Vec<(ProcessInstanceId, DateTime<Utc>)>, Failure> {
        let query = "finished=true&sortBy=endTime&sortOrder=desc";
        let found = self.get(&format!("history/process-instance?tenantIdIn={}&{query}&maxResults={count}", tenant.0)).await?;
        let read = |record: &Value| Some((ProcessInstanceId::from(record["id"].as_str()?), parse_date(record["endTime"].as_str()?)?));
        Ok(found.as_array().into_iter().flatten().filter_map(read).collect())
    }

    /// Removes what was deployed, with every instance and its history.
    pub(crate) async fn clean_up(&self) {
        let deployed = self.deployed.lock().map(|mut deployed| std::mem::take(&mut *deployed)).unwrap_or_default();
        for deployment in deployed {
            let url = format!("{}/deployment/{}?cascade=true&skipCustomListeners=true", self.url, deployment.as_str());
            // What cannot be removed is only history.
            drop(self.http.delete(url).send().await);
        }
    }

    async fn start(&self, process: &str, tenant: &Tenant, order: Uuid) -> Result<Started, Failure> {
        let start = StartProcess {
            process: ProcessSelector::Latest { key: process.to_owned(), tenant: Some(EngineTenant::from(tenant.0.as_str())) },
            business_key: Some(order.to_string()),
            variables: variables(order),
        };
        let (sent_at, began) = (SystemClock.now(), Instant::now());
        let instance = self.client.start_process(&start).await?.id;
        Ok(Started { instance, sent_at, took: began.elapsed() })
    }

    /// Reads. The engine ends a connection after a hundred requests, which may be while the next one is on its way: that is asked again.
    async fn get(&self, path: &str) -> Result<Value, Failure> {
        let ask = async || self.http.get(format!("{}/{path}", self.url)).send().await;
        let answer = match ask().await {
            Err(error) if error.is_request() => ask().await?,
            answer => answer?,
        };
        Ok(serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?)
    }
}

/// What an order process carries: two order lines.
fn variables(order: Uuid) -> Variables {
    let line = |product: &str, quantity: u32| json!({"orderLineId": Uuid::new_v4(), "productOfferingId": product, "quantity": quantity});
    Variables::new()
        .with("orderId", order.to_string())
        .with("customerId", "bench-customer")
        .with("orderLines", json!([line("fibre-1000", 1), line("router-5", 2)]))
}

/// Start, perhaps the signal, the external task, end. The task is not `asyncAfter`, so that completing it ends the instance.
fn model(key: &str, waits: bool) -> Vec<u8> {
    let before = if waits {
        r#"<sequenceFlow id="toWait" sourceRef="start" targetRef="wait"/>
    <intermediateCatchEvent id="wait"><signalEventDefinition id="waitFor" signalRef="go"/></intermediateCatchEvent>
    <sequenceFlow id="toTask" sourceRef="wait" targetRef="reserve"/>"#
    } else {
        r#"<sequenceFlow id="toTask" sourceRef="start" targetRef="reserve"/>"#
    };
    let model = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
             targetNamespace="holdfast.bench">
  <signal id="go" name="{SIGNAL}"/>
  <process id="{key}" isExecutable="true" camunda:historyTimeToLive="P1D">
    <startEvent id="start"/>
    {before}
    <serviceTask id="reserve" camunda:type="external" camunda:topic="{TOPIC}"/>
    <sequenceFlow id="toEnd" sourceRef="reserve" targetRef="end"/>
    <endEvent id="end"/>
  </process>
</definitions>"#
    );
    model.into_bytes()
}
