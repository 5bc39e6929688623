//! Holds that are extended without anybody asking: bounded in count and in age, never one that has run out, and not beyond the order.

use holdfast::engine::Value;
use holdfast::simulator::{Effect, HoldState, Operation};

use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::Shop;
use crate::support::wait::{heard, until_true};

/// Extends from six seconds before the end, by eight seconds from then.
async fn shop_that_extends(most: i64, max_age_s: i64) -> Shop {
    Shop::open_with(|setup| {
        for (key, value) in [("before_s", 6), ("by_s", 8), ("most", most), ("max_age_s", max_age_s)] {
            setup.set(&format!("sources.main.auto_extend.{key}"), value);
        }
    })
    .await
}

/// An order that holds for eight seconds, may hold once, and is never fulfilled.
async fn order_that_waits(shop: &Shop) -> Order<'_> {
    let order = shop.order_with(|usual| usual.with("holdFor", "PT8S").with("maxAttemptGroups", Value::Integer(1))).await;
    order.is_reserved().await;
    order
}

fn extended(order: &Order<'_>) -> usize {
    order.effects(Effect::HoldExtended)
}

#[tokio::test]
async fn a_hold_is_extended_by_itself_as_often_as_it_may_be_and_then_the_order_loses_it() {
    let shop = shop_that_extends(2, 3_600).await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_that_waits(&shop).await;
    let first_end = order.row().await.expires_at.unwrap();
    until_true("it was extended", BY_ITSELF, async || extended(&order) > 0).await;
    until_true("the later end is on record", BY_ITSELF, async || order.row().await.expires_at.unwrap() > first_end).await;

    order.ends_at(&["End_HoldLost"]).await;
    assert_eq!((extended(&order), order.asked_for(Operation::Extend)), (2, 2));
    assert_eq!((order.row().await.status.as_str(), order.holds()[0].state), ("EXPIRED", HoldState::Expired));
    assert!(order.runs_of("Task_CheckHoldAtExpiry").await >= 2, "at its first end the order learnt of the later one, and waited on");
    assert!(order.past_incidents().await.is_empty());
    order.judge().await;
}

#[tokio::test]
async fn a_hold_is_not_extended_beyond_its_greatest_age() {
    let shop = shop_that_extends(100, 11).await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_that_waits(&shop).await;
    let placed = order.holds()[0].clone();
    order.ends_at(&["End_HoldLost"]).await;
    assert!((1..=3).contains(&extended(&order)), "{} extensions", extended(&order));
    let row = order.row().await;
    let age = row.expires_at.unwrap() - row.reserved_at.unwrap();
    assert!(age <= chrono::TimeDelta::seconds(11), "it came to be {age}");
    assert_eq!(order.holds()[0].reference, placed.reference);
    order.judge().await;
}

#[tokio::test]
async fn a_hold_that_ran_out_while_nobody_was_there_is_not_extended_any_more() {
    let shop = Shop::open().await;
    let without = Daemon::start(&shop).await;
    let order = order_that_waits(&shop).await;
    without.stop().await;
    until_true("it has run out", BY_ITSELF, async || order.holds()[0].state == HoldState::Expired).await;
    let auto = [("before_s", 6), ("by_s", 8), ("most", 5), ("max_age_s", 3_600)];
    let auto: toml::Table = auto.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    let _daemon = Daemon::start_with(&shop, &[("sources.main.auto_extend", auto.into())]).await;
    order.ends_at(&["End_HoldLost"]).await;
    assert_eq!((order.asked_for(Operation::Extend), order.calls_of("extend").await), (0, 0));
    order.judge().await;
}

#[tokio::test]
async fn extending_stops_with_the_order_and_the_hold_is_given_back() {
    let shop = shop_that_extends(100, 3_600).await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_that_waits(&shop).await;
    until_true("it was extended", BY_ITSELF, async || extended(&order) > 0).await;
    heard(async || shop.engine.client.delete_instance(&order.instance).await).await;
    order.row_becomes("RELEASED").await;
    let extensions = order.asked_for(Operation::Extend);
    assert_eq!((order.effects(Effect::HoldReleased), order.calls_of("extend").await), (1, extensions));
    order.judge().await;
}
