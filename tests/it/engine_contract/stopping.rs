//! Stopping: nothing new is taken, what runs may finish, and no lock stays behind on what never began.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast::engine::{CancelReason, Completion, EngineClient, HeldTask, LoopStage, TaskHandler, Variables};

use super::on_both_engines;
use super::running_loop::{RunningLoop, settings};
use crate::support::bpmn::one_task;
use crate::support::engine::{LONG_LOCK, TestEngine};
use crate::support::wait::{SOON, until_true};

const TOPIC: &str = "contract.stopping";

async fn deployed(engine: &TestEngine, instances: usize) {
    engine.deploy(&one_task("stopped", TOPIC)).await;
    for _ in 0..instances {
        engine.start("stopped", Variables::new()).await;
    }
}

async fn a_soft_stop_takes_nothing_new_and_waits_for_what_runs(engine: TestEngine) {
    deployed(&engine, 2).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 1, engine.topic(TOPIC, LONG_LOCK)));
    let held = polling.next().await;
    polling.shutdown.request_soft();
    until_true("the loop drains", SOON, || async { polling.snapshot().stage == LoopStage::Draining }).await;
    engine.client.complete(&held.task.id, &polling.worker, &Completion::default()).await.unwrap();
    assert_eq!(polling.snapshot().stage, LoopStage::Draining);
    drop(held);
    polling.stopped(SOON).await;
    assert!(!polling.has_more() && polling.locked().await.is_empty());
    assert_eq!(polling.snapshot().stage, LoopStage::Stopped);
}

async fn what_a_parked_poll_brings_after_the_soft_stop_is_unlocked_and_never_begun(engine: TestEngine) {
    deployed(&engine, 0).await;
    let mut calm = settings(&engine, 2, engine.topic(TOPIC, LONG_LOCK));
    calm.long_poll = Duration::from_secs(3);
    let mut polling = RunningLoop::start(&engine.client, calm);
    // Once this one is delivered, the next poll is on its way.
    engine.start("stopped", Variables::new()).await;
    let first = polling.next().await;
    engine.client.complete(&first.task.id, &polling.worker, &Completion::default()).await.unwrap();
    drop(first);
    // Nothing tells when the engine has parked it; were it not parked yet, the test would only show less.
    tokio::time::sleep(Duration::from_millis(100)).await;

    polling.shutdown.request_soft();
    engine.start("stopped", Variables::new()).await;
    polling.stopped(SOON).await;

    assert!(!polling.has_more());
    engine.fetch_one(&engine.worker("next"), TOPIC).await;
}

async fn the_hard_stop_unlocks_what_never_began_and_leaves_what_did_to_the_rescuer(engine: TestEngine) {
    deployed(&engine, 2).await;
    let mut polling = RunningLoop::start(&engine.client, settings(&engine, 2, engine.topic(TOPIC, LONG_LOCK)));
    let (begun, idle) = (polling.next().await, polling.next().await);
    begun.hold.lease().begin(engine.client.clock().instant()).unwrap();
    let (begun_id, idle_id) = (begun.task.id.clone(), idle.task.id.clone());
    polling.shutdown.request_soft();
    until_true("the loop drains", SOON, || async { polling.snapshot().stage == LoopStage::Draining }).await;

    polling.shutdown.request_hard();
    for held in [begun, idle] {
        held.hold.lease().cancelled().cancelled().await;
        assert_eq!(held.hold.lease().cancel_reason(), Some(CancelReason::Stopping));
    }
    polling.stopped(SOON).await;

    assert_eq!(polling.locked().await, std::slice::from_ref(&begun_id));
    assert_eq!(engine.fetch_one(&engine.worker("next"), TOPIC).await.id, idle_id);
    assert_eq!(engine.client.unlock_held_by(&polling.worker).await.unwrap(), 1);
    assert_eq!(engine.fetch_one(&engine.worker("next"), TOPIC).await.id, begun_id);
}

/// Never lets go by itself.
struct Stuck;

#[async_trait]
impl TaskHandler for Stuck {
    async fn handle(&self, _batch: Vec<HeldTask>) {
        std::future::pending().await
    }
}

async fn a_handler_that_ignores_the_hard_stop_is_cut_off_and_its_tasks_are_unlocked(engine: TestEngine) {
    deployed(&engine, 2).await;
    let settings = settings(&engine, 2, engine.topic(TOPIC, LONG_LOCK));
    let mut polling = RunningLoop::start_with(&engine.client, settings, Arc::new(Stuck));
    until_true("both tasks are taken", SOON, || async { polling.snapshot().in_flight == 2 }).await;
    polling.shutdown.request_hard();
    polling.stopped(SOON).await;
    assert!(polling.locked().await.is_empty());
}

async fn the_hard_stop_does_not_wait_for_a_parked_poll(engine: TestEngine) {
    let mut patient = settings(&engine, 1, engine.topic(TOPIC, LONG_LOCK));
    patient.long_poll = Duration::from_secs(30);
    let mut polling = RunningLoop::start(&engine.client, patient);
    // Time for the poll to be parked; were it not, the test would only show less.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked_at = Instant::now();
    polling.shutdown.request_hard();
    polling.stopped(SOON).await;
    assert!(asked_at.elapsed() < Duration::from_secs(5), "{:?}", asked_at.elapsed());
}

struct Completes {
    client: EngineClient,
    completed: AtomicUsize,
}

#[async_trait]
impl TaskHandler for Completes {
    async fn handle(&self, batch: Vec<HeldTask>) {
        for HeldTask { task, hold } in batch {
            hold.lease().begin(self.client.clock().instant()).unwrap();
            self.client.complete(&task.id, &task.worker_id, &Completion::default()).await.unwrap();
            self.completed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn a_stop_under_load_finishes_what_began_and_leaves_no_lock(engine: TestEngine) {
    const TASKS: usize = 60;
    deployed(&engine, TASKS).await;
    let handler = Arc::new(Completes { client: engine.client.clone(), completed: AtomicUsize::new(0) });
    let settings = settings(&engine, 8, engine.topic(TOPIC, LONG_LOCK));
    let mut polling = RunningLoop::start_with(&engine.client, settings, Arc::clone(&handler) as Arc<dyn TaskHandler>);
    until_true("the loop is at work", SOON, || async { handler.completed.load(Ordering::Relaxed) > 5 }).await;
    polling.stop().await;

    let completed = handler.completed.load(Ordering::Relaxed);
    assert!(polling.locked().await.is_empty());
    let mut left = 0;
    loop {
        let rest = engine.fetch(&engine.worker("next"), engine.topic(TOPIC, LONG_LOCK)).await.len();
        left += rest;
        if rest == 0 {
            break;
        }
    }
    assert_eq!(completed + left, TASKS);
}

on_both_engines! {
    a_soft_stop_takes_nothing_new_and_waits_for_what_runs,
    what_a_parked_poll_brings_after_the_soft_stop_is_unlocked_and_never_begun,
    the_hard_stop_unlocks_what_never_began_and_leaves_what_did_to_the_rescuer,
    a_handler_that_ignores_the_hard_stop_is_cut_off_and_its_tasks_are_unlocked,
    the_hard_stop_does_not_wait_for_a_parked_poll,
    a_stop_under_load_finishes_what_began_and_leaves_no_lock,
}
