//! The poll loop at work: permits, locks that are kept, leases that are withdrawn, polls that get lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast::engine::{CancelReason, Completion, Failure, HeldTask, LeaseOver, TaskHandler, Variables};
use tokio::sync::mpsc;

use super::on_both_engines;
use super::running_loop::{RunningLoop, settings};
use crate::support::bpmn::one_task;
use crate::support::engine::{LONG_LOCK, TestEngine, fetch_request};
use crate::support::fake::{Wire, nobody};
use crate::support::wait::{SOON, until, until_true};

const TOPIC: &str = "contract.loop";
/// Has to be extended while a test watches.
const SHORT_LOCK: Duration = Duration::from_millis(900);

async fn deployed(engine: &TestEngine, instances: usize) {
    engine.deploy(&one_task("looped", TOPIC)).await;
    for _ in 0..instances {
        engine.start("looped", Variables::new()).await;
    }
}

async fn finish(engine: &TestEngine, held: HeldTask) {
    let HeldTask { task, hold } = held;
    crate::support::wait::heard(async || engine.client.complete(&task.id, &task.worker_id, &Completion::default()).await).await;
    drop(hold);
}

async fn a_loop_locks_no_more_tasks_than_it_has_permits(engine: TestEngine) {
    deployed(&engine, 8).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 3, engine.topic(TOPIC, LONG_LOCK)));
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(polling.next().await);
    }
    assert_eq!(polling.locked().await.len(), 3);
    assert_eq!(polling.snapshot().in_flight, 3);

    for _ in 0..5 {
        finish(&engine, held.pop().unwrap()).await;
        held.push(polling.next().await);
        assert!(polling.locked().await.len() <= 3);
    }
    for task in held {
        finish(&engine, task).await;
    }
    polling.stop().await;
    assert_eq!(polling.snapshot().in_flight, 0);
}

async fn a_lock_is_kept_while_its_work_runs(engine: TestEngine) {
    deployed(&engine, 1).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 1, engine.topic(TOPIC, SHORT_LOCK)));
    let held = polling.next().await;
    let begun_with = held.hold.lease().deadline();
    // Another worker waits for longer than the lock would have lasted.
    let request = fetch_request(&engine.worker("other"), 1, Some(SHORT_LOCK * 2), engine.topic(TOPIC, LONG_LOCK));
    assert!(engine.client.fetch_and_lock(&request).await.unwrap().is_empty());
    assert!(held.hold.lease().deadline() > begun_with);
    finish(&engine, held).await;
    polling.stop().await;
}

async fn work_on_a_task_that_was_cancelled_is_cancelled(engine: TestEngine) {
    deployed(&engine, 1).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 1, engine.topic(TOPIC, SHORT_LOCK)));
    let held = polling.next().await;
    engine.client.delete_instance(&held.task.process_instance_id).await.unwrap();
    tokio::time::timeout(SOON, held.hold.lease().cancelled().cancelled()).await.expect("the lease is withdrawn");
    assert_eq!(held.hold.lease().cancel_reason(), Some(CancelReason::Gone));
    let now = engine.client.clock().instant();
    assert_eq!(held.hold.lease().begin(now), Err(LeaseOver::Cancelled(CancelReason::Gone)));
    drop(held);
    polling.stop().await;
}

async fn work_on_a_task_that_another_worker_took_is_cancelled(engine: TestEngine) {
    deployed(&engine, 1).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 1, engine.topic(TOPIC, SHORT_LOCK)));
    let held = polling.next().await;
    engine.client.unlock(&held.task.id).await.unwrap();
    engine.fetch_one(&engine.worker("thief"), TOPIC).await;
    tokio::time::timeout(SOON, held.hold.lease().cancelled().cancelled()).await.expect("the lease is withdrawn");
    assert_eq!(held.hold.lease().cancel_reason(), Some(CancelReason::LockLost));
    drop(held);
    polling.stop().await;
}

async fn a_lock_survives_the_suspension_of_its_process(engine: TestEngine) {
    deployed(&engine, 1).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 1, engine.topic(TOPIC, SHORT_LOCK)));
    let held = polling.next().await;
    let begun_with = held.hold.lease().deadline();
    engine.client.set_suspended(&held.task.process_instance_id, true).await.unwrap();
    until_true("the lock was kept for longer than it would have lasted", SOON, || async {
        assert!(!held.hold.lease().remaining(engine.client.clock().instant()).is_zero(), "the lock ran out in between");
        held.hold.lease().deadline() > begun_with + SHORT_LOCK
    })
    .await;
    assert_eq!(held.hold.lease().cancel_reason(), None);
    engine.client.set_suspended(&held.task.process_instance_id, false).await.unwrap();
    finish(&engine, held).await;
    polling.stop().await;
}

async fn a_task_delivered_again_while_it_is_worked_on_is_dropped(engine: TestEngine) {
    deployed(&engine, 1).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 4, engine.topic(TOPIC, LONG_LOCK)));
    let held = polling.next().await;
    engine.client.unlock(&held.task.id).await.unwrap();
    until_true("the loop has fetched the task again", SOON, || async { polling.locked().await.len() == 1 }).await;
    // The next delivery of anything is a task that starts later.
    let later = engine.start("looped", Variables::new()).await;
    let next = polling.next().await;
    assert_eq!(next.task.process_instance_id, later.id);
    assert_eq!(polling.snapshot().in_flight, 2);
    finish(&engine, held).await;
    finish(&engine, next).await;
    polling.stop().await;
}

async fn a_task_that_is_given_back_is_offered_again_at_once(engine: TestEngine) {
    deployed(&engine, 1).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 1, engine.topic(TOPIC, LONG_LOCK)));
    let held = polling.next().await;
    let id = held.task.id.clone();
    held.hold.hand_back();
    let again = polling.next().await;
    assert_eq!(again.task.id, id);
    finish(&engine, again).await;
    polling.stop().await;
}

struct PanicsOnPoison(mpsc::UnboundedSender<String>);

#[async_trait]
impl TaskHandler for PanicsOnPoison {
    async fn handle(&self, batch: Vec<HeldTask>) {
        for held in batch {
            let key = held.task.business_key.clone().unwrap();
            assert!(key != "poison", "a poisonous task");
            self.0.send(key).unwrap();
        }
    }
}

async fn a_handler_that_panics_costs_neither_the_loop_nor_its_permit(engine: TestEngine) {
    deployed(&engine, 0).await;
    let (handled, mut handled_keys) = mpsc::unbounded_channel();
    let settings = settings(&engine, 1, engine.topic(TOPIC, LONG_LOCK));
    let mut polling = RunningLoop::start_with(&engine.client, settings, Arc::new(PanicsOnPoison(handled)));
    engine.start_with_key("looped", Some("poison"), Variables::new()).await;
    until_true("the poisonous task was taken", SOON, || async { polling.locked().await.len() == 1 }).await;
    engine.start_with_key("looped", Some("good"), Variables::new()).await;
    let key = tokio::time::timeout(SOON, handled_keys.recv()).await.unwrap();
    assert_eq!(key.as_deref(), Some("good"));
    polling.stop().await;
}

async fn an_engine_that_is_away_is_asked_again_and_again_and_reported(engine: TestEngine) {
    let away = engine.client_with(|settings| settings.base_url = nobody());
    let mut polling = RunningLoop::start(&away, settings(&engine, 1, engine.topic(TOPIC, LONG_LOCK)));
    let snapshot =
        until("three polls have failed", SOON, || async { Some(polling.snapshot()).filter(|snapshot| snapshot.failures >= 3) }).await;
    assert_eq!(snapshot.last_poll_age, None);
    assert!(snapshot.last_error.unwrap().contains("no connection to the engine"));
    polling.stop().await;
}

async fn tasks_that_the_engine_locked_for_a_lost_poll_come_back_long_before_their_locks_run_out(engine: TestEngine) {
    deployed(&engine, 0).await;
    let wire = Wire::to(&engine.base_url).await;
    let behind_wire = engine.client_with(|settings| settings.base_url = wire.url.clone());
    let mut polling = RunningLoop::start(&behind_wire, settings(&engine, 4, engine.topic(TOPIC, LONG_LOCK)));
    engine.start("looped", Variables::new()).await;
    let first = polling.next().await;
    // This one waits for its next attempt; nobody may cut that short.
    let later = Failure { message: "later".to_owned(), details: None, retries: 3, retry_timeout: LONG_LOCK, variables: Variables::new() };
    behind_wire.failure(&first.task.id, &polling.worker, &later).await.unwrap();
    let put_aside = first.task.id.clone();
    drop(first);

    for _ in 0..3 {
        // The engine does not notice, and locks the next task for the connection that is gone.
        wire.cut();
        let started = engine.start("looped", Variables::new()).await;
        let held = polling.next().await;
        assert_eq!(held.task.process_instance_id, started.id);
        finish(&engine, held).await;
    }
    assert_eq!(polling.locked().await, [put_aside]);
    polling.stop().await;
}

on_both_engines! {
    a_loop_locks_no_more_tasks_than_it_has_permits,
    a_lock_is_kept_while_its_work_runs,
    work_on_a_task_that_was_cancelled_is_cancelled,
    work_on_a_task_that_another_worker_took_is_cancelled,
    a_lock_survives_the_suspension_of_its_process,
    a_task_delivered_again_while_it_is_worked_on_is_dropped,
    a_task_that_is_given_back_is_offered_again_at_once,
    a_handler_that_panics_costs_neither_the_loop_nor_its_permit,
    an_engine_that_is_away_is_asked_again_and_again_and_reported,
    tasks_that_the_engine_locked_for_a_lost_poll_come_back_long_before_their_locks_run_out,
}
