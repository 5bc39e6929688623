//! Transactions that overlap: what is committed late is not forgotten, and nothing of its aggregate overtakes it.

use std::time::Duration;

use uuid::Uuid;

use super::judge::judge;
use super::scene::{Outbox, put};
use crate::support::kafka::Topic;
use crate::support::order::BY_ITSELF;
use crate::support::wait::until_true;

#[tokio::test]
async fn a_fact_whose_transaction_was_slow_is_told_before_what_follows_it() {
    let (topic, outbox) = (Topic::fresh().await, Outbox::fresh().await);
    let relay = outbox.relay(&topic).await;
    let (slow, rolled_back) = (Uuid::new_v4(), Uuid::new_v4());
    let mut late = outbox.begin().await;
    put(&mut late, slow, [1], 10).await;
    let mut never = outbox.begin().await;
    put(&mut never, rolled_back, [1], 10).await;
    // Others go by, with higher numbers, for longer than a usual transaction lasts: the relay no longer looks that far back.
    let begun = std::time::Instant::now();
    let mut others = 0;
    while begun.elapsed() < Duration::from_millis(3_500) {
        outbox.write(Uuid::new_v4(), 1..=2).await;
        others += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    never.rollback().await.unwrap();
    late.commit().await.unwrap();
    // Its second fact has a high number, and is seen at once.
    outbox.write(slow, [2]).await;
    outbox.is_empty().await;
    relay.stop().await;

    let read = topic.read().await;
    let verdict = judge(&read);
    println!("a slow transaction among {others} quick ones: {verdict:?}");
    assert_eq!(verdict.facts, 2 * others + 2);
    assert!(read.iter().all(|read| read.json()["aggregateId"] != rolled_back.to_string()), "what was rolled back was told");
}

#[tokio::test]
async fn a_slow_transaction_that_nothing_follows_is_found_by_the_sweep() {
    let (topic, outbox) = (Topic::fresh().await, Outbox::fresh().await);
    let relay = outbox.relay(&topic).await;
    let slow = Uuid::new_v4();
    let mut late = outbox.begin().await;
    put(&mut late, slow, [1], 10).await;
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(3_000) {
        outbox.write(Uuid::new_v4(), [1]).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    late.commit().await.unwrap();
    let committed = std::time::Instant::now();
    outbox.is_empty().await;
    println!("found {:?} after its commit", committed.elapsed());
    relay.stop().await;
    judge(&topic.read().await);
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing_and_keep_their_order() {
    const WRITERS: usize = 8;
    const EACH: i64 = 40;
    let (topic, outbox) = (Topic::fresh().await, Outbox::fresh().await);
    let relays = [outbox.relay(&topic).await, outbox.relay(&topic).await];
    let writing = (0..WRITERS).map(|writer| {
        let outbox = &outbox;
        async move {
            let aggregates: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
            for number in 1..=EACH {
                for aggregate in &aggregates {
                    // Every so often a fact does not come true after all, and does the second time.
                    if (number + writer as i64) % 7 == 0 {
                        let mut tx = outbox.begin().await;
                        put(&mut tx, *aggregate, [number], 10).await;
                        tx.rollback().await.unwrap();
                    }
                    outbox.write(*aggregate, [number]).await;
                }
            }
        }
    });
    futures::future::join_all(writing).await;
    outbox.is_empty().await;
    for relay in relays {
        relay.stop().await;
    }
    let verdict = judge(&topic.read().await);
    println!("{WRITERS} writers, two relays: {verdict:?}");
    assert_eq!(verdict.facts, WRITERS * 3 * EACH as usize);
}

#[tokio::test]
async fn an_old_transaction_that_is_left_open_keeps_nothing_from_being_told() {
    let (topic, outbox) = (Topic::fresh().await, Outbox::fresh().await);
    let mut old = outbox.begin().await;
    sqlx::query("select pg_current_xact_id()").execute(&mut *old).await.unwrap();
    let relay = outbox.relay(&topic).await;
    for _ in 0..30 {
        outbox.write(Uuid::new_v4(), 1..=3).await;
    }
    until_true("every fact was told while it is open", BY_ITSELF, async || super::judge::waiting(outbox.database.pool()).await == 0).await;
    old.rollback().await.unwrap();
    relay.stop().await;
    assert_eq!(judge(&topic.read().await).facts, 90);
}
