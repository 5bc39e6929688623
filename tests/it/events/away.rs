//! Nobody at the broker's address: the orders go on as if nothing were, and their facts wait.

use std::time::Duration;

use holdfast::events::Security;
use uuid::Uuid;

use super::arriving::{all_told, publishing};
use super::judge::{is_what_happened, judge, waiting};
use super::scene::Outbox;
use crate::support::daemon::Daemon;
use crate::support::kafka::Topic;
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:9";

#[tokio::test]
async fn orders_go_on_without_a_broker_and_their_facts_are_told_when_there_is_one() {
    let topic = Topic::fresh().await;
    let shop = Shop::open_with(publishing(&topic)).await;
    let daemon = Daemon::start_with(&shop, &[("events.kafka.brokers", NOBODY.into())]).await;
    let orders = futures::future::join_all((0..5).map(|_| shop.order())).await;
    for order in &orders {
        order.is_reserved().await;
        order.fulfil().await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }
    assert_eq!(waiting(shop.database.pool()).await, 20, "every fact waits");
    let begun = std::time::Instant::now();
    daemon.stop().await;
    println!("stopped without a broker in {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(15), "a stop does not wait for a broker that is away");

    let daemon = Daemon::start(&shop).await;
    all_told(&shop).await;
    daemon.stop().await;
    let read = topic.read().await;
    is_what_happened(&read, shop.database.pool()).await;
    let verdict = judge(&read);
    println!("after a boot without a broker: {verdict:?}");
    assert_eq!((verdict.facts, verdict.repeated), (20, 0));
}

#[tokio::test]
async fn a_client_that_cannot_be_made_says_why() {
    let (topic, outbox) = (Topic::fresh().await, Outbox::fresh().await);
    outbox.write(Uuid::new_v4(), [1]).await;
    let relay = outbox
        .relay_with(&topic, |settings| {
            settings.kafka.security = Security::Tls;
            settings.kafka.ca_file = "/nobody/wrote/this.pem".to_owned();
        })
        .await;
    until_true("the relay says what is wrong", BY_ITSELF, async || relay.status.broker_complaint().is_some()).await;
    // It goes on trying, and the cause stays.
    until_true("it has looked again", BY_ITSELF, async || relay.status.shards() > 0).await;
    for _ in 0..10 {
        let why = relay.status.broker_complaint().unwrap();
        assert!(why.contains("ssl.ca.location"), "{why}");
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting(outbox.database.pool()).await, 1);
    relay.stop().await;
}
