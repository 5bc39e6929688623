//! The calls that the engine offers, each with what decides how its answer is read.

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Act {
    /// The value of the metric label `call`.
    pub(super) name: &'static str,
    /// Words for an error, after "failed to".
    pub(super) doing: &'static str,
    /// What a 404 of the engine means.
    pub(super) subject: Subject,
    /// Whether the call runs process code up to the next wait state, so that a 500 may be that code's.
    pub(super) runs_process: bool,
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// One external task: a 404 says that it is gone.
    Task,
    /// Anything else that is addressed by id or key.
    Other,
}

impl Act {
    const fn task(name: &'static str, doing: &'static str) -> Self {
        Self { name, doing, subject: Subject::Task, runs_process: false }
    }

    const fn other(name: &'static str, doing: &'static str) -> Self {
        Self { name, doing, subject: Subject::Other, runs_process: false }
    }

    const fn running_process(self) -> Self {
        Self { runs_process: true, ..self }
    }

    pub(super) const FETCH: Self = Self::other("fetch_and_lock", "fetch external tasks");
    pub(super) const COMPLETE: Self = Self::task("complete", "complete an external task").running_process();
    pub(super) const BPMN_ERROR: Self = Self::task("bpmn_error", "throw a BPMN error").running_process();
    // An error event definition of the model may turn a failure into a BPMN error, which runs the process.
    pub(super) const FAILURE: Self = Self::task("failure", "report a failure").running_process();
    pub(super) const EXTEND_LOCK: Self = Self::task("extend_lock", "extend a lock");
    pub(super) const LOCK: Self = Self::task("lock", "lock an external task");
    pub(super) const UNLOCK: Self = Self::task("unlock", "unlock an external task");
    pub(super) const SET_RETRIES: Self = Self::task("set_retries", "set the retries of an external task");
    pub(super) const GET_TASK: Self = Self::task("get_task", "look up an external task");
    pub(super) const LIST_TASKS: Self = Self::other("list_tasks", "list external tasks");
    pub(super) const ERROR_DETAILS: Self = Self::task("error_details", "read the error details of a task");
    pub(super) const TOPIC_NAMES: Self = Self::other("topic_names", "list topics");
    pub(super) const LIST_INCIDENTS: Self = Self::other("list_incidents", "list incidents");
    pub(super) const ANNOTATE: Self = Self::other("annotate_incident", "annotate an incident");
    pub(super) const TASK_LOG: Self = Self::other("task_log", "read the log of an external task");
    pub(super) const ACTIVITIES: Self = Self::other("activity_history", "read activity history");
    pub(super) const INSTANCE_HISTORY: Self = Self::other("instance_history", "read process instance history");
    pub(super) const VARIABLE_HISTORY: Self = Self::other("variable_history", "read variable history");
    pub(super) const DEPLOY: Self = Self::other("deploy", "deploy to the engine");
    pub(super) const DEFINITIONS: Self = Self::other("list_definitions", "list process definitions");
    pub(super) const DEFINITION_XML: Self = Self::other("definition_xml", "read a deployed model");
    pub(super) const START: Self = Self::other("start_process", "start a process").running_process();
    pub(super) const CORRELATE: Self = Self::other("correlate_message", "correlate a message").running_process();
    pub(super) const LIST_INSTANCES: Self = Self::other("list_instances", "list process instances");
    pub(super) const INSTANCE_VARIABLES: Self = Self::other("instance_variables", "read process variables");
    pub(super) const SUSPEND: Self = Self::other("suspend_instance", "suspend or activate a process instance");
    pub(super) const DELETE_INSTANCE: Self = Self::other("delete_instance", "delete a process instance");
    pub(super) const LIST_JOBS: Self = Self::other("list_jobs", "list jobs");
    pub(super) const EXECUTE_JOB: Self = Self::other("execute_job", "execute a job").running_process();
    pub(super) const LIST_USER_TASKS: Self = Self::other("list_user_tasks", "list user tasks");
    pub(super) const ASSIGN_USER_TASK: Self = Self::other("assign_user_task", "assign a user task");
    pub(super) const COMPLETE_USER_TASK: Self = Self::other("complete_user_task", "complete a user task").running_process();
    pub(super) const DEPLOYMENT_FILES: Self = Self::other("list_deployment_files", "list the files of a deployment");
    pub(super) const DEPLOYMENT_FILE: Self = Self::other("read_deployment_file", "read a file of a deployment");
    pub(super) const AUTHORIZED: Self = Self::other("check_authorization", "ask what our user may do");
    pub(super) const COUNT_TASK_LOG: Self = Self::other("count_task_log", "count the log of external tasks");
    pub(super) const VERSION: Self = Self::other("version", "ask the engine for its version");
}
