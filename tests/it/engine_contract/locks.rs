//! Who holds a task, for how long, and who may take it.

use std::time::{Duration, Instant};

use holdfast::engine::{BpmnError, Completion, EngineError, Failure, TaskId, TaskQuery, Variables};

use super::on_both_engines;
use crate::support::bpmn::one_task;
use crate::support::engine::{LONG_LOCK, TestEngine, fetch_request};
use crate::support::wait::{SOON, until_true};

const TOPIC: &str = "contract.locks";
/// Runs out while a test waits for it.
const SHORT_LOCK: Duration = Duration::from_millis(30);

/// Waits until the engine itself says that the lock has run out.
async fn lock_has_run_out(engine: &TestEngine, task: &TaskId) {
    until_true("the lock has run out", SOON, || async {
        let query = TaskQuery { tenant_id_in: vec![engine.tenant.clone()], locked: true, ..TaskQuery::default() };
        !engine.client.list_tasks(&query).await.unwrap().iter().any(|locked| locked.id == *task)
    })
    .await;
}

async fn completing_after_the_lock_ran_out_succeeds_while_nobody_fetched_the_task_again(engine: TestEngine) {
    engine.deploy(&one_task("late", TOPIC)).await;
    engine.start("late", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one_for(&worker, TOPIC, SHORT_LOCK).await;
    lock_has_run_out(&engine, &task.id).await;
    engine.client.complete(&task.id, &worker, &Completion::default()).await.unwrap();
}

async fn completing_after_another_worker_fetched_the_task_again_is_refused(engine: TestEngine) {
    engine.deploy(&one_task("too_late", TOPIC)).await;
    engine.start("too_late", Variables::new()).await;
    let (slow, quick) = (engine.worker("slow"), engine.worker("quick"));
    let task = engine.fetch_one_for(&slow, TOPIC, SHORT_LOCK).await;
    assert_eq!(engine.fetch_one(&quick, TOPIC).await.id, task.id);
    let error = engine.client.complete(&task.id, &slow, &Completion::default()).await.unwrap_err();
    assert!(matches!(&error, EngineError::LockLost { by: Some(by) } if *by == quick), "{error:?}");
}

async fn a_lock_that_ran_out_cannot_be_extended_but_its_owner_can_lock_again(engine: TestEngine) {
    engine.deploy(&one_task("relock", TOPIC)).await;
    engine.start("relock", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one_for(&worker, TOPIC, SHORT_LOCK).await;
    lock_has_run_out(&engine, &task.id).await;
    let error = engine.client.extend_lock(&task.id, &worker, LONG_LOCK).await.unwrap_err();
    assert!(matches!(error, EngineError::LockExpired), "{error:?}");
    engine.client.lock(&task.id, &worker, LONG_LOCK).await.unwrap();
    engine.client.extend_lock(&task.id, &worker, LONG_LOCK).await.unwrap();
}

async fn an_extension_counts_from_now_so_it_may_also_shorten(engine: TestEngine) {
    engine.deploy(&one_task("shorten", TOPIC)).await;
    engine.start("shorten", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    engine.client.extend_lock(&task.id, &worker, SHORT_LOCK).await.unwrap();
    assert_eq!(engine.fetch_one(&engine.worker("b"), TOPIC).await.id, task.id);
}

async fn unlock_asks_for_no_owner_and_wakes_a_parked_poll(engine: TestEngine) {
    engine.deploy(&one_task("steal", TOPIC)).await;
    engine.start("steal", Variables::new()).await;
    let (holder, next) = (engine.worker("holder"), engine.worker("next"));
    let task = engine.fetch_one(&holder, TOPIC).await;
    let poll = {
        let request = fetch_request(&next, 1, Some(Duration::from_secs(10)), engine.topic(TOPIC, LONG_LOCK));
        let client = engine.client.clone();
        tokio::spawn(async move { (client.fetch_and_lock(&request).await, Instant::now()) })
    };
    // Unlocked again and again, because nothing tells when the poll is parked; the first poll that is gets it.
    let mut unlocked_at = Instant::now();
    until_true("the poll has returned", SOON, || {
        unlocked_at = Instant::now();
        let unlock = (!poll.is_finished()).then(|| engine.client.unlock(&task.id));
        let poll = &poll;
        async move {
            if let Some(unlock) = unlock {
                unlock.await.unwrap();
            }
            poll.is_finished()
        }
    })
    .await;
    let (fetched, _) = poll.await.unwrap();
    assert_eq!(fetched.unwrap()[0].id, task.id);
}

async fn a_suspended_task_is_refused_with_a_word_of_its_own_and_only_lock_still_works(engine: TestEngine) {
    engine.deploy(&one_task("suspended", TOPIC)).await;
    let instance = engine.start("suspended", Variables::new()).await;
    let worker = engine.worker("a");
    let task = engine.fetch_one(&worker, TOPIC).await;
    engine.client.set_suspended(&instance.id, true).await.unwrap();
    let client = &engine.client;
    let bpmn_error = BpmnError { code: "ANY".to_owned(), message: None, variables: Variables::new() };
    let failure = Failure { message: String::new(), details: None, retries: 1, retry_timeout: Duration::ZERO, variables: Variables::new() };
    for (report, result) in [
        ("complete", client.complete(&task.id, &worker, &Completion::default()).await),
        ("bpmn_error", client.bpmn_error(&task.id, &worker, &bpmn_error).await),
        ("failure", client.failure(&task.id, &worker, &failure).await),
        ("extend_lock", client.extend_lock(&task.id, &worker, LONG_LOCK).await),
    ] {
        assert!(matches!(result, Err(EngineError::Suspended)), "{report}: {result:?}");
    }
    client.lock(&task.id, &worker, LONG_LOCK).await.unwrap();
    assert!(client.get_task(&task.id).await.unwrap().unwrap().suspended);

    client.set_suspended(&instance.id, false).await.unwrap();
    client.complete(&task.id, &worker, &Completion::default()).await.unwrap();
}

async fn what_a_dead_worker_holds_is_listed_and_unlocked_but_not_its_incidents(engine: TestEngine) {
    engine.deploy(&one_task("dead", TOPIC)).await;
    for _ in 0..3 {
        engine.start("dead", Variables::new()).await;
    }
    let (dead, next) = (engine.worker("dead"), engine.worker("next"));
    let held = engine.fetch(&dead, engine.topic(TOPIC, LONG_LOCK)).await;
    assert_eq!(held.len(), 3);
    let incident =
        Failure { message: "outcome unknown".to_owned(), details: None, retries: 0, retry_timeout: LONG_LOCK, variables: Variables::new() };
    engine.client.failure(&held[0].id, &dead, &incident).await.unwrap();

    assert_eq!(engine.client.unlock_held_by(&dead).await.unwrap(), 2);

    assert_eq!(engine.fetch(&next, engine.topic(TOPIC, LONG_LOCK)).await.len(), 2);
    let untouched = engine.client.get_task(&held[0].id).await.unwrap().unwrap();
    assert_eq!(untouched.worker_id, Some(dead.clone()));
    engine.client.complete(&held[0].id, &dead, &Completion::default()).await.unwrap();
}

async fn a_client_that_dies_in_a_long_poll_is_given_tasks_all_the_same_and_the_rescuer_frees_them(engine: TestEngine) {
    engine.deploy(&one_task("ghost", TOPIC)).await;
    let (ghost, next) = (engine.worker("ghost"), engine.worker("next"));
    let request = fetch_request(&ghost, 5, Some(Duration::from_secs(20)), engine.topic(TOPIC, LONG_LOCK));
    // The poll is dropped while it is parked; starting instances until one is locked shows when it was.
    let dying = tokio::time::timeout(Duration::from_millis(300), engine.client.fetch_and_lock(&request)).await;
    assert!(dying.is_err(), "there was nothing to fetch");
    engine.start("ghost", Variables::new()).await;
    let held_by_ghost = TaskQuery { worker_id: Some(ghost.clone()), locked: true, ..TaskQuery::default() };
    until_true("the engine has locked the task for the dead client", SOON, || async {
        engine.client.list_tasks(&held_by_ghost).await.unwrap().len() == 1
    })
    .await;
    assert!(engine.fetch(&next, engine.topic(TOPIC, LONG_LOCK)).await.is_empty());

    assert_eq!(engine.client.unlock_held_by(&ghost).await.unwrap(), 1);
    engine.fetch_one(&next, TOPIC).await;
}

on_both_engines! {
    completing_after_the_lock_ran_out_succeeds_while_nobody_fetched_the_task_again,
    completing_after_another_worker_fetched_the_task_again_is_refused,
    a_lock_that_ran_out_cannot_be_extended_but_its_owner_can_lock_again,
    an_extension_counts_from_now_so_it_may_also_shorten,
    unlock_asks_for_no_owner_and_wakes_a_parked_poll,
    a_suspended_task_is_refused_with_a_word_of_its_own_and_only_lock_still_works,
    what_a_dead_worker_holds_is_listed_and_unlocked_but_not_its_incidents,
    a_client_that_dies_in_a_long_poll_is_given_tasks_all_the_same_and_the_rescuer_frees_them,
}
