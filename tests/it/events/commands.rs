//! `holdfast events`: looking at the topic, and telling facts again.

use super::arriving::{all_told, publishing};
use super::judge::{is_what_happened, judge};
use super::reader::published_schemas;
use crate::support::command::holdfast;
use crate::support::daemon::Daemon;
use crate::support::kafka::Topic;
use crate::support::shop::Shop;

#[tokio::test]
async fn facts_that_were_told_are_shown_and_can_be_told_again_with_a_mark() {
    let topic = Topic::fresh().await;
    let shop = Shop::open_with(publishing(&topic)).await;
    let daemon = Daemon::start(&shop).await;
    let (order, other) = (shop.order().await, shop.order().await);
    order.is_reserved().await;
    other.is_reserved().await;
    order.cancel().await;
    order.ends_at(&["End_OrderCancelled"]).await;
    all_told(&shop).await;
    let config = shop.config_file(&[]);

    let shown = holdfast(&config, &["events", "tail", "--once", "--about", &order.id.to_string()]).await.fine();
    println!("{shown}");
    let kinds: Vec<&str> = shown.lines().map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    let kinds: Vec<&str> = kinds.into_iter().filter(|kind| kind.starts_with("Reservation")).collect();
    assert_eq!(kinds, ["ReservationRequested", "ReservationCreated", "ReservationReleaseRequested", "ReservationReleased"]);
    let counted = holdfast(&config, &["events", "tail", "--from-beginning", "--count", "3", "--json"]).await.fine();
    assert_eq!(counted.lines().count(), 3);

    let first = topic.read().await;
    let said = holdfast(&config, &["events", "replay", "--order", &order.id.to_string(), "--json"]).await.json();
    assert_eq!((&said["facts"], &said["reservations"]), (&4.into(), &1.into()));
    all_told(&shop).await;
    let read = topic.read().await;
    let verdict = judge(&read);
    println!("after a replay: {verdict:?}");
    assert_eq!((read.len(), verdict.repeated), (first.len() + 4, 4));
    is_what_happened(&read, shop.database.pool()).await;
    let schemas = published_schemas();
    let again: Vec<_> = read.iter().map(|read| read.json()).filter(|event| event.get("replayedAt").is_some()).collect();
    assert_eq!(again.len(), 4);
    for event in again {
        assert_eq!(event["payload"]["orderId"], order.id.to_string());
        let name = format!("{}.v{}", event["eventType"].as_str().unwrap(), event["eventVersion"]);
        assert!(schemas[&name].is_valid(&event), "{event}");
        let before = first.iter().map(|read| read.json()).find(|before| before["eventId"] == event["eventId"]).unwrap();
        for same in ["eventType", "sequence", "occurredAt", "aggregateId", "correlationId", "tenantId"] {
            assert_eq!(event[same], before[same], "{same}");
        }
        assert_eq!(event["payload"]["reason"], before["payload"]["reason"]);
    }
    let complaint = holdfast(&config, &["events", "replay"]).await.refused();
    assert!(complaint.contains("--all"), "{complaint}");
    daemon.stop().await;
}

#[tokio::test]
async fn with_events_off_the_commands_say_so_and_a_topic_that_is_not_there_is_named() {
    let topic = Topic::fresh().await;
    let shop = Shop::open().await;
    let off = shop.config_file(&[]);
    let complaint = holdfast(&off, &["events", "tail", "--once"]).await.refused();
    assert!(complaint.contains("`events.mode` is \"off\""), "{complaint}");
    let on = shop.config_file(&[("events.mode", "kafka".into()), ("events.kafka.brokers", topic.brokers.clone().into())]);
    assert_eq!(holdfast(&on, &["events", "tail", "--once", "--topic", &topic.name]).await.fine(), "");
    let complaint = holdfast(&on, &["events", "tail", "--once", "--topic", "nobody.made.this"]).await.refused();
    assert!(complaint.contains("nobody.made.this"), "{complaint}");
    assert_eq!(holdfast(&on, &["events", "poison", "list"]).await.fine(), "no fact was set aside\n");
}
