//! One thing that is wrong with a model: where, what, and what to do.

use std::fmt;

use roxmltree::Node;
use serde::Serialize;

/// How bad a finding is. The order is from harmless to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing need be done.
    Note,
    /// It works, and will hurt somebody one day.
    Warning,
    /// It will not deploy, or an order will go wrong.
    Error,
}

/// One thing that is wrong with a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The resource that it was found in, such as `order-fulfilment.bpmn`.
    pub resource: String,
    /// The id of the element, if one is at fault.
    pub element: Option<String>,
    /// What the diagram calls the element.
    pub name: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub advice: String,
}

impl Finding {
    /// A finding about one element.
    pub(super) fn at(severity: Severity, resource: &str, node: Node<'_, '_>, problem: String, advice: impl Into<String>) -> Self {
        Self {
            severity,
            resource: resource.to_owned(),
            element: node.attribute("id").map(str::to_owned),
            name: node.attribute("name").map(|name| name.split_whitespace().collect::<Vec<_>>().join(" ")),
            problem,
            advice: advice.into(),
        }
    }

    /// A finding about a resource as a whole.
    pub(super) fn whole(severity: Severity, resource: &str, problem: String, advice: impl Into<String>) -> Self {
        Self { severity, resource: resource.to_owned(), element: None, name: None, problem, advice: advice.into() }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.severity, self.resource)?;
        if let Some(element) = &self.element {
            write!(formatter, ", {element}")?;
        }
        if let Some(name) = &self.name {
            write!(formatter, " ({name})")?;
        }
        write!(formatter, ": {}; {}", self.problem, self.advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_one_line() {
        let finding = Finding {
            severity: Severity::Error,
            resource: "order.bpmn".into(),
            element: Some("Task_Reserve".into()),
            name: Some("Reserve stock".into()),
            problem: "the topic is missing".into(),
            advice: "set one".into(),
        };
        assert_eq!(finding.to_string(), "error: order.bpmn, Task_Reserve (Reserve stock): the topic is missing; set one");
    }
}
