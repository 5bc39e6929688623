//! What a worker says about a task, and what the engine makes of it.

use std::time::Duration;

use holdfast::engine::{BpmnError, Completion, EngineError, Failure, MAX_STRING_UNITS, TaskFate, VariableError, Variables};
use serde_json::json;

use super::on_both_engines;
use crate::support::bpmn::{end, expression, external, flow, one_task, process, process_with_roots, start_to};
use crate::support::engine::TestEngine;

const TOPIC: &str = "contract.reports";

fn failure(retries: u32) -> Failure {
    Failure {
        message: "it did not work".to_owned(),
        details: Some("line one\nline two".to_owned()),
        retries,
        retry_timeout: Duration::ZERO,
        variables: Variables::new(),
    }
}

async fn a_fresh_task_has_no_retries_at_all(engine: TestEngine) {
    engine.deploy(&one_task("fresh", TOPIC)).await;
    engine.start("fresh", Variables::new()).await;
    let task = engine.fetch_one(&engine.worker("a"), TOPIC).await;
    assert_eq!(task.retries, None);
}

async fn a_completed_task_sets_variables_moves_the_process_on_and_is_remembered_as_completed(engine: TestEngine) {
    engine.deploy(&one_task("plain", TOPIC)).await;
    let instance = engine.start("plain", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let variables = Variables::new().with("reservationId", "r-1").with("lines", json!([{"sku": "X"}]));
    let completion = Completion { variables, ..Completion::default() };
    engine.client.complete(&task.id, &worker, &completion).await.unwrap();

    assert_eq!(engine.record(&instance.id).await.state, "COMPLETED");
    assert_eq!(engine.client.end_events(&instance.id).await.unwrap(), ["done"]);
    let mut stored = engine.client.variable_records(&instance.id).await.unwrap();
    stored.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(stored[0].value, json!(r#"[{"sku":"X"}]"#));
    assert_eq!(stored[1].value, json!("r-1"));
    let again = engine.client.complete(&task.id, &worker, &completion).await.unwrap_err();
    assert!(matches!(again, EngineError::TaskGone), "{again:?}");
    assert_eq!(engine.client.fate_of_task(&task.id).await.unwrap(), TaskFate::Completed { by: Some(worker) });
    assert!(engine.client.get_task(&task.id).await.unwrap().is_none());
}

async fn every_report_of_another_worker_is_refused_and_names_the_holder(engine: TestEngine) {
    engine.deploy(&one_task("owned", TOPIC)).await;
    engine.start("owned", Variables::new()).await;
    let (holder, other) = (engine.worker("holder"), engine.worker("it's another"));
    let task = engine.fetch_one(&holder, TOPIC).await;
    let bpmn_error = BpmnError { code: "ANY".to_owned(), message: None, variables: Variables::new() };
    let client = &engine.client;
    let minute = Duration::from_secs(60);
    for (report, result) in [
        ("complete", client.complete(&task.id, &other, &Completion::default()).await),
        ("bpmn_error", client.bpmn_error(&task.id, &other, &bpmn_error).await),
        ("failure", client.failure(&task.id, &other, &failure(1)).await),
        ("extend_lock", client.extend_lock(&task.id, &other, minute).await),
        ("lock", client.lock(&task.id, &other, minute).await),
    ] {
        match result {
            Err(EngineError::LockLost { by }) => assert_eq!(by.as_ref(), Some(&holder), "{report}"),
            wrong => panic!("{report}: {wrong:?}"),
        }
    }
    assert_eq!(client.get_task(&task.id).await.unwrap().unwrap().worker_id, Some(holder));
}

async fn a_report_on_an_unlocked_task_says_that_nobody_holds_it(engine: TestEngine) {
    engine.deploy(&one_task("unlocked", TOPIC)).await;
    engine.start("unlocked", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    engine.client.unlock(&task.id).await.unwrap();
    let refused = engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap_err();
    assert!(matches!(refused, EngineError::LockLost { by: None }), "{refused:?}");
}

async fn a_failure_with_retries_left_keeps_the_task_from_everybody_until_its_time_is_over(engine: TestEngine) {
    engine.deploy(&one_task("later", TOPIC)).await;
    engine.start("later", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let in_ten_minutes = Failure { retry_timeout: Duration::from_secs(600), ..failure(2) };
    engine.client.failure(&task.id, &worker, &in_ten_minutes).await.unwrap();

    assert!(engine.fetch(&worker, engine.topic(TOPIC, Duration::from_secs(60))).await.is_empty());
    let parked = engine.client.get_task(&task.id).await.unwrap().unwrap();
    assert_eq!((parked.retries, parked.worker_id.as_ref()), (Some(2), Some(&worker)));
    assert_eq!(parked.error_message.as_deref(), Some("it did not work"));
    assert_eq!(engine.client.error_details(&task.id).await.unwrap(), "line one\nline two");
    assert!(engine.client.incident_of_task(&task.id).await.unwrap().is_none());

    engine.client.failure(&task.id, &worker, &failure(1)).await.unwrap();
    let due = engine.fetch_one(&engine.worker("b"), TOPIC).await;
    assert_eq!((due.id, due.retries, due.error_message.as_deref()), (task.id, Some(1), Some("it did not work")));
}

async fn a_failure_that_leaves_out_its_retries_is_an_incident_at_once_so_the_client_always_sends_them(engine: TestEngine) {
    engine.deploy(&one_task("forgetful", TOPIC)).await;
    engine.start("forgetful", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let path = format!("external-task/{}/failure", task.id);
    let (status, _) = engine.raw_post(&path, &json!({"workerId": worker, "errorMessage": "no retries given"})).await;
    assert_eq!(status, 204);
    assert_eq!(engine.client.get_task(&task.id).await.unwrap().unwrap().retries, Some(0));
    assert!(engine.client.incident_of_task(&task.id).await.unwrap().is_some());
}

async fn a_bpmn_error_that_the_model_catches_takes_its_path_with_code_message_and_variables(engine: TestEngine) {
    let boundary = r#"<boundaryEvent id="refused" attachedToRef="work"><errorEventDefinition errorRef="Error_Rejected"
        camunda:errorCodeVariable="errorCode" camunda:errorMessageVariable="errorMessage"/></boundaryEvent>"#;
    let elements = [
        start_to("work"),
        external("work", TOPIC, "", ""),
        boundary.to_owned(),
        flow("work", "done") + &flow("refused", "rejected") + &end("done") + &end("rejected"),
    ];
    let root = r#"<error id="Error_Rejected" errorCode="REJECTED"/>"#;
    engine.deploy(&process_with_roots("catching", &elements.concat(), root)).await;
    let instance = engine.start("catching", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    // Longer than a String variable may be, which the message becomes.
    let message = format!("out of stock {}", "x".repeat(5_000));
    let variables = Variables::new().with("rejectionCode", "OUT_OF_STOCK");
    let error = BpmnError { code: "REJECTED".to_owned(), message: Some(message), variables };
    engine.client.bpmn_error(&task.id, &worker, &error).await.unwrap();

    assert_eq!(engine.client.end_events(&instance.id).await.unwrap(), ["rejected"]);
    let stored = engine.client.variable_records(&instance.id).await.unwrap();
    let value = |name: &str| stored.iter().find(|variable| variable.name == name).unwrap().value.as_str().unwrap().to_owned();
    assert_eq!((value("errorCode").as_str(), value("rejectionCode").as_str()), ("REJECTED", "OUT_OF_STOCK"));
    assert_eq!(value("errorMessage").encode_utf16().count(), MAX_STRING_UNITS);
    // The engine logs it as a deletion, so only the activity history tells it from a cancellation.
    assert_eq!(engine.client.fate_of_task(&task.id).await.unwrap(), TaskFate::Removed);
}

async fn a_bpmn_error_that_nobody_catches_ends_the_instance_without_a_sound(engine: TestEngine) {
    engine.deploy(&one_task("uncaught", TOPIC)).await;
    let instance = engine.start("uncaught", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let error = BpmnError { code: "NOBODY_CATCHES_THIS".to_owned(), message: None, variables: Variables::new() };
    engine.client.bpmn_error(&task.id, &worker, &error).await.unwrap();
    assert_eq!(engine.record(&instance.id).await.state, "COMPLETED");
    assert!(engine.client.end_events(&instance.id).await.unwrap().is_empty());
}

async fn a_process_that_fails_behind_complete_is_told_apart_and_the_task_stays_ours(engine: TestEngine) {
    let elements = [
        start_to("work"),
        external("work", TOPIC, "", ""),
        flow("work", "broken"),
        expression("broken", "${nobody.knowsThis()}"),
        flow("broken", "done") + &end("done"),
    ];
    engine.deploy(&process("broken_behind", &elements.concat())).await;
    engine.start("broken_behind", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let error = engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap_err();
    match &error {
        EngineError::Downstream { message, .. } => assert!(message.contains("nobody"), "{message}"),
        wrong => panic!("{wrong:?}"),
    }
    let still = engine.client.get_task(&task.id).await.unwrap().unwrap();
    assert_eq!(still.worker_id, Some(worker));
    assert_eq!(engine.client.fate_of_task(&task.id).await.unwrap(), TaskFate::Open);
}

async fn a_string_of_more_than_4000_characters_fails_for_ever_at_the_engine_and_is_refused_by_us_first(engine: TestEngine) {
    engine.deploy(&one_task("long_string", TOPIC)).await;
    engine.start("long_string", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let text = "x".repeat(MAX_STRING_UNITS + 1);

    let path = format!("external-task/{}/complete", task.id);
    let body = json!({"workerId": worker, "variables": {"evidence": {"type": "String", "value": text}}});
    let (status, answer) = engine.raw_post(&path, &body).await;
    assert_eq!((status, &answer["code"]), (500, &json!(10_002)), "{answer}");

    let completion = Completion { variables: Variables::new().with("evidence", text), ..Completion::default() };
    let error = engine.client.complete(&task.id, &worker, &completion).await.unwrap_err();
    assert!(matches!(&error, EngineError::Variable(VariableError::TooLong { name, .. }) if name == "evidence"), "{error:?}");

    let fits = Variables::new().with("text", "x".repeat(MAX_STRING_UNITS)).with("json", json!({"text": "x".repeat(9_000)}));
    engine.client.complete(&task.id, &worker, &Completion { variables: fits, ..Completion::default() }).await.unwrap();
}

async fn local_variables_are_seen_by_the_task_and_by_nobody_after_it(engine: TestEngine) {
    let output = r#"<extensionElements><camunda:inputOutput><camunda:outputParameter name="kept">${secret}</camunda:outputParameter>
        </camunda:inputOutput></extensionElements>"#;
    let elements = [start_to("work"), external("work", TOPIC, "", output), flow("work", "done"), end("done")];
    engine.deploy(&process("local", &elements.concat())).await;
    let instance = engine.start("local", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let completion = Completion { local_variables: Variables::new().with("secret", "s"), ..Completion::default() };
    engine.client.complete(&task.id, &worker, &completion).await.unwrap();
    let stored = engine.client.variable_records(&instance.id).await.unwrap();
    let scope = |name: &str| stored.iter().find(|variable| variable.name == name).unwrap().activity_instance_id.clone().unwrap();
    assert_eq!(scope("kept"), instance.id.as_str());
    assert_ne!(scope("secret"), instance.id.as_str());
}

on_both_engines! {
    a_fresh_task_has_no_retries_at_all,
    a_completed_task_sets_variables_moves_the_process_on_and_is_remembered_as_completed,
    every_report_of_another_worker_is_refused_and_names_the_holder,
    a_report_on_an_unlocked_task_says_that_nobody_holds_it,
    a_failure_with_retries_left_keeps_the_task_from_everybody_until_its_time_is_over,
    a_failure_that_leaves_out_its_retries_is_an_incident_at_once_so_the_client_always_sends_them,
    a_bpmn_error_that_the_model_catches_takes_its_path_with_code_message_and_variables,
    a_bpmn_error_that_nobody_catches_ends_the_instance_without_a_sound,
    a_process_that_fails_behind_complete_is_told_apart_and_the_task_stays_ours,
    a_string_of_more_than_4000_characters_fails_for_ever_at_the_engine_and_is_refused_by_us_first,
    local_variables_are_seen_by_the_task_and_by_nobody_after_it,
}
