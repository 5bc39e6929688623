//! Where to look at what the demo did.

use crate::engine::{ProcessInstanceId, UserTaskId};

/// The addresses of the engine's web applications.
#[derive(Debug, Clone)]
pub(super) struct Links {
    /// The root of the web applications; nothing if it does not follow from the REST API's.
    apps: Option<String>,
}

impl Links {
    /// The applications that stand beside this REST API in a distribution of Camunda 7.
    pub(super) fn beside(engine_url: &str) -> Self {
        Self { apps: engine_url.strip_suffix("/engine-rest").map(|root| format!("{root}/camunda/app")) }
    }

    /// Cockpit.
    pub(super) fn cockpit(&self) -> Option<String> {
        self.apps.as_ref().map(|apps| format!("{apps}/cockpit/default/"))
    }

    /// One instance in Cockpit, as long as it runs.
    pub(super) fn instance(&self, instance: &ProcessInstanceId) -> Option<String> {
        self.cockpit().map(|cockpit| format!("{cockpit}#/process-instance/{instance}/runtime"))
    }

    /// Tasklist.
    pub(super) fn tasklist(&self) -> Option<String> {
        self.apps.as_ref().map(|apps| format!("{apps}/tasklist/default/"))
    }

    /// One task in Tasklist.
    pub(super) fn task(&self, task: &UserTaskId) -> Option<String> {
        self.tasklist().map(|tasklist| format!("{tasklist}#/?task={task}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_applications_stand_beside_the_rest_api() {
        let links = Links::beside("http://h:1/engine-rest");
        let instance = links.instance(&ProcessInstanceId::new("i"));
        assert_eq!(instance.as_deref(), Some("http://h:1/camunda/app/cockpit/default/#/process-instance/i/runtime"));
        assert_eq!(Links::beside("http://h:1/rest").tasklist(), None);
    }
}
