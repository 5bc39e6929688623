//! A broker whose word gets lost, one that is killed and comes back, and topics that take nothing.

use std::time::Duration;

use uuid::Uuid;

use super::judge::{judge, waiting};
use super::scene::Outbox;
use crate::support::broker::Broker;
use crate::support::kafka::Topic;
use crate::support::order::BY_ITSELF;
use crate::support::wait::until_true;

/// How long it may take until everything was told to a broker that has come back.
const BACK_AGAIN: Duration = Duration::from_secs(180);

/// How long the client waits for a topic that nobody knows; half a minute unless it is told.
const GIVES_UP: Duration = Duration::from_secs(10);

/// How many facts may be on their way at once, where that matters.
const BATCH: usize = 4;

/// One broker for both, since each takes its time to come up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_survive_lost_words_and_a_broker_that_is_killed() {
    let mut broker = Broker::start().await;
    let topic = Topic::fresh_on(&broker.brokers(), &[]).await;
    let outbox = Outbox::fresh().await;
    let aggregates: Vec<Uuid> = (0..25).map(|_| Uuid::new_v4()).collect();
    let write = async |numbers: std::ops::RangeInclusive<i64>| {
        for number in numbers {
            for aggregate in &aggregates {
                outbox.write(*aggregate, [number]).await;
            }
        }
    };
    let relay = outbox.relay(&topic).await;
    write(1..=1).await;
    outbox.is_empty().await;

    // The broker has them and says so, and nobody hears it: the producer asks again, and the broker knows its own.
    broker.link.lose_answers(4);
    write(2..=4).await;
    outbox.is_empty().await;
    let verdict = judge(&topic.read().await);
    println!("{} of the broker's answers were lost: {verdict:?}", broker.link.lost());
    assert!(broker.link.lost() > 0, "a fault that never struck proves nothing");
    assert_eq!((verdict.facts, verdict.repeated), (100, 0), "one producer's repetitions are known to the broker");

    // An answer is lost, and so is the relay: its successor does not know, and tells again.
    let lost_before = broker.link.lost();
    broker.link.lose_answers(usize::MAX);
    write(5..=5).await;
    until_true("an answer was lost", BY_ITSELF, async || broker.link.lost() > lost_before).await;
    relay.crash();
    broker.link.lose_answers(0);
    let relay = outbox.relay(&topic).await;
    outbox.is_empty().await;
    let verdict = judge(&topic.read().await);
    println!("an answer was lost with its relay: {verdict:?}");
    assert_eq!(verdict.facts, 125);
    assert!(verdict.repeated > 0, "some were told twice, and that is all");

    // The broker dies in the middle, stays away for a while, and comes back.
    tokio::join!(write(6..=7), async {
        until_true("some of them were told", BY_ITSELF, async || waiting(outbox.database.pool()).await < 20).await;
        broker.kill();
    });
    write(8..=9).await;
    until_true("the relay says that the broker is away", BY_ITSELF, async || relay.status.broker_complaint().is_some()).await;
    let held_back = waiting(outbox.database.pool()).await;
    assert!(held_back >= 50, "what was written since it died waits: {held_back}");
    broker.up().await;
    // The client may wait for a minute for the answer to a request that came while the broker was still coming up.
    until_true("what had waited was told", BACK_AGAIN, async || waiting(outbox.database.pool()).await == 0).await;
    relay.stop().await;
    let verdict = judge(&topic.read().await);
    println!("the broker was killed while {held_back} facts waited: {verdict:?}");
    assert_eq!((verdict.facts, verdict.aggregates), (225, 25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_for_a_topic_that_is_missing_wait_by_themselves_and_are_told_once_it_is_there() {
    let broker = Broker::start().await;
    let (topic, missing) = (Topic::fresh_on(&broker.brokers(), &[]).await, Topic::missing_on(&broker.brokers()));
    let outbox = Outbox::fresh().await;
    for _ in 0..BATCH * 2 {
        outbox.write_to(&missing, Uuid::new_v4(), [1]).await;
    }
    let relay = outbox
        .relay_with(&topic, |settings| {
            settings.batch = BATCH;
            let gives_up = GIVES_UP.as_millis().to_string();
            settings.kafka.properties.insert("topic.metadata.propagation.max.ms".to_owned(), gives_up);
        })
        .await;
    until_true("all that may be on its way goes to nobody", BY_ITSELF, async || relay.status.in_flight() >= BATCH).await;
    for _ in 0..BATCH * 2 {
        outbox.write(Uuid::new_v4(), [1]).await;
    }
    let others = async || waiting(outbox.database.pool()).await == 2 * BATCH as i64;
    until_true("the others were told, before the client gives the topic up", GIVES_UP, others).await;
    until_true("the topic was refused", BY_ITSELF, async || {
        relay.status.broker_complaint().is_some_and(|why| why.contains(&missing.name) && why.contains("UnknownTopic"))
    })
    .await;
    for _ in 0..BATCH * 2 {
        outbox.write(Uuid::new_v4(), [1]).await;
    }
    until_true("the others go on", BY_ITSELF, others).await;
    assert!(relay.status.broker_complaint().is_some(), "it is said as long as it is so, whatever else arrives");
    missing.make(&[]).await;
    outbox.is_empty().await;
    assert_eq!(relay.status.broker_complaint(), None);
    relay.stop().await;
    for (topic, facts) in [(&missing, 2 * BATCH), (&topic, 4 * BATCH)] {
        let verdict = judge(&topic.read().await);
        assert_eq!((verdict.facts, verdict.repeated), (facts, 0));
    }
}
