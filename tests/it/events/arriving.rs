//! The plain way: an order reserves, and its facts are on the broker.

use serde_json::json;

use super::judge::{is_what_happened, judge, waiting};
use crate::support::daemon::Daemon;
use crate::support::kafka::Topic;
use crate::support::order::BY_ITSELF;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until_true;

/// A shop whose facts go to this topic.
pub(crate) fn publishing(topic: &Topic) -> impl FnOnce(&mut Setup) + use<> {
    let (name, brokers) = (topic.name.clone(), topic.brokers.clone());
    move |setup| {
        setup.set("events.mode", "kafka");
        setup.set("events.topic", name);
        setup.set("events.kafka.brokers", brokers);
    }
}

/// Waits until the outbox is empty.
pub(crate) async fn all_told(shop: &Shop) {
    until_true("every fact was told", BY_ITSELF, async || waiting(shop.database.pool()).await == 0).await;
}

#[tokio::test]
async fn the_facts_of_a_real_order_arrive_in_order() {
    let topic = Topic::fresh().await;
    let shop = Shop::open_with(publishing(&topic)).await;
    let daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    all_told(&shop).await;
    daemon.stop().await;

    let read = topic.read().await;
    let verdict = judge(&read);
    println!("{verdict:?}");
    is_what_happened(&read, shop.database.pool()).await;
    let types: Vec<_> = read.iter().map(|read| read.json()["eventType"].as_str().unwrap().to_owned()).collect();
    // The evidence is another aggregate's fact, which may come before the others or between them.
    let of_the_reservation: Vec<_> = types.iter().filter(|name| name.starts_with("Reservation")).map(String::as_str).collect();
    assert_eq!(of_the_reservation, ["ReservationRequested", "ReservationCreated", "ReservationConfirmed"]);
    assert_eq!(types.iter().filter(|name| *name == "AvailabilityEvidenceCreated").count(), 1, "{types:?}");
    let created = &read[types.iter().position(|name| name == "ReservationCreated").unwrap()];
    assert_eq!(created.key, order.id.to_string(), "the key is the order");
    assert_eq!(created.json()["tenantId"], json!(shop.tenant()));
    assert_eq!(created.json()["payload"]["orderId"], json!(order.id));
    assert_eq!(created.header("eventId"), created.json()["eventId"].as_str());
}
