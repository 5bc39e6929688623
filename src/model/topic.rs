//! What the checks must be told of each topic: its name, whether it acts on the world, and the codes that it may throw.

/// One topic that a worker serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The name, as the model spells it.
    pub name: &'a str,
    /// Whether the work changes something outside the engine, so that rolling the engine back does not undo it.
    pub has_effect: bool,
    /// The BPMN errors that the worker may throw.
    pub throws: &'a [Throw<'a>],
}

/// One BPMN error that a worker may throw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throw<'a> {
    /// The error code.
    pub code: &'a str,
    /// The code is thrown only in one mode of the topic.
    pub only_when: Option<OnlyWhen<'a>>,
}

/// A mode of a topic, chosen by an input parameter of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlyWhen<'a> {
    /// The input parameter that chooses the mode.
    pub parameter: &'a str,
    /// Its value in this mode.
    pub value: &'a str,
    /// Whether a task without the parameter works in this mode.
    pub is_default: bool,
}
