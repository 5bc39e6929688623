//! The engine's identifiers, one type each: they are all strings, and none may stand in for another.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! engine_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the identifier as the engine spells it.
            #[must_use]
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The identifier as the engine spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    )*};
}

engine_ids! {
    /// An external task. It survives retries, but not a modification of the instance: never a business key.
    TaskId;
    /// Who holds a task. The engine compares these strings and nothing else, so no two processes may share one.
    WorkerId;
    /// A process instance.
    ProcessInstanceId;
    /// One deployed version of a process.
    ProcessDefinitionId;
    /// An execution: the token that waits at an activity.
    ExecutionId;
    /// An incident.
    IncidentId;
    /// A deployment.
    DeploymentId;
    /// A job: a timer or an asynchronous continuation.
    JobId;
    /// A user task.
    UserTaskId;
    /// A tenant as the engine knows it.
    EngineTenant;
}
