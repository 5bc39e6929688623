//! Many who ask the same at once cost the inventory one call, within a replica and, with Redis, across replicas.

use std::time::Duration;

use futures::future::join_all;
use holdfast::cache::Cache;
use holdfast::domain::{AvailabilityStatus, Fingerprint};
use holdfast::operations::{EvidenceView, Operations, Provenance};
use holdfast::simulator::Fault;

use crate::support::counter::{Counter, cache_options, redis_cache};
use crate::support::redis::Redis;

const ALL: usize = 500;
/// Long enough that a busy machine is not taken for an ill Redis.
const PATIENT: Duration = Duration::from_secs(2);

/// All of them at once, at these replicas in turn.
async fn stampede(counter: &Counter, replicas: &[Operations]) -> Vec<EvidenceView> {
    let check = counter.quote();
    let asking = (0..ALL).map(|n| {
        let (replica, check) = (replicas[n % replicas.len()].clone(), check.clone());
        // Each in a task of its own, as requests are.
        tokio::spawn(async move { replica.check_availability(check).await.unwrap() })
    });
    let asked = join_all(asking).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    assert!(asked.iter().all(|view| view.status == AvailabilityStatus::Available));
    assert!(asked.iter().all(|view| view.evidence.id == asked[0].evidence.id), "all are told the same, on the same record");
    assert_eq!(asked.iter().filter(|view| view.from == Provenance::Fresh).count(), 1);
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_equal_checks_at_once_cost_the_inventory_one_call() {
    for cache in [Cache::Off, Cache::memory(cache_options())] {
        let counter = Counter::open().await;
        counter.arm(Some(1), Fault::Slow { delay_ms: 200 });
        stampede(&counter, &[counter.replica(cache).await]).await;
        assert_eq!((counter.calls(), counter.rows().await, counter.facts().await.len()), (1, 1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_five_hundred_equal_checks_at_two_replicas_cost_the_inventory_one_call() {
    let (counter, redis) = (Counter::open().await, Redis::start().await);
    counter.arm(Some(1), Fault::Slow { delay_ms: 400 });
    let cache = || redis_cache(&redis.url(), PATIENT, counter.shared_clock());
    let replicas = [counter.replica(cache()).await, counter.replica(cache()).await];
    stampede(&counter, &replicas).await;
    assert_eq!((counter.calls(), counter.rows().await), (1, 1));
    let marks = redis.keys().await.into_iter().filter(|key| key.contains("inflight")).count();
    assert_eq!(marks, 0, "the mark is taken away when the answer is on record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_two_replicas_ask_once_each_and_are_told_the_same() {
    let counter = Counter::open().await;
    counter.arm(Some(2), Fault::Slow { delay_ms: 400 });
    let replicas = [counter.replica(Cache::Off).await, counter.replica(Cache::Off).await];
    let check = counter.quote();
    let asking = (0..ALL).map(|n| {
        let (replica, check) = (replicas[n % 2].clone(), check.clone());
        tokio::spawn(async move { replica.check_availability(check).await.unwrap().status })
    });
    let told = join_all(asking).await;
    assert!(told.into_iter().all(|status| status.unwrap() == AvailabilityStatus::Available));
    assert_eq!(counter.calls(), 2);
}

#[tokio::test]
async fn a_mark_that_a_dead_process_left_behind_costs_a_while_and_no_answer() {
    let (counter, redis) = (Counter::open_with("check_timeout_ms = 400\nlinger_ms = 5000").await, Redis::start().await);
    // The wait is measured by the daemon's own clock, which must go on here.
    let clock = holdfast::clock::SystemClock::shared();
    let replica = counter.replica(redis_cache(&redis.url(), PATIENT, clock)).await;
    let check = counter.quote();
    let key = format!("cpq:{}:availability:inflight:{}", counter.tenant, Fingerprint::of(&check.question()));
    let mut connection = redis.connection().await;
    redis::cmd("SET").arg(&key).arg("a dead process").arg("PX").arg(600).exec_async(&mut connection).await.unwrap();
    let told = replica.check_availability(check.clone()).await.unwrap();
    assert_eq!((told.status, told.from, counter.calls()), (AvailabilityStatus::Available, Provenance::Fresh, 1));

    // A mark without an end is none of ours: it is thrown away at once.
    counter.pass(1_000);
    redis::cmd("SET").arg(&key).arg("for ever").exec_async(&mut connection).await.unwrap();
    let told = replica.check_availability(check).await.unwrap();
    assert_eq!((told.status, counter.calls()), (AvailabilityStatus::Available, 2));
    assert!(!redis.keys().await.contains(&key));
}
