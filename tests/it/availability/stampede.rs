//! Many who ask the same at once cost the inventory one call, within a replica and, with Redis, across replicas.

use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use holdfast::cache::Cache;
use holdfast::domain::{AvailabilityStatus, Fingerprint, OrderId, Subject};
use holdfast::operations::{CheckAvailability, EvidenceView, Operations, Provenance};
use holdfast::simulator::Fault;
use uuid::Uuid;

use crate::support::counter::{Counter, cache_options, redis_cache};
use crate::support::order::BY_ITSELF;
use crate::support::redis::Redis;
use crate::support::wait::until_true;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_equal_checks_that_accept_answers_of_different_ages_cost_the_inventory_one_call() {
    let counter = Counter::open().await;
    counter.arm(Some(1), Fault::Slow { delay_ms: 200 });
    let (replica, check) = (counter.replica(Cache::Off).await, counter.quote());
    let asking = (1..=300).map(|age| {
        let check = CheckAvailability { fresh_enough: Some(TimeDelta::seconds(age)), ..check.clone() };
        let replica = replica.clone();
        tokio::spawn(async move { replica.check_availability(check).await.unwrap().status })
    });
    let told = join_all(asking).await;
    assert!(told.into_iter().all(|status| status.unwrap() == AvailabilityStatus::Available));
    assert_eq!((counter.calls(), counter.rows().await), (1, 1));
}

#[tokio::test]
async fn who_accepts_no_older_answer_is_not_told_that_of_a_question_that_was_put_before() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    let slow = counter.arm(Some(1), Fault::Slow { delay_ms: 1_500 });
    let quote = CheckAvailability { fresh_enough: Some(TimeDelta::zero()), ..counter.quote() };
    let first = tokio::spawn({
        let (replica, quote) = (replica.clone(), quote.clone());
        async move { replica.check_availability(quote).await.unwrap() }
    });
    until_true("the inventory was asked, and answers slowly", BY_ITSELF, async || counter.calls() == 1).await;
    counter.stock("phone", 0);
    counter.pass(1);
    let order = CheckAvailability { subject: Subject::Order(OrderId(Uuid::new_v4())), fresh_enough: None, ..quote };
    let told = replica.check_availability(order).await.unwrap();
    assert_eq!((told.status, told.from), (AvailabilityStatus::PartiallyAvailable, Provenance::Fresh));
    let first = first.await.unwrap();
    assert_eq!((first.status, counter.fired(slow), counter.calls()), (AvailabilityStatus::Available, 1, 2));
    assert!(first.evidence.checked_at < told.evidence.checked_at);
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
