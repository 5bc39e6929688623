//! An engine with the shipped models deployed for one tenant, where one path after another can be played.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use holdfast::clock::SystemClock;
use holdfast::engine::{ActivityQuery, EngineClient, EngineSettings, EngineTenant, NewDeployment, ProcessInstanceId, Resource, WorkerId};
use reqwest::Url;
use uuid::Uuid;

/// What an order needs: the order itself, the settling of unknown outcomes, and the form.
const DEPLOYED: [&str; 3] = ["order-fulfilment.bpmn", "reservation-resolution.bpmn", "decide-reservation.form"];
/// How long anything that the engine does by itself may take.
const SOON: Duration = Duration::from_secs(20);

/// An engine of the local stack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Engine {
    Camunda,
    Operaton,
}

/// One tenant with the models, and the nodes that its instances have passed.
pub(super) struct Stage {
    pub(super) client: EngineClient,
    pub(super) tenant: EngineTenant,
    pub(super) worker: WorkerId,
    instances: Mutex<Vec<ProcessInstanceId>>,
}

impl Stage {
    /// Deploys the models under a fresh tenant.
    pub(super) async fn on(engine: Engine) -> Self {
        let client = EngineClient::new(EngineSettings::new(engine.base_url()), SystemClock::shared()).unwrap();
        let tenant = EngineTenant::from(Uuid::new_v4().to_string());
        let deployment = NewDeployment {
            name: "the shipped models".to_owned(),
            source: Some("holdfast tests".to_owned()),
            tenant: Some(tenant.clone()),
            filter_duplicates: true,
            changed_only: false,
            resources: DEPLOYED
                .iter()
                .map(|name| Resource { name: (*name).to_owned(), content: Cow::Owned(file(name).into_bytes()) })
                .collect(),
        };
        let deployed = client.deploy(&deployment).await.unwrap();
        assert_eq!(deployed.new_definitions().count(), 2);
        Self { client, tenant, worker: WorkerId::from("the test".to_owned()), instances: Mutex::default() }
    }

    /// Remembers an instance, so that the nodes it passes count.
    pub(super) fn note(&self, instance: &ProcessInstanceId) {
        let mut instances = self.instances.lock().unwrap();
        if !instances.contains(instance) {
            instances.push(instance.clone());
        }
    }

    /// The ids of all nodes that were passed.
    pub(super) async fn passed(&self) -> BTreeSet<String> {
        let instances = self.instances.lock().unwrap().clone();
        let mut passed = BTreeSet::new();
        for instance in instances {
            let query = ActivityQuery { process_instance_id: Some(instance), ..ActivityQuery::default() };
            passed.extend(self.client.activity_history(&query).await.unwrap().into_iter().map(|activity| activity.activity_id));
        }
        passed
    }
}

impl Engine {
    fn base_url(self) -> Url {
        let (variable, default) = match self {
            Self::Camunda => ("HOLDFAST_ENGINE_PORT", "28080"),
            Self::Operaton => ("HOLDFAST_OPERATON_PORT", "28081"),
        };
        let port = variable_or(variable, default);
        Url::parse(&format!("http://127.0.0.1:{port}/engine-rest")).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the ports of the stack come from make")]
fn variable_or(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// A file of `bpmn/`.
pub(super) fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("bpmn").join(name)).unwrap()
}

/// Asks again and again until there is an answer; fails with `what` if there never is.
pub(super) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begun.elapsed() < SOON, "waited {SOON:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
