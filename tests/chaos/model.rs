//! The process of a case: as small as it can be with every topic, every exit, a cancellation and a question in it.

/// The key of the process.
pub(crate) const KEY: &str = "chaos-order";

/// The model. `reserve`, then an end or, on the message `GoOn`, what the variable `next` says. `Ask` moves the token from a reserve
/// that is not known to finding out; `Cancel` ends everything with a release.
pub(crate) fn bpmn() -> String {
    let mut elements = String::new();
    let mut add = |text: String| elements.push_str(&text);
    add(format!(r#"<startEvent id="start"/>{}"#, flow("start", "reserve")));
    add(task("reserve", "inventory.reserve"));
    add(caught("reserve", "RESERVATION_REJECTED", "rejected"));
    add(flow("reserve", "reserved"));
    add(r#"<exclusiveGateway id="reserved" default="reserved_held"/>"#.to_owned());
    add(flow("reserved", "held"));
    add(conditional("reserved", "gate", "next != 'none'"));
    add(format!(r#"<receiveTask id="gate" messageRef="m_GoOn"/>{}"#, flow("gate", "which")));
    add(r#"<exclusiveGateway id="which"/>"#.to_owned());
    for next in ["confirm", "release", "extend"] {
        add(conditional("which", next, &format!("next == '{next}'")));
    }
    add(task("confirm", "inventory.confirm"));
    add(caught("confirm", "CONFIRM_REFUSED", "confirm_refused") + &caught("confirm", "HOLD_LOST", "confirm_lost"));
    add(flow("confirm", "confirmed"));
    add(task("release", "inventory.release"));
    add(caught("release", "RELEASE_REFUSED", "release_refused") + &flow("release", "released"));
    add(task("extend", "inventory.extend"));
    add(caught("extend", "EXTEND_REFUSED", "extend_refused") + &caught("extend", "HOLD_LOST", "extend_lost"));
    add(flow("extend", "extended"));
    add(format!(
        r#"<boundaryEvent id="ask" attachedToRef="reserve"><messageEventDefinition messageRef="m_Ask"/></boundaryEvent>{}"#,
        flow("ask", "reconcile")
    ));
    add(task("reconcile", "inventory.reconcile") + &flow("reconcile", "answer"));
    add(r#"<exclusiveGateway id="answer" default="answer_gone"/>"#.to_owned());
    add(conditional("answer", "reserved", "reservationStatus == 'RESERVED'"));
    add(conditional("answer", "reserve", "reservationStatus == 'REQUESTED'"));
    add(conditional("answer", "again", "reservationStatus == 'UNKNOWN'"));
    add(flow("answer", "gone"));
    add(format!(r#"<receiveTask id="again" messageRef="m_Again"/>{}"#, flow("again", "reconcile")));
    for end in ["held", "confirmed", "released", "extended", "gone"] {
        add(format!(r#"<endEvent id="{end}"/>"#));
    }
    add(format!(
        r#"<subProcess id="cancelling" triggeredByEvent="true">
<startEvent id="cancel"><messageEventDefinition messageRef="m_Cancel"/></startEvent>{}{}{}{}<endEvent id="cancelled"/></subProcess>"#,
        flow("cancel", "give_back"),
        task("give_back", "inventory.release"),
        caught("give_back", "RELEASE_REFUSED", "cancel_refused"),
        flow("give_back", "cancelled"),
    ));
    let mut roots = String::new();
    for message in ["GoOn", "Ask", "Again", "Cancel"] {
        roots.push_str(&format!(r#"<message id="m_{message}" name="{message}"/>"#));
    }
    for code in ["RESERVATION_REJECTED", "CONFIRM_REFUSED", "RELEASE_REFUSED", "EXTEND_REFUSED", "HOLD_LOST"] {
        roots.push_str(&format!(r#"<error id="e_{code}" errorCode="{code}"/>"#));
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
             xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="holdfast.test">
  <process id="{KEY}" isExecutable="true" camunda:historyTimeToLive="P1D">{elements}</process>{roots}
</definitions>"#
    )
}

fn task(id: &str, topic: &str) -> String {
    format!(
        r#"<serviceTask id="{id}" camunda:type="external" camunda:topic="{topic}" camunda:asyncAfter="true"><extensionElements>
<camunda:properties><camunda:property name="RETRY_CONFIG" value="R30/PT1S"/></camunda:properties></extensionElements></serviceTask>"#
    )
}

/// A boundary event for a code, and the end to which it leads.
fn caught(task: &str, code: &str, end: &str) -> String {
    format!(
        r#"<boundaryEvent id="{task}_{code}" attachedToRef="{task}"><errorEventDefinition errorRef="e_{code}"/></boundaryEvent>{}<endEvent id="{end}"/>"#,
        flow(&format!("{task}_{code}"), end)
    )
}

fn flow(from: &str, to: &str) -> String {
    format!(r#"<sequenceFlow id="{from}_{to}" sourceRef="{from}" targetRef="{to}"/>"#)
}

fn conditional(from: &str, to: &str, condition: &str) -> String {
    format!(
        r#"<sequenceFlow id="{from}_{to}" sourceRef="{from}" targetRef="{to}"><conditionExpression xsi:type="tFormalExpression">${{{condition}}}</conditionExpression></sequenceFlow>"#
    )
}
