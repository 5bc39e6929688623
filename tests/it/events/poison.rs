//! Facts that the broker never takes: set aside and shown; everybody else goes on, and nothing of their aggregate is skipped. And facts
//! that nobody publishes: dropped, with whatever was set aside of them.

use holdfast::clock::{Clock as _, SystemClock};
use serde_json::Value as JsonValue;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::judge::{judge, waiting};
use super::scene::{Outbox, TENANT, put};
use crate::support::command::holdfast;
use crate::support::kafka::Topic;
use crate::support::order::BY_ITSELF;
use crate::support::wait::{until, until_true};

/// The configuration of a command that looks at this outbox, for a daemon that serves one tenant.
async fn config(outbox: &Outbox, topic: &Topic) -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("events-{}.toml", Uuid::new_v4()));
    let text = format!(
        "[database]\nurl = \"{}\"\n[engine]\ntenants = [\"{TENANT}\"]\n[events]\nmode = \"kafka\"\ntopic = \"{}\"\n[events.kafka]\nbrokers = \"{}\"\n",
        outbox.database.daemon_url(),
        topic.name,
        topic.brokers
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Makes facts those of a tenant that nobody serves.
async fn of_nobody(tx: &mut Transaction<'static, Postgres>, aggregate: Uuid) {
    sqlx::query("insert into tenant values ($1, now())").bind(Uuid::nil()).execute(&mut **tx).await.unwrap();
    let update = sqlx::query("update outbox set tenant_id = $1 where aggregate_id = $2").bind(Uuid::nil()).bind(aggregate);
    update.execute(&mut **tx).await.unwrap();
}

#[tokio::test]
async fn a_fact_that_is_too_large_is_set_aside_until_a_human_decides() {
    // The broker's limit for this topic; the client's own is a million.
    let topic = Topic::fresh_on(&crate::support::kafka::brokers(), &[("max.message.bytes", "20000")]).await;
    let outbox = Outbox::fresh().await;
    let config = config(&outbox, &topic).await;
    let (too_large, given_up, fine) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let mut tx = outbox.begin().await;
    put(&mut tx, fine, [1], 10).await;
    put(&mut tx, too_large, [1], 10).await;
    put(&mut tx, too_large, [2], 30_000).await;
    put(&mut tx, too_large, [3], 10).await;
    put(&mut tx, given_up, [1], 2_000_000).await;
    put(&mut tx, given_up, [2], 10).await;
    put(&mut tx, fine, [2], 10).await;
    // As that of a dead letter whose tenant nobody knows.
    of_nobody(&mut tx, given_up).await;
    tx.commit().await.unwrap();
    let relay = outbox.relay(&topic).await;
    let listed = until("two facts are set aside", BY_ITSELF, async || {
        let listed = holdfast(&config, &["events", "poison", "list", "--json"]).await.json();
        (listed.as_array().unwrap().len() == 2).then_some(listed)
    })
    .await;
    until_true("everything else was told", BY_ITSELF, async || waiting(outbox.database.pool()).await == 4).await;
    outbox.write(fine, [3]).await;
    until_true("others go on", BY_ITSELF, async || waiting(outbox.database.pool()).await == 4).await;
    let of = |aggregate: Uuid| {
        let found: Vec<&JsonValue> =
            listed.as_array().unwrap().iter().filter(|fact| fact["aggregateId"] == aggregate.to_string()).collect();
        assert_eq!(found.len(), 1, "{listed}");
        found[0].clone()
    };
    assert_eq!((&of(too_large)["sequence"], &of(too_large)["behind"]), (&2.into(), &1.into()));
    let census = relay.store.count_outbox(SystemClock.now()).await.unwrap();
    assert_eq!((census.rows, census.set_aside), (4, 2), "counted whoever is served");
    assert!(of(given_up)["sizeBytes"].as_i64().unwrap() > 2_000_000, "{listed}");
    let read = topic.read().await;
    println!("with two facts set aside: {:?}", judge(&read));
    assert!(read.iter().all(|read| read.json()["aggregateId"] != given_up.to_string()), "nothing of it was told");

    // The one is given up: its readers see a gap. The other one stays too large, is tried again, and is set aside again.
    let event = |fact: &JsonValue| fact["eventId"].as_str().unwrap().to_owned();
    assert!(holdfast(&config, &["events", "poison", "skip", &event(&of(given_up))]).await.fine().contains("given up"));
    assert!(holdfast(&config, &["events", "poison", "retry", &event(&of(too_large))]).await.fine().contains("sent again"));
    until_true("what waited behind the one is told, and the other one is set aside again", BY_ITSELF, async || {
        let listed = holdfast(&config, &["events", "poison", "list", "--json"]).await.json();
        let again = listed.as_array().is_some_and(|facts| facts.len() == 1);
        again && waiting(outbox.database.pool()).await == 2
    })
    .await;
    let complaint = holdfast(&config, &["events", "poison", "skip", &event(&of(given_up))]).await.refused();
    assert!(complaint.contains("was set aside"), "{complaint}");
    let told: Vec<i64> = topic
        .read()
        .await
        .iter()
        .map(|read| read.json())
        .filter(|event| event["aggregateId"] == given_up.to_string())
        .map(|event| event["sequence"].as_i64().unwrap())
        .collect();
    assert_eq!(told, [2], "the gap is a human's word");
    relay.stop().await;
    std::fs::remove_file(config).unwrap();
}

#[tokio::test]
async fn what_nobody_publishes_is_dropped_with_what_was_set_aside_and_later_facts_are_told() {
    let topic = Topic::fresh().await;
    let outbox = Outbox::fresh().await;
    let (too_large, unserved) = (Uuid::new_v4(), Uuid::new_v4());
    let mut tx = outbox.begin().await;
    put(&mut tx, too_large, [1], 2_000_000).await;
    put(&mut tx, too_large, [2], 10).await;
    tx.commit().await.unwrap();
    let relay = outbox.relay(&topic).await;
    let store = relay.store.clone();
    let set_aside = async || store.count_outbox(SystemClock.now()).await.unwrap().set_aside;
    until_true("the fact is set aside", BY_ITSELF, async || set_aside().await == 1).await;
    relay.stop().await;

    // Off: the newest are kept, whosever they are.
    let mut tx = outbox.begin().await;
    put(&mut tx, unserved, 1..=3, 10).await;
    of_nobody(&mut tx, unserved).await;
    tx.commit().await.unwrap();
    assert_eq!(store.trim_outbox(5).await.unwrap(), 0);
    assert_eq!(store.trim_outbox(2).await.unwrap(), 3);
    let left: Vec<i64> =
        sqlx::query_scalar("select sequence from outbox order by outbox_id").fetch_all(outbox.database.pool()).await.unwrap();
    assert_eq!((left, set_aside().await), (vec![2, 3], 0));

    // On again.
    outbox.write(too_large, [3]).await;
    let relay = outbox.relay(&topic).await;
    outbox.is_empty().await;
    relay.stop().await;
    let mut told: Vec<(Uuid, i64)> =
        topic.read().await.iter().map(|read| (read.key.parse().unwrap(), read.json()["sequence"].as_i64().unwrap())).collect();
    told.sort_unstable();
    let mut wanted = vec![(too_large, 3), (unserved, 2), (unserved, 3)];
    wanted.sort_unstable();
    assert_eq!(told, wanted);
}
