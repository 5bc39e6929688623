//! Several relays: each shard has one owner, whatever becomes of them.

use std::collections::BTreeSet;

use holdfast::store::{HeldShard, Reading, SHARDS, Told};
use uuid::Uuid;

use super::judge::{judge, waiting};
use super::scene::{Outbox, Running};
use crate::support::kafka::Topic;
use crate::support::order::BY_ITSELF;
use crate::support::wait::until_true;

async fn share_is(relays: &[&Running], shards: usize) {
    until_true(&format!("each relay has {shards} shards"), BY_ITSELF, async || relays.iter().all(|relay| relay.status.shards() == shards))
        .await;
}

#[tokio::test]
async fn relays_come_and_go_and_every_fact_arrives_in_order() {
    const AGGREGATES: usize = 60;
    let (topic, outbox) = (Topic::fresh().await, Outbox::fresh().await);
    let aggregates: Vec<Uuid> = (0..AGGREGATES).map(|_| Uuid::new_v4()).collect();
    let write = async |numbers: std::ops::RangeInclusive<i64>| {
        for number in numbers {
            for aggregate in &aggregates {
                outbox.write(*aggregate, [number]).await;
            }
        }
    };
    let first = outbox.relay(&topic).await;
    share_is(&[&first], SHARDS).await;
    let second = outbox.relay(&topic).await;
    let both = [&first, &second];
    tokio::join!(write(1..=4), share_is(&both, SHARDS / 2));
    let third = outbox.relay(&topic).await;
    write(5..=6).await;
    // One dies without a word, another one leaves as it should.
    second.crash();
    write(7..=8).await;
    third.stop().await;
    write(9..=10).await;
    outbox.is_empty().await;
    share_is(&[&first], SHARDS).await;
    first.stop().await;

    let verdict = judge(&topic.read().await);
    println!("three relays, one crash, one stop: {verdict:?}");
    assert_eq!((verdict.facts, verdict.aggregates), (AGGREGATES * 10, AGGREGATES));
}

#[tokio::test]
async fn a_relay_that_lost_its_shards_takes_nothing_away() {
    let outbox = Outbox::fresh().await;
    let aggregate = Uuid::new_v4();
    outbox.write(aggregate, [1]).await;
    let (old, new) = (outbox.store().await, outbox.store().await);
    for store in [&old, &new] {
        store.open_session(&format!("test/{}", store.session()), "test", "0").await.unwrap();
        store.enter_relays().await.unwrap();
    }
    let held = old.take_shards(SHARDS).await.unwrap();
    assert_eq!(held.len(), SHARDS);
    assert_eq!(new.take_shards(SHARDS).await.unwrap(), Vec::<HeldShard>::new(), "a living owner keeps what it has");
    let fact = read_one(&old, &held).await;

    old.end_session().await.unwrap();
    let taken_over = new.take_shards(SHARDS).await.unwrap();
    assert_eq!(taken_over.len(), SHARDS);
    let of = |shards: &[HeldShard]| *shards.iter().find(|held| held.shard == fact.1).unwrap();
    let gone = old.delete_told(&[Told { outbox_id: fact.0, held: of(&held) }]).await.unwrap();
    assert_eq!((gone, waiting(outbox.database.pool()).await), (0, 1), "under the old epoch nothing goes");
    let gone = new.delete_told(&[Told { outbox_id: fact.0, held: of(&held) }]).await.unwrap();
    assert_eq!(gone, 0, "nor for the new owner under the old epoch");
    let gone = new.delete_told(&[Told { outbox_id: fact.0, held: of(&taken_over) }]).await.unwrap();
    assert_eq!((gone, waiting(outbox.database.pool()).await), (1, 0));
}

async fn read_one(store: &holdfast::store::Store, held: &[HeldShard]) -> (i64, i16) {
    let reading = Reading { shards: held.iter().map(|held| (*held, 0)).collect(), window: 10, ..Reading::default() };
    let facts = store.list_waiting_facts(&reading).await.unwrap();
    assert_eq!(facts.len(), 1, "{facts:?}");
    (facts[0].outbox_id, facts[0].shard)
}

#[tokio::test]
async fn a_relay_that_sleeps_through_its_lease_sends_no_more_and_its_shards_pass_on() {
    let (topic, outbox) = (Topic::fresh().await, Outbox::fresh().await);
    let aggregates: Vec<Uuid> = (0..20).map(|_| Uuid::new_v4()).collect();
    let sleeping = outbox.relay(&topic).await;
    share_is(&[&sleeping], SHARDS).await;
    for aggregate in &aggregates {
        outbox.write(*aggregate, 1..=3).await;
    }
    sleeping.stop_beating();
    let awake = outbox.relay(&topic).await;
    until_true("the shards have passed on", BY_ITSELF, async || awake.status.shards() == SHARDS).await;
    for aggregate in &aggregates {
        outbox.write(*aggregate, 4..=6).await;
    }
    outbox.is_empty().await;
    let owners: BTreeSet<_> = awake.store.list_shard_owners().await.unwrap().into_iter().collect();
    assert_eq!(owners, BTreeSet::from([Some(awake.store.session().0)]));
    awake.stop().await;
    sleeping.crash();

    let verdict = judge(&topic.read().await);
    println!("a relay that slept: {verdict:?}");
    assert_eq!(verdict.facts, 120);
}
