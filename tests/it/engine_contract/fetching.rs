//! Fetching: what comes along, in which order, and what the engine refuses.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use holdfast::engine::{EngineError, FetchOrder, FetchRequest, Required as _, TopicFilter, Variables};
use holdfast::retry::Retryable as _;
use serde_json::json;

use super::on_both_engines;
use crate::support::bpmn::{end, external, flow, one_task, process, start_to};
use crate::support::engine::{LONG_LOCK, TestEngine, fetch_request};

const TOPIC: &str = "contract.fetching";

async fn a_task_brings_the_named_variables_its_model_properties_and_where_it_belongs(engine: TestEngine) {
    let properties = r#"<extensionElements><camunda:properties><camunda:property name="RETRY_CONFIG" value="R3/PT1M"/>
        </camunda:properties></extensionElements>"#;
    let elements =
        [start_to("work"), external("work", TOPIC, r#"camunda:taskPriority="7""#, properties), flow("work", "done"), end("done")];
    engine.deploy(&process("bringing", &elements.concat())).await;
    let given = Variables::new()
        .with("orderId", "o-1")
        .with("attemptGroup", 2)
        .with("total", 3_000_000_000_i64)
        .with("share", 0.5)
        .with("urgent", true)
        .with("dueAt", chrono::DateTime::from_timestamp_millis(1_759_761_282_007).unwrap())
        .with("orderLines", json!([{"quantity": "1.500000"}]))
        .with("linesAsText", r#"[{"quantity": 2}]"#)
        .with("nothing", None::<String>)
        .with("notAskedFor", "megabytes");
    let instance = engine.start_with_key("bringing", Some("o-1"), given).await;

    let mut topic = engine.topic(TOPIC, LONG_LOCK);
    let names = ["orderId", "attemptGroup", "total", "share", "urgent", "dueAt", "orderLines", "linesAsText", "nothing", "absent"];
    topic.variables = names.map(str::to_owned).to_vec();
    let task = engine.fetch(&engine.worker("a"), topic).await.remove(0);

    let variables = &task.variables;
    assert_eq!(variables.text("orderId").unwrap(), Some("o-1"));
    assert_eq!(variables.integer("attemptGroup").unwrap(), Some(2));
    assert_eq!(variables.integer("total").unwrap(), Some(3_000_000_000));
    assert_eq!(variables.double("share").unwrap(), Some(0.5));
    assert_eq!(variables.boolean("urgent").unwrap(), Some(true));
    assert_eq!(variables.instant("dueAt").unwrap().unwrap().timestamp_millis(), 1_759_761_282_007);
    assert_eq!(variables.json("orderLines").unwrap(), Some(json!([{"quantity": "1.500000"}])));
    assert_eq!(variables.json("linesAsText").unwrap(), Some(json!([{"quantity": 2}])));
    assert_eq!(variables.text("nothing").unwrap(), None);
    assert_eq!(variables.text("notAskedFor").unwrap(), None);
    assert!(variables.text("absent").required("absent", "a String").is_err());
    let wrong = variables.text("attemptGroup").unwrap_err();
    assert_eq!(wrong.to_string(), "variable `attemptGroup` must be a String, it is Integer");

    assert_eq!(task.extension_properties["RETRY_CONFIG"], "R3/PT1M");
    assert_eq!((task.business_key.as_deref(), task.tenant_id.as_ref()), (Some("o-1"), Some(&engine.tenant)));
    assert_eq!((&task.process_instance_id, task.priority), (&instance.id, 7));
    assert!(task.create_time.unwrap() <= task.lock_expiration_time.unwrap());
}

async fn asking_for_no_variables_brings_none(engine: TestEngine) {
    engine.deploy(&one_task("none", TOPIC)).await;
    engine.start("none", Variables::new().with("huge", "x")).await;
    let task = engine.fetch_one(&engine.worker("a"), TOPIC).await;
    assert!(task.variables.is_empty());
}

async fn a_tenant_sees_its_own_tasks_only(engine: TestEngine) {
    let mut other = engine.clone();
    other.tenant = format!("{}-other", engine.tenant).into();
    for tenant in [&engine, &other] {
        tenant.deploy(&one_task("shared", TOPIC)).await;
        tenant.start("shared", Variables::new()).await;
    }
    let own = engine.fetch(&engine.worker("a"), engine.topic(TOPIC, LONG_LOCK)).await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].tenant_id.as_ref(), Some(&engine.tenant));
}

async fn several_topics_are_fetched_by_one_poll_each_with_its_own_lock(engine: TestEngine) {
    for (key, topic) in [("first", "contract.fetching.first"), ("second", "contract.fetching.second")] {
        engine.deploy(&one_task(key, topic)).await;
        engine.start(key, Variables::new()).await;
    }
    let request = FetchRequest {
        topics: vec![engine.topic("contract.fetching.first", LONG_LOCK), engine.topic("contract.fetching.second", LONG_LOCK * 2)],
        ..fetch_request(&engine.worker("a"), 10, None, engine.topic(TOPIC, LONG_LOCK))
    };
    let mut tasks = engine.client.fetch_and_lock(&request).await.unwrap();
    tasks.sort_by(|one, other| one.topic_name.cmp(&other.topic_name));
    let apart = tasks[1].lock_expiration_time.unwrap() - tasks[0].lock_expiration_time.unwrap();
    assert!((apart.num_seconds() - 600).abs() < 5, "{apart}");
}

async fn the_oldest_or_the_most_urgent_come_first_if_asked_for(engine: TestEngine) {
    let prioritised = |key: &str, priority: u32| {
        let attributes = format!(r#"camunda:taskPriority="{priority}""#);
        let elements = [start_to("work"), external("work", TOPIC, &attributes, ""), flow("work", "done"), end("done")];
        process(key, &elements.concat())
    };
    let mut started = Vec::new();
    for (key, priority) in [("calm", 1), ("urgent", 9), ("calmer", 0)] {
        engine.deploy(&prioritised(key, priority)).await;
        started.push(engine.start(key, Variables::new()).await.id);
    }
    let order = async |order: FetchOrder| {
        let request = FetchRequest { order, ..fetch_request(&engine.worker("a"), 1, None, engine.topic(TOPIC, LONG_LOCK)) };
        let task = engine.client.fetch_and_lock(&request).await.unwrap().remove(0);
        engine.client.unlock(&task.id).await.unwrap();
        task.process_instance_id
    };
    assert_eq!(order(FetchOrder { by_priority: false, oldest_first: true }).await, started[0]);
    assert_eq!(order(FetchOrder { by_priority: true, oldest_first: true }).await, started[1]);
}

async fn a_parked_poll_returns_as_soon_as_there_is_a_task(engine: TestEngine) {
    engine.deploy(&one_task("parked", TOPIC)).await;
    let request = fetch_request(&engine.worker("a"), 1, Some(Duration::from_secs(20)), engine.topic(TOPIC, LONG_LOCK));
    let begun = Instant::now();
    let start = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        engine.start("parked", Variables::new()).await;
    };
    let (tasks, ()) = tokio::join!(engine.client.fetch_and_lock(&request), start);
    assert_eq!(tasks.unwrap().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

async fn a_poll_for_no_tasks_waits_its_whole_time_for_nothing(engine: TestEngine) {
    engine.deploy(&one_task("zero", TOPIC)).await;
    engine.start("zero", Variables::new()).await;
    let wait = Duration::from_millis(400);
    let begun = Instant::now();
    let request = fetch_request(&engine.worker("a"), 0, Some(wait), engine.topic(TOPIC, LONG_LOCK));
    assert!(engine.client.fetch_and_lock(&request).await.unwrap().is_empty());
    assert!(begun.elapsed() >= wait);
}

async fn a_poll_of_more_than_half_an_hour_is_refused_for_good(engine: TestEngine) {
    let too_long = Duration::from_millis(1_800_001);
    let request = fetch_request(&engine.worker("a"), 1, Some(too_long), engine.topic(TOPIC, LONG_LOCK));
    let error = engine.client.fetch_and_lock(&request).await.unwrap_err();
    assert!(matches!(&error, EngineError::Permanent { status: 400, kind, .. } if kind == "InvalidRequestException"), "{error:?}");
}

async fn a_lock_of_no_length_is_refused_for_good(engine: TestEngine) {
    let request = fetch_request(&engine.worker("a"), 1, None, engine.topic(TOPIC, Duration::ZERO));
    let error = engine.client.fetch_and_lock(&request).await.unwrap_err();
    assert!(matches!(error, EngineError::Permanent { .. }), "{error:?}");
    assert!(!error.is_transient() && !error.may_have_acted());
}

async fn a_fetch_without_a_worker_is_the_engines_null_value_error(engine: TestEngine) {
    let body = json!({"maxTasks": 1, "topics": [{"topicName": TOPIC, "lockDuration": 1000}]});
    let (status, answer) = engine.raw_post("external-task/fetchAndLock", &body).await;
    assert_eq!((status, &answer["type"]), (500, &json!("NullValueException")), "{answer}");
}

async fn two_fetchers_on_one_topic_share_the_tasks_and_run_into_nothing_that_lasts(engine: TestEngine) {
    const TASKS: usize = 60;
    engine.deploy(&one_task("shared_work", TOPIC)).await;
    for _ in 0..TASKS {
        engine.start("shared_work", Variables::new()).await;
    }
    let seen = Mutex::new(HashSet::new());
    let deadline = Instant::now() + Duration::from_secs(20);
    let fetcher = async |name: &str| {
        let request = fetch_request(&engine.worker(name), 3, None, engine.topic(TOPIC, LONG_LOCK));
        while seen.lock().unwrap().len() < TASKS && Instant::now() < deadline {
            match engine.client.fetch_and_lock(&request).await {
                Ok(tasks) => {
                    for task in tasks {
                        assert!(seen.lock().unwrap().insert(task.id.clone()), "{} was given out twice", task.id);
                    }
                }
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        }
    };
    tokio::join!(fetcher("a"), fetcher("b"), fetcher("c"));
    assert_eq!(seen.lock().unwrap().len(), TASKS);
}

async fn topics_with_tasks_are_listed(engine: TestEngine) {
    let topic = format!("contract.fetching.{}", engine.tenant);
    engine.deploy(&one_task("listed", &topic)).await;
    engine.start("listed", Variables::new()).await;
    let unlocked = TopicFilter { with_unlocked_tasks: true, ..TopicFilter::default() };
    assert!(engine.client.topic_names(unlocked).await.unwrap().contains(&topic));
    engine.fetch_one(&engine.worker("a"), &topic).await;
    assert!(!engine.client.topic_names(unlocked).await.unwrap().contains(&topic));
    let locked = TopicFilter { with_locked_tasks: true, ..TopicFilter::default() };
    assert!(engine.client.topic_names(locked).await.unwrap().contains(&topic));
}

on_both_engines! {
    a_task_brings_the_named_variables_its_model_properties_and_where_it_belongs,
    asking_for_no_variables_brings_none,
    a_tenant_sees_its_own_tasks_only,
    several_topics_are_fetched_by_one_poll_each_with_its_own_lock,
    the_oldest_or_the_most_urgent_come_first_if_asked_for,
    a_parked_poll_returns_as_soon_as_there_is_a_task,
    a_poll_for_no_tasks_waits_its_whole_time_for_nothing,
    a_poll_of_more_than_half_an_hour_is_refused_for_good,
    a_lock_of_no_length_is_refused_for_good,
    a_fetch_without_a_worker_is_the_engines_null_value_error,
    two_fetchers_on_one_topic_share_the_tasks_and_run_into_nothing_that_lasts,
    topics_with_tasks_are_listed,
}
