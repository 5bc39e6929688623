//! An engine with the shipped models deployed for one tenant, where one path after another can be played.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use holdfast::clock::SystemClock;
use holdfast::engine::{ActivityQuery, EngineClient, EngineSettings, EngineTenant, NewDeployment, ProcessInstanceId, Resource, WorkerId};
use uuid::Uuid;

use crate::support::engine::Engine;
use crate::support::shop::DEPLOYED;

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

/// A file of `bpmn/`.
pub(super) fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("bpmn").join(name)).unwrap()
}
