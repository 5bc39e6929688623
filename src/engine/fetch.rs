//! Fetching and locking tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::client::EngineClient;
use super::date;
use super::error::EngineError;
use super::id::{EngineTenant, ExecutionId, ProcessDefinitionId, ProcessInstanceId, TaskId, WorkerId};
use super::variables::Variables;

/// What to fetch, and how long to wait for it.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// In whose name the tasks are locked.
    pub worker_id: WorkerId,
    /// At most this many tasks, over all topics.
    pub max_tasks: usize,
    /// How long the engine may park the request while there is nothing; `None`: it answers at once.
    pub long_poll: Option<Duration>,
    /// Which tasks come first.
    pub order: FetchOrder,
    /// What to fetch. The engine keeps one entry per topic name, so a name may stand here only once.
    pub topics: Vec<TopicSubscription>,
}

/// Which tasks come first. Every order costs the engine a sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FetchOrder {
    /// The highest priority first.
    pub by_priority: bool,
    /// The oldest first (within a priority, if both are asked for); engines from 7.21.
    pub oldest_first: bool,
}

/// What to fetch of one topic.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicSubscription {
    /// The name of the topic.
    pub topic_name: String,
    /// For how long its tasks are locked.
    #[serde(serialize_with = "as_millis")]
    pub lock_duration: Duration,
    /// The variables to bring along. Never all: a process may carry megabytes that are not ours.
    pub variables: Vec<String>,
    /// Only tasks of these tenants; empty: of every tenant and of none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenant_id_in: Vec<EngineTenant>,
    /// Only tasks without a tenant. Not together with `tenant_id_in`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_tenant_id: bool,
    /// Whether to bring the model's `camunda:property` entries along.
    pub include_extension_properties: bool,
}

impl TopicSubscription {
    /// Tasks of every tenant, with these variables and the extension properties of the model.
    #[must_use]
    pub fn new(topic_name: impl Into<String>, lock_duration: Duration, variables: &[&str]) -> Self {
        Self {
            topic_name: topic_name.into(),
            lock_duration,
            variables: variables.iter().map(|&name| name.to_owned()).collect(),
            tenant_id_in: Vec::new(),
            without_tenant_id: false,
            include_extension_properties: true,
        }
    }

    /// The same, but only for these tenants.
    #[must_use]
    pub fn for_tenants(mut self, tenants: impl IntoIterator<Item = EngineTenant>) -> Self {
        self.tenant_id_in = tenants.into_iter().collect();
        self
    }
}

/// A task that the engine locked for us. Fields that are not needed are not read, the unbounded error details
/// first among them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockedTask {
    /// Its id.
    pub id: TaskId,
    /// Its topic.
    pub topic_name: String,
    /// In whose name it is locked.
    pub worker_id: WorkerId,
    /// Until when, by the engine's clock; never compare it with ours.
    #[serde(default, deserialize_with = "date::optional")]
    pub lock_expiration_time: Option<DateTime<Utc>>,
    /// When it came to be.
    #[serde(default, deserialize_with = "date::optional")]
    pub create_time: Option<DateTime<Utc>>,
    /// The activity in the model.
    pub activity_id: String,
    /// This run of the activity.
    pub activity_instance_id: String,
    /// The token that waits.
    pub execution_id: ExecutionId,
    /// The process instance.
    pub process_instance_id: ProcessInstanceId,
    /// The version of the model.
    pub process_definition_id: ProcessDefinitionId,
    /// The model.
    pub process_definition_key: String,
    /// The model's version tag.
    pub process_definition_version_tag: Option<String>,
    /// The engine's tenant, if it has tenants.
    pub tenant_id: Option<EngineTenant>,
    /// The business key of the process instance.
    pub business_key: Option<String>,
    /// Attempts left; `None` until somebody reports a failure.
    pub retries: Option<i32>,
    /// The priority.
    #[serde(default)]
    pub priority: i64,
    /// The message of the last failure.
    pub error_message: Option<String>,
    /// The variables that were asked for and exist.
    #[serde(default)]
    pub variables: Variables,
    /// The model's `camunda:property` entries.
    #[serde(default, deserialize_with = "null_as_default")]
    pub extension_properties: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FetchDto<'a> {
    worker_id: &'a WorkerId,
    max_tasks: usize,
    use_priority: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sorting: Option<[SortingDto; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    async_response_timeout: Option<u128>,
    topics: &'a [TopicSubscription],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SortingDto {
    sort_by: &'static str,
    sort_order: &'static str,
}

impl EngineClient {
    /// Fetches and locks tasks; with a long poll, waits at the engine until there are some.
    ///
    /// Should the connection break while the request is parked, the engine may still lock tasks for this
    /// worker until the long poll is over.
    ///
    /// # Errors
    /// See [`EngineError`]; under load now and then [`TransientCause::FetchRace`](super::TransientCause).
    pub async fn fetch_and_lock(&self, request: &FetchRequest) -> Result<Vec<LockedTask>, EngineError> {
        let settings = &self.inner.settings;
        if let Some(name) = named_twice(&request.topics) {
            let reason = format!("topic `{name}` is asked for twice, and the engine would heed the last entry only");
            return Err(EngineError::Unwritable { doing: Act::FETCH.doing, source: reason.into() });
        }
        let dto = FetchDto {
            worker_id: &request.worker_id,
            max_tasks: request.max_tasks,
            use_priority: request.order.by_priority,
            sorting: request.order.oldest_first.then_some([SortingDto { sort_by: "createTime", sort_order: "asc" }]),
            async_response_timeout: request.long_poll.map(|wait| wait.as_millis()),
            topics: &request.topics,
        };
        let timeout = match request.long_poll {
            // A parked request is silent on purpose, so its own time decides when silence means death.
            Some(wait) => wait + settings.long_poll_margin,
            None => settings.call_timeout,
        };
        self.post(Act::FETCH, &["external-task", "fetchAndLock"]).json(&dto).timeout(timeout).read().await
    }
}

fn named_twice(topics: &[TopicSubscription]) -> Option<&str> {
    let names = topics.iter().map(|topic| topic.topic_name.as_str());
    names.enumerate().find(|&(at, name)| topics[..at].iter().any(|earlier| earlier.topic_name == name)).map(|(_, name)| name)
}

pub(super) fn as_millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_topic_names_its_variables_and_sends_no_empty_tenant_filter() {
        let topic = TopicSubscription::new("inventory.any", Duration::from_secs(60), &["orderId"]);
        assert_eq!(
            serde_json::to_value(topic).unwrap(),
            json!({
                "topicName": "inventory.any",
                "lockDuration": 60_000,
                "variables": ["orderId"],
                "includeExtensionProperties": true,
            })
        );
    }

    #[test]
    fn a_topic_named_twice_is_noticed() {
        let topic = |name: &str| TopicSubscription::new(name, Duration::from_secs(1), &[]);
        assert_eq!(named_twice(&[topic("a"), topic("b")]), None);
        assert_eq!(named_twice(&[topic("a"), topic("b"), topic("a")]), Some("a"));
    }

    #[test]
    fn a_task_is_read_with_unknown_fields_and_without_its_error_details() {
        let task: LockedTask = serde_json::from_value(json!({
            "id": "t", "topicName": "a", "workerId": "w", "lockExpirationTime": "2025-10-06T16:34:42.000+0200",
            "activityId": "A", "activityInstanceId": "A:1", "executionId": "e", "processInstanceId": "p",
            "processDefinitionId": "d", "processDefinitionKey": "k", "processDefinitionVersionTag": null,
            "tenantId": null, "businessKey": null, "retries": null, "priority": 0, "errorMessage": null,
            "errorDetails": "x", "suspended": false, "variables": {}, "extensionProperties": null, "later": 1,
        }))
        .unwrap();
        assert_eq!(task.retries, None);
        assert!(task.extension_properties.is_empty());
    }
}
