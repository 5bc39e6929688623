//! The real binary, killed or halted at every place where a fact may be between the outbox and the broker.
//!
//! o1 read · o2 handed to the client · o3 with the broker, no word yet · o4 the broker's word on some · o5 its word on all, before they
//! are taken away · o6 taken away, before and after the commit · o7 halted, its shards lost, and woken up · o8 told to stop, and killed
//! while it sends the rest.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value as JsonValue;

use super::arriving::{all_told, publishing};
use super::judge::{is_what_happened, judge, waiting};
use crate::support::command::holdfast;
use crate::support::daemon::Process;
use crate::support::kafka::{Read, Topic};
use crate::support::order::{BY_ITSELF, Order};
use crate::support::points::Points;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// Orders of one case: enough that a batch has several.
const ORDERS: usize = 6;

async fn orders(shop: &Shop) -> Vec<Order<'_>> {
    futures::future::join_all((0..ORDERS).map(|_| shop.order())).await
}

async fn all_reserved(orders: &[Order<'_>]) {
    for order in orders {
        order.is_reserved().await;
    }
}

/// What is in the topic so far is right, as far as it goes.
async fn looks_right(case: &str, topic: &Topic) {
    println!("{case}: {:?}", judge(&topic.read().await));
}

fn aggregate(event: JsonValue) -> String {
    event["aggregateId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn killed_at_every_place_on_the_way_it_loses_and_invents_nothing() {
    let topic = Topic::fresh().await;
    let shop = Shop::open_with(publishing(&topic)).await;
    let points = Points::of(&shop);
    let mut daemon = Process::start_armed(&shop, points.path()).await;
    for (case, place) in [
        ("o1 read", "relay.read.kill"),
        ("o2 handed over", "relay.enqueued.kill"),
        ("o4 a word on some", "relay.part_acked.kill"),
        ("o5 a word on all", "relay.acked.kill"),
        ("o6 taken away, not committed", "relay.mark_written.kill"),
        ("o6 taken away and committed", "relay.marked.kill"),
    ] {
        points.arm(place);
        let orders = orders(&shop).await;
        points.strikes(place.split('@').next().unwrap()).await;
        daemon.ended().await;
        daemon = Process::start_armed(&shop, points.path()).await;
        all_reserved(&orders).await;
        all_told(&shop).await;
        looks_right(case, &topic).await;
    }

    // o3: the broker has them, and the relay is killed without its word.
    points.arm("relay.enqueued.stall");
    let before = topic.read().await.len();
    let some = orders(&shop).await;
    points.strikes("relay.enqueued.stall").await;
    until_true("the broker has what was handed over", BY_ITSELF, async || topic.read().await.len() > before).await;
    daemon.kill();
    daemon = Process::start_armed(&shop, points.path()).await;
    all_reserved(&some).await;
    all_told(&shop).await;
    looks_right("o3 with the broker, no word", &topic).await;

    // o8: told to stop while facts wait, and killed while it sends them.
    points.arm("relay.draining.stall");
    let more = orders(&shop).await;
    all_reserved(&more).await;
    daemon.signal("TERM");
    points.strikes("relay.draining.stall").await;
    points.arm("relay.enqueued.kill");
    // Something waits for certain: facts that are asked for once more.
    let order = more[0].id.to_string();
    let said = holdfast(&shop.config_file(&[]), &["events", "replay", "--order", &order, "--json"]).await.json();
    assert_eq!(said["reservations"], 1, "{said}");
    fs::write(points.path().join("relay.draining.go"), "").unwrap();
    daemon.ended().await;
    assert!(points.fired("relay.enqueued.kill"), "a fault that never struck proves nothing");
    for order in &more {
        order.cancel().await;
    }
    let mut daemon = Process::start_armed(&shop, points.path()).await;
    for order in &more {
        order.ends_at(&["End_OrderCancelled"]).await;
    }
    all_told(&shop).await;
    looks_right("o8 stopped, and killed while it sent the rest", &topic).await;

    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
    assert_eq!(waiting(shop.database.pool()).await, 0);
    let read = topic.read().await;
    is_what_happened(&read, shop.database.pool()).await;
    println!("killed eight times: {:?}", judge(&read));
    let told: BTreeSet<String> =
        read.iter().map(Read::json).filter(|event| event["aggregateType"] == "Reservation").map(aggregate).collect();
    assert_eq!(told.len(), 8 * ORDERS);
}

#[tokio::test]
async fn facts_told_again_while_one_is_under_way_come_in_order_once_more() {
    let topic = Topic::fresh().await;
    let shop = Shop::open_with(publishing(&topic)).await;
    let points = Points::of(&shop);
    let mut daemon = Process::start_armed(&shop, points.path()).await;
    let order = shop.order().await;
    order.is_reserved().await;
    all_told(&shop).await;
    points.arm("relay.enqueued.stall");
    let before = topic.read().await.len();
    order.fulfil().await;
    points.strikes("relay.enqueued.stall").await;
    until_true("the broker has the third fact", BY_ITSELF, async || topic.read().await.len() > before).await;
    let config = shop.config_file(&[]);
    let said = holdfast(&config, &["events", "replay", "--order", &order.id.to_string(), "--json"]).await.json();
    assert_eq!((&said["facts"], &said["waiting"]), (&2.into(), &1.into()));
    fs::write(points.path().join("relay.enqueued.go"), "").unwrap();
    all_told(&shop).await;
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());

    let read = topic.read().await;
    let of_the_reservation = read.iter().map(Read::json).filter(|event| event["aggregateType"] == "Reservation");
    let told: Vec<(i64, bool)> =
        of_the_reservation.map(|event| (event["sequence"].as_i64().unwrap(), event.get("replayedAt").is_some())).collect();
    assert_eq!(told, [(1, false), (2, false), (3, false), (1, true), (2, true), (3, true)]);
    is_what_happened(&read, shop.database.pool()).await;
    let caused: Vec<_> = read.iter().map(Read::json).filter(|event| event["eventType"] == "ReservationConfirmed").collect();
    assert_eq!(caused[0]["causationId"], caused[1]["causationId"], "what waited is told as it was");
}

#[tokio::test]
async fn halted_until_its_shards_were_lost_it_wakes_up_and_breaks_no_order() {
    let topic = Topic::fresh().await;
    let shop = Shop::open_with(publishing(&topic)).await;
    let points = Points::of(&shop);
    let mut sleeping = Process::start_armed(&shop, points.path()).await;
    points.arm("relay.read.freeze");
    let some = orders(&shop).await;
    points.strikes("relay.read.freeze").await;
    // The other one takes over what the first has read and not sent.
    let mut awake = Process::start(&shop).await;
    all_reserved(&some).await;
    for order in &some {
        order.fulfil().await;
    }
    for order in &some {
        order.ends_at(&["End_OrderFulfilled"]).await;
    }
    all_told(&shop).await;
    let before = topic.read().await.len();
    sleeping.signal("CONT");
    until_true("it notices that its lease ran out", BY_ITSELF, async || {
        sleeping.logged("this session's lease ran out before it was renewed: the work goes on under a new session").is_some()
    })
    .await;
    let more = orders(&shop).await;
    all_reserved(&more).await;
    all_told(&shop).await;
    for daemon in [&mut sleeping, &mut awake] {
        daemon.signal("TERM");
        assert!(daemon.ended().await.success());
    }
    let read = topic.read().await;
    is_what_happened(&read, shop.database.pool()).await;
    println!("o7 halted with facts in hand: {:?}; {before} messages before it woke up", judge(&read));
}
