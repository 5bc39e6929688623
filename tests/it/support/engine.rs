//! A running engine as a test sees it: its own tenant, its own models, and raw requests beside the client's.

use std::borrow::Cow;
use std::time::Duration;

use holdfast::clock::SystemClock;
use holdfast::engine::{
    Deployment, EngineClient, EngineSettings, EngineTenant, FetchOrder, FetchRequest, LockedTask, MessageCorrelation, NewDeployment,
    ProcessInstance, ProcessInstanceId, ProcessInstanceRecord, ProcessSelector, Resource, StartProcess, TopicSubscription, Variables,
    WorkerId,
};
use reqwest::{Method, Url};
use serde_json::{Value as JsonValue, json};
use uuid::Uuid;

use super::http::http;
use super::wait::{SOON, heard, until};

/// Long enough that no lock runs out by accident.
pub(crate) const LONG_LOCK: Duration = Duration::from_secs(600);

/// An engine of the shared stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Camunda,
    Operaton,
}

impl Engine {
    /// The root of its REST API.
    pub(crate) fn base_url(self) -> Url {
        let (variable, port) = match self {
            Self::Camunda => ("HOLDFAST_ENGINE_PORT", "28080"),
            Self::Operaton => ("HOLDFAST_OPERATON_PORT", "28081"),
        };
        let port = variable_or(variable, port);
        Url::parse(&format!("http://127.0.0.1:{port}/engine-rest")).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the ports of the stack come from make")]
pub(crate) fn variable_or(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// An engine with a tenant that only this test uses.
#[derive(Debug, Clone)]
pub(crate) struct TestEngine {
    pub(crate) client: EngineClient,
    pub(crate) tenant: EngineTenant,
    pub(crate) base_url: Url,
}

impl TestEngine {
    pub(crate) fn on(engine: Engine) -> Self {
        Self::at(engine.base_url())
    }

    /// The same engine through another address, such as a proxy's.
    pub(crate) fn at(base_url: Url) -> Self {
        let mut settings = EngineSettings::new(base_url.clone());
        // A test that times out on a busy machine says nothing about us.
        settings.call_timeout = Duration::from_secs(60);
        let client = EngineClient::new(settings, SystemClock::shared()).unwrap();
        Self { client, tenant: EngineTenant::from(Uuid::new_v4().to_string()), base_url }
    }

    /// The same tenant, reached by a client with other settings.
    pub(crate) fn client_with(&self, change: impl FnOnce(&mut EngineSettings)) -> EngineClient {
        let mut settings = EngineSettings::new(self.base_url.clone());
        change(&mut settings);
        EngineClient::new(settings, SystemClock::shared()).unwrap()
    }

    /// A name for a worker that nobody else uses.
    pub(crate) fn worker(&self, name: &str) -> WorkerId {
        WorkerId::from(format!("test/{}/{name}", self.tenant))
    }

    /// Deploys one model for this tenant.
    pub(crate) async fn deploy(&self, model: &str) -> Deployment {
        self.client.deploy(&self.deployment("model.bpmn", model)).await.unwrap()
    }

    /// A deployment of one file for this tenant.
    pub(crate) fn deployment(&self, file_name: &str, content: &str) -> NewDeployment {
        NewDeployment {
            name: format!("holdfast test {}", self.tenant),
            source: Some("holdfast tests".to_owned()),
            tenant: Some(self.tenant.clone()),
            filter_duplicates: true,
            changed_only: false,
            resources: vec![Resource { name: file_name.to_owned(), content: Cow::Owned(content.as_bytes().to_vec()) }],
        }
    }

    /// Starts a process of this tenant.
    pub(crate) async fn start(&self, process_key: &str, variables: Variables) -> ProcessInstance {
        self.start_with_key(process_key, None, variables).await
    }

    /// The same, with a business key.
    pub(crate) async fn start_with_key(&self, process_key: &str, business_key: Option<&str>, variables: Variables) -> ProcessInstance {
        let process = ProcessSelector::Latest { key: process_key.to_owned(), tenant: Some(self.tenant.clone()) };
        let start = StartProcess { process, business_key: business_key.map(str::to_owned), variables };
        self.client.start_process(&start).await.unwrap()
    }

    /// Sends a message to one instance.
    pub(crate) async fn correlate(&self, instance: &ProcessInstanceId, message_name: &str) {
        let message = MessageCorrelation {
            message_name: message_name.to_owned(),
            process_instance_id: Some(instance.clone()),
            ..MessageCorrelation::default()
        };
        heard(async || self.client.correlate(&message).await).await;
    }

    /// A subscription for this tenant, with no variables.
    pub(crate) fn topic(&self, topic_name: &str, lock_duration: Duration) -> TopicSubscription {
        TopicSubscription::new(topic_name, lock_duration, &[]).for_tenants([self.tenant.clone()])
    }

    /// Fetches at once what there is of one topic.
    pub(crate) async fn fetch(&self, worker: &WorkerId, topic: TopicSubscription) -> Vec<LockedTask> {
        self.client.fetch_and_lock(&fetch_request(worker, 10, None, topic)).await.unwrap()
    }

    /// Fetches the one task that must be there, with a lock that lasts.
    pub(crate) async fn fetch_one(&self, worker: &WorkerId, topic_name: &str) -> LockedTask {
        self.fetch_one_for(worker, topic_name, LONG_LOCK).await
    }

    /// Fetches the one task that must be there, with this lock duration.
    pub(crate) async fn fetch_one_for(&self, worker: &WorkerId, topic_name: &str, lock_duration: Duration) -> LockedTask {
        until("a task can be fetched", SOON, || async {
            self.fetch(worker, self.topic(topic_name, lock_duration)).await.into_iter().next()
        })
        .await
    }

    /// The instance as history knows it.
    pub(crate) async fn record(&self, instance: &ProcessInstanceId) -> ProcessInstanceRecord {
        self.client.instance_record(instance).await.unwrap().unwrap()
    }

    /// Waits until the instance has ended, and says how.
    pub(crate) async fn ended(&self, instance: &ProcessInstanceId) -> ProcessInstanceRecord {
        until("the process instance has ended", SOON, || async {
            Some(self.record(instance).await).filter(|record| record.end_time.is_some())
        })
        .await
    }

    /// Starts an activity anew by modification, as an operator would: the token that stands there is taken away, another one put before it.
    pub(crate) async fn restart(&self, instance: &ProcessInstanceId, activity: &str) {
        until("the engine takes the modification", SOON, || async {
            let (_, tree) = self.raw(Method::GET, &format!("process-instance/{instance}/activity-instances"), &JsonValue::Null).await;
            let stands = standing(&tree, activity).unwrap();
            let again = json!({"skipCustomListeners": true, "skipIoMappings": true, "instructions": [
                {"type": "startBeforeActivity", "activityId": activity}, {"type": "cancel", "activityInstanceId": stands["id"]}]});
            let (status, answer) = self.raw_post(&format!("process-instance/{instance}/modification"), &again).await;
            // The daemon may have changed the same rows in this moment.
            assert!(status == 204 || answer.to_string().contains("OptimisticLockingException"), "{status} {answer}");
            (status == 204).then_some(())
        })
        .await;
    }

    /// Sends what the client would never send.
    pub(crate) async fn raw_post(&self, path: &str, body: &JsonValue) -> (u16, JsonValue) {
        self.raw(Method::POST, path, body).await
    }

    /// The same with another method.
    pub(crate) async fn raw(&self, method: Method, path: &str, body: &JsonValue) -> (u16, JsonValue) {
        let url = format!("{}/{path}", self.base_url);
        let answer = http().request(method, url).json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(JsonValue::String(text)))
    }
}

/// The instance of an activity in the tree of those that the engine shows.
fn standing<'tree>(tree: &'tree JsonValue, activity: &str) -> Option<&'tree JsonValue> {
    if tree["activityId"] == activity {
        return Some(tree);
    }
    tree["childActivityInstances"].as_array()?.iter().find_map(|child| standing(child, activity))
}

/// A fetch of one topic.
pub(crate) fn fetch_request(worker: &WorkerId, max_tasks: usize, long_poll: Option<Duration>, topic: TopicSubscription) -> FetchRequest {
    FetchRequest { worker_id: worker.clone(), max_tasks, long_poll, order: FetchOrder::default(), topics: vec![topic] }
}
