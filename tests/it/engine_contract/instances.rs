//! Process instances: messages, jobs, people's tasks, history.

use holdfast::engine::{
    ActivityQuery, Completion, EngineError, JobQuery, MessageCorrelation, ProcessInstanceId, ProcessInstanceQuery, ProcessSelector,
    StartProcess, TaskFate, TaskId, UserTaskQuery, Variables,
};
use reqwest::Method;
use serde_json::json;

use super::on_both_engines;
use crate::support::bpmn::{end, expression, external, flow, one_task, process, process_with_roots, start_to, user_task};
use crate::support::engine::TestEngine;
use crate::support::wait::{SOON, until_true};

const TOPIC: &str = "contract.instances";

async fn a_deleted_instance_takes_its_task_along_and_the_log_says_removed(engine: TestEngine) {
    engine.deploy(&one_task("deleted", TOPIC)).await;
    let instance = engine.start("deleted", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    engine.client.delete_instance(&instance.id).await.unwrap();

    let error = engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap_err();
    assert!(matches!(error, EngineError::TaskGone), "{error:?}");
    assert_eq!(engine.client.fate_of_task(&task.id).await.unwrap(), TaskFate::Removed);
    let record = engine.record(&instance.id).await;
    assert_eq!(record.state, "EXTERNALLY_TERMINATED");
    let again = engine.client.delete_instance(&instance.id).await.unwrap_err();
    assert!(matches!(again, EngineError::NotFound { .. }), "{again:?}");
}

async fn what_the_engine_never_had_is_not_found_and_has_no_known_fate(engine: TestEngine) {
    let never = TaskId::from("00000000-never-was");
    assert!(engine.client.get_task(&never).await.unwrap().is_none());
    assert_eq!(engine.client.fate_of_task(&never).await.unwrap(), TaskFate::Unknown);
    assert!(engine.client.instance_record(&ProcessInstanceId::from("never-was")).await.unwrap().is_none());
    assert!(engine.client.incident_of_task(&never).await.unwrap().is_none());
    for result in [
        engine.client.unlock(&never).await,
        engine.client.set_retries(&never, 1).await,
        engine.client.error_details(&never).await.map(drop),
    ] {
        assert!(matches!(result, Err(EngineError::TaskGone)), "{result:?}");
    }
    for result in [
        engine.client.complete_user_task(&"never-was".into(), &Variables::new()).await,
        engine.client.execute_job(&"never-was".into()).await,
    ] {
        assert!(matches!(result, Err(EngineError::NotFound { .. })), "{result:?}");
    }
}

async fn an_asynchronous_continuation_carries_on_after_the_report_so_its_failure_is_not_ours(engine: TestEngine) {
    let elements = [
        start_to("work"),
        external("work", TOPIC, r#"camunda:asyncAfter="true""#, ""),
        flow("work", "broken"),
        expression("broken", "${nobody.knowsThis()}"),
        flow("broken", "done") + &end("done"),
    ];
    engine.deploy(&process("decoupled", &elements.concat())).await;
    let instance = engine.start("decoupled", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap();
    let query = JobQuery { process_instance_id: Some(instance.id), ..JobQuery::default() };
    until_true("the engine has tried the continuation", SOON, || async {
        engine.client.list_jobs(&query).await.unwrap().iter().any(|job| job.exception_message.is_some())
    })
    .await;
}

async fn a_message_that_nothing_waits_for_is_told_apart_and_so_is_one_that_two_wait_for(engine: TestEngine) {
    let waiting = [
        start_to("wait"),
        r#"<intermediateCatchEvent id="wait"><messageEventDefinition messageRef="Msg"/></intermediateCatchEvent>"#.to_owned(),
        flow("wait", "done") + &end("done"),
    ];
    engine.deploy(&process_with_roots("waiting", &waiting.concat(), r#"<message id="Msg" name="Settled"/>"#)).await;
    let message = |business_key: &str| MessageCorrelation {
        message_name: "Settled".to_owned(),
        business_key: Some(business_key.to_owned()),
        tenant_id: Some(engine.tenant.clone()),
        process_variables: Variables::new().with("outcome", "held"),
        ..MessageCorrelation::default()
    };
    for key in ["one", "two", "two"] {
        engine.start_with_key("waiting", Some(key), Variables::new()).await;
    }
    for key in ["none", "two"] {
        let error = engine.client.correlate(&message(key)).await.unwrap_err();
        assert!(matches!(error, EngineError::NotCorrelated { .. }), "{key}: {error:?}");
    }
    engine.client.correlate(&message("one")).await.unwrap();

    let records = engine.client.instance_records_by_business_key("waiting", "one", Some(&engine.tenant)).await.unwrap();
    assert_eq!((records.len(), records[0].state.as_str()), (1, "COMPLETED"));
    let stored = engine.client.variable_records(&records[0].id).await.unwrap();
    assert_eq!((stored[0].name.as_str(), &stored[0].value), ("outcome", &json!("held")));
}

async fn a_start_whose_answer_was_lost_can_be_found_by_its_business_key(engine: TestEngine) {
    engine.deploy(&one_task("findable", TOPIC)).await;
    let started = engine.start_with_key("findable", Some("order-1"), Variables::new().with("orderId", "order-1")).await;
    let query = ProcessInstanceQuery {
        process_definition_key: Some("findable".to_owned()),
        business_key: Some("order-1".to_owned()),
        tenant_id_in: vec![engine.tenant.clone()],
    };
    let running = engine.client.list_instances(&query).await.unwrap();
    assert_eq!((running.len(), &running[0].id), (1, &started.id));
    assert_eq!(engine.client.instance_variables(&started.id).await.unwrap().text("orderId").unwrap(), Some("order-1"));
    let records = engine.client.instance_records_by_business_key("findable", "order-1", Some(&engine.tenant)).await.unwrap();
    assert_eq!((records.len(), records[0].state.as_str()), (1, "ACTIVE"));
    let none = engine.client.instance_records_by_business_key("findable", "order-2", Some(&engine.tenant)).await.unwrap();
    assert!(none.is_empty());
}

async fn a_process_whose_first_step_fails_is_not_started_at_all(engine: TestEngine) {
    let elements = [start_to("broken"), expression("broken", "${nobody.knowsThis()}"), flow("broken", "done"), end("done")];
    engine.deploy(&process("stillborn", &elements.concat())).await;
    let process = ProcessSelector::Latest { key: "stillborn".to_owned(), tenant: Some(engine.tenant.clone()) };
    let start = StartProcess { process, business_key: Some("b".to_owned()), variables: Variables::new() };
    let error = engine.client.start_process(&start).await.unwrap_err();
    assert!(matches!(error, EngineError::Downstream { .. }), "{error:?}");
    assert!(engine.client.instance_records_by_business_key("stillborn", "b", Some(&engine.tenant)).await.unwrap().is_empty());
}

async fn what_is_suspended_is_told_apart_wherever_it_is_met(engine: TestEngine) {
    let elements = [start_to("decide"), user_task("decide"), flow("decide", "done"), end("done")];
    engine.deploy(&process("halted", &elements.concat())).await;
    let instance = engine.start("halted", Variables::new()).await;
    engine.client.set_suspended(&instance.id, true).await.unwrap();
    let query = UserTaskQuery { process_instance_id: Some(instance.id.clone()), ..UserTaskQuery::default() };
    let task = engine.client.list_user_tasks(&query).await.unwrap().remove(0);
    let refused = engine.client.complete_user_task(&task.id, &Variables::new()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Suspended), "{refused:?}");

    let path = format!("process-definition/key/halted/tenant-id/{}/suspended", engine.tenant);
    assert_eq!(engine.raw(Method::PUT, &path, &json!({"suspended": true})).await.0, 204);
    let process = ProcessSelector::Latest { key: "halted".to_owned(), tenant: Some(engine.tenant.clone()) };
    let start = StartProcess { process, business_key: None, variables: Variables::new() };
    let refused = engine.client.start_process(&start).await.unwrap_err();
    assert!(matches!(refused, EngineError::Suspended), "{refused:?}");
}

async fn a_person_decides_and_the_way_can_be_read_from_history(engine: TestEngine) {
    let elements = [start_to("decide"), user_task("decide"), flow("decide", "done"), end("done")];
    engine.deploy(&process("deciding", &elements.concat())).await;
    let instance = engine.start_with_key("deciding", Some("order-7"), Variables::new()).await;
    let query =
        UserTaskQuery { business_key: Some("order-7".to_owned()), tenant_id_in: vec![engine.tenant.clone()], ..UserTaskQuery::default() };
    let tasks = engine.client.list_user_tasks(&query).await.unwrap();
    assert_eq!((tasks.len(), tasks[0].task_definition_key.as_str()), (1, "decide"));
    engine.client.complete_user_task(&tasks[0].id, &Variables::new().with("decision", "HELD")).await.unwrap();

    let activities = ActivityQuery { process_instance_id: Some(instance.id.clone()), ..ActivityQuery::default() };
    let way = engine.client.activity_history(&activities).await.unwrap();
    let way: Vec<_> = way.iter().map(|activity| (activity.activity_id.as_str(), activity.end_time.is_some())).collect();
    assert_eq!(way, [("start", true), ("decide", true), ("done", true)]);
    let stored = engine.client.variable_records(&instance.id).await.unwrap();
    assert_eq!((stored[0].name.as_str(), &stored[0].value), ("decision", &json!("HELD")));
}

async fn an_interrupted_activity_is_marked_as_such_in_history(engine: TestEngine) {
    engine.deploy(&one_task("interrupted", TOPIC)).await;
    let instance = engine.start("interrupted", Variables::new()).await;
    let task = engine.fetch_one(&engine.worker("a"), TOPIC).await;
    engine.client.delete_instance(&instance.id).await.unwrap();
    let query = ActivityQuery { activity_instance_id: Some(task.activity_instance_id), ..ActivityQuery::default() };
    let runs = engine.client.activity_history(&query).await.unwrap();
    assert_eq!((runs.len(), runs[0].canceled), (1, true));
}

on_both_engines! {
    a_deleted_instance_takes_its_task_along_and_the_log_says_removed,
    what_the_engine_never_had_is_not_found_and_has_no_known_fate,
    an_asynchronous_continuation_carries_on_after_the_report_so_its_failure_is_not_ours,
    a_message_that_nothing_waits_for_is_told_apart_and_so_is_one_that_two_wait_for,
    a_start_whose_answer_was_lost_can_be_found_by_its_business_key,
    a_process_whose_first_step_fails_is_not_started_at_all,
    what_is_suspended_is_told_apart_wherever_it_is_met,
    a_person_decides_and_the_way_can_be_read_from_history,
    an_interrupted_activity_is_marked_as_such_in_history,
}
