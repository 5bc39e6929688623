//! Models for tests, as small as they can be.

/// A process of these elements, executable and with the history time to live that the engine insists on.
pub(crate) fn process(key: &str, elements: &str) -> String {
    process_with_roots(key, elements, "")
}

/// The same, with elements beside the process, such as `<error>` and `<message>`.
pub(crate) fn process_with_roots(key: &str, elements: &str, roots: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
             xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="holdfast.test">
  <process id="{key}" isExecutable="true" camunda:historyTimeToLive="P1D">{elements}</process>
  {roots}
</definitions>"#
    )
}

/// Start, one external task `work`, end `done`; the task's own children and attributes as given.
pub(crate) fn one_task(key: &str, topic: &str) -> String {
    process(key, &format!("{}{}{}", start_to("work"), external("work", topic, "", ""), flow("work", "done") + &end("done")))
}

/// A start event and the way to `next`.
pub(crate) fn start_to(next: &str) -> String {
    format!(r#"<startEvent id="start"/>{}"#, flow("start", next))
}

/// An external task.
pub(crate) fn external(id: &str, topic: &str, attributes: &str, children: &str) -> String {
    format!(r#"<serviceTask id="{id}" camunda:type="external" camunda:topic="{topic}" {attributes}>{children}</serviceTask>"#)
}

/// A service task that evaluates an expression.
pub(crate) fn expression(id: &str, expression: &str) -> String {
    format!(r#"<serviceTask id="{id}" camunda:expression="{expression}"/>"#)
}

/// A task for a person.
pub(crate) fn user_task(id: &str) -> String {
    format!(r#"<userTask id="{id}"/>"#)
}

/// A plain end.
pub(crate) fn end(id: &str) -> String {
    format!(r#"<endEvent id="{id}"/>"#)
}

/// A way from one element to another.
pub(crate) fn flow(from: &str, to: &str) -> String {
    format!(r#"<sequenceFlow id="{from}_{to}" sourceRef="{from}" targetRef="{to}"/>"#)
}
