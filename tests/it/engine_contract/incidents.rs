//! Incidents: how they come, what ends them, and what may happen to the task meanwhile.

use std::time::Duration;

use holdfast::engine::{
    Completion, EngineError, Failure, IncidentQuery, JobQuery, LockedTask, ProcessInstance, TaskFate, Variables, WorkerId,
};

use super::on_both_engines;
use crate::support::bpmn::{end, external, flow, one_task, process, process_with_roots, start_to};
use crate::support::engine::{LONG_LOCK, TestEngine, fetch_request};

const TOPIC: &str = "contract.incidents";
const RELEASE: &str = "contract.incidents.release";

async fn incident(engine: &TestEngine, task: &LockedTask, worker: &WorkerId, message: &str) {
    let failure = Failure {
        message: message.to_owned(),
        details: Some("what was sent, and what to do".to_owned()),
        retries: 0,
        retry_timeout: Duration::ZERO,
        variables: Variables::new(),
    };
    engine.client.failure(&task.id, worker, &failure).await.unwrap();
}

/// A process of one task, already in an incident.
async fn in_an_incident(engine: &TestEngine, message: &str) -> (ProcessInstance, LockedTask, WorkerId) {
    engine.deploy(&one_task("unknown", TOPIC)).await;
    let instance = engine.start("unknown", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    incident(engine, &task, &worker, message).await;
    (instance, task, worker)
}

async fn a_failure_without_retries_raises_an_incident_whose_message_is_cut_between_characters(engine: TestEngine) {
    // 665 units, then a character of two: the engine would keep half of it.
    let message = format!("{}📦 and more", "x".repeat(665));
    let (instance, task, _) = in_an_incident(&engine, &message).await;
    let incident = engine.client.incident_of_task(&task.id).await.unwrap().unwrap();
    assert_eq!(incident.incident_message.unwrap(), format!("{}…", "x".repeat(665)));
    assert_eq!(incident.incident_type, "failedExternalTask");
    assert_eq!(incident.activity_id.as_deref(), Some("work"));

    let by_instance = IncidentQuery { process_instance_id: Some(instance.id), ..IncidentQuery::default() };
    let by_place =
        IncidentQuery { execution_id: Some(task.execution_id.clone()), activity_id: Some("work".to_owned()), ..IncidentQuery::default() };
    for query in [by_instance, by_place] {
        assert_eq!(engine.client.list_incidents(&query).await.unwrap()[0].id, incident.id);
    }
}

async fn the_engine_itself_cuts_a_message_at_666_units(engine: TestEngine) {
    engine.deploy(&one_task("cut", TOPIC)).await;
    engine.start("cut", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    let path = format!("external-task/{}/failure", task.id);
    let body = serde_json::json!({"workerId": worker, "errorMessage": "x".repeat(1_000), "retries": 0});
    assert_eq!(engine.raw_post(&path, &body).await.0, 204);
    let incident = engine.client.incident_of_task(&task.id).await.unwrap().unwrap();
    assert_eq!(incident.incident_message.unwrap().len(), 666);
}

async fn a_second_failure_keeps_the_first_message_and_an_annotation_brings_the_news(engine: TestEngine) {
    let (_, task, worker) = in_an_incident(&engine, "first").await;
    incident(&engine, &task, &worker, "second").await;
    let raised = engine.client.incident_of_task(&task.id).await.unwrap().unwrap();
    assert_eq!(raised.incident_message.as_deref(), Some("first"));
    assert_eq!(engine.client.get_task(&task.id).await.unwrap().unwrap().error_message.as_deref(), Some("second"));

    engine.client.annotate_incident(&raised.id, &"asked the inventory again ".repeat(400)).await.unwrap();
    let annotated = engine.client.incident_of_task(&task.id).await.unwrap().unwrap();
    assert_eq!(annotated.annotation.unwrap().encode_utf16().count(), 4_000);
}

async fn an_incident_that_is_over_cannot_be_annotated(engine: TestEngine) {
    let (_, task, worker) = in_an_incident(&engine, "first").await;
    let raised = engine.client.incident_of_task(&task.id).await.unwrap().unwrap();
    engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap();
    let error = engine.client.annotate_incident(&raised.id, "too late").await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound { .. } | EngineError::Permanent { .. }), "{error:?}");
}

async fn completing_a_task_in_an_incident_resolves_it_and_the_process_goes_on(engine: TestEngine) {
    let (instance, task, worker) = in_an_incident(&engine, "outcome unknown").await;
    engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap();
    assert!(engine.client.incident_of_task(&task.id).await.unwrap().is_none());
    assert_eq!(engine.client.end_events(&instance.id).await.unwrap(), ["done"]);
}

async fn a_replica_takes_a_task_out_of_an_incident_by_lock_and_completes_it(engine: TestEngine) {
    let (instance, task, dead) = in_an_incident(&engine, "outcome unknown").await;
    let replica = engine.worker("replica");
    let refused = engine.client.complete(&task.id, &replica, &Completion::default()).await.unwrap_err();
    assert!(matches!(&refused, EngineError::LockLost { by: Some(by) } if *by == dead), "{refused:?}");
    engine.client.lock(&task.id, &replica, LONG_LOCK).await.unwrap();
    engine.client.complete(&task.id, &replica, &Completion::default()).await.unwrap();
    assert_eq!(engine.client.end_events(&instance.id).await.unwrap(), ["done"]);
    assert_eq!(engine.client.fate_of_task(&task.id).await.unwrap(), TaskFate::Completed { by: Some(replica) });
}

async fn a_task_in_an_incident_is_not_fetched_until_an_operator_gives_it_a_retry(engine: TestEngine) {
    let (_, task, worker) = in_an_incident(&engine, "outcome unknown").await;
    assert!(engine.fetch(&worker, engine.topic(TOPIC, LONG_LOCK)).await.is_empty());
    // What Cockpit's retry button sends. A poll that is parked sleeps through it; the next one sees it.
    engine.client.set_retries(&task.id, 1).await.unwrap();
    assert!(engine.client.incident_of_task(&task.id).await.unwrap().is_none());
    let again = engine.fetch_one(&worker, TOPIC).await;
    assert_eq!((again.id, again.retries), (task.id, Some(1)));
}

async fn a_retry_by_an_operator_reaches_a_worker_within_its_next_long_poll(engine: TestEngine) {
    let (_, task, worker) = in_an_incident(&engine, "outcome unknown").await;
    let second = Duration::from_secs(1);
    let request = fetch_request(&worker, 1, Some(second), engine.topic(TOPIC, LONG_LOCK));
    let polls = async {
        let first = engine.client.fetch_and_lock(&request).await.unwrap();
        if first.is_empty() { engine.client.fetch_and_lock(&request).await.unwrap() } else { first }
    };
    let retry = async {
        tokio::time::sleep(second / 4).await;
        engine.client.set_retries(&task.id, 1).await.unwrap();
    };
    let (fetched, ()) = tokio::join!(polls, retry);
    assert_eq!(fetched[0].id, task.id);
}

async fn a_boundary_timer_takes_the_token_away_from_an_incident(engine: TestEngine) {
    let timer = r#"<boundaryEvent id="too_long" attachedToRef="work"><timerEventDefinition>
        <timeDuration xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="tFormalExpression">PT24H</timeDuration>
        </timerEventDefinition></boundaryEvent>"#;
    let elements = [
        start_to("work"),
        external("work", TOPIC, "", ""),
        timer.to_owned(),
        flow("work", "done") + &flow("too_long", "handed_over") + &end("done") + &end("handed_over"),
    ];
    engine.deploy(&process("timed", &elements.concat())).await;
    let instance = engine.start("timed", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    incident(&engine, &task, &worker, "outcome unknown").await;

    let query = JobQuery { process_instance_id: Some(instance.id.clone()), timers: true, ..JobQuery::default() };
    let jobs = engine.client.list_jobs(&query).await.unwrap();
    engine.client.execute_job(&jobs[0].id).await.unwrap();

    assert_eq!(engine.client.end_events(&instance.id).await.unwrap(), ["handed_over"]);
    assert!(engine.client.incident_of_task(&task.id).await.unwrap().is_none());
    let late = engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap_err();
    assert!(matches!(late, EngineError::TaskGone), "{late:?}");
    assert_eq!(engine.client.fate_of_task(&task.id).await.unwrap(), TaskFate::Removed);
}

async fn a_cancelled_order_leaves_its_incident_and_its_release_can_be_fetched_at_once(engine: TestEngine) {
    let cancelled = [
        r#"<subProcess id="cancellation" triggeredByEvent="true"><startEvent id="cancelled">
           <messageEventDefinition messageRef="Msg_Cancelled"/></startEvent>"#,
        &flow("cancelled", "release"),
        &external("release", RELEASE, "", ""),
        &flow("release", "released"),
        &end("released"),
        "</subProcess>",
    ]
    .concat();
    let elements = [start_to("work"), external("work", TOPIC, "", ""), flow("work", "done"), end("done"), cancelled];
    let root = r#"<message id="Msg_Cancelled" name="OrderCancelled"/>"#;
    engine.deploy(&process_with_roots("cancelling", &elements.concat(), root)).await;
    let instance = engine.start("cancelling", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    incident(&engine, &task, &worker, "outcome unknown").await;

    engine.correlate(&instance.id, "OrderCancelled").await;

    assert!(engine.client.get_task(&task.id).await.unwrap().is_none());
    let release = engine.fetch(&worker, engine.topic(RELEASE, LONG_LOCK)).await;
    engine.client.complete(&release[0].id, &worker, &Completion::default()).await.unwrap();
    assert_eq!(engine.ended(&instance.id).await.state, "COMPLETED");
}

on_both_engines! {
    a_failure_without_retries_raises_an_incident_whose_message_is_cut_between_characters,
    the_engine_itself_cuts_a_message_at_666_units,
    a_second_failure_keeps_the_first_message_and_an_annotation_brings_the_news,
    an_incident_that_is_over_cannot_be_annotated,
    completing_a_task_in_an_incident_resolves_it_and_the_process_goes_on,
    a_replica_takes_a_task_out_of_an_incident_by_lock_and_completes_it,
    a_task_in_an_incident_is_not_fetched_until_an_operator_gives_it_a_retry,
    a_retry_by_an_operator_reaches_a_worker_within_its_next_long_poll,
    a_boundary_timer_takes_the_token_away_from_an_incident,
    a_cancelled_order_leaves_its_incident_and_its_release_can_be_fetched_at_once,
}
