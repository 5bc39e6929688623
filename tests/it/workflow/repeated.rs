//! The same order more than once: asked for again, asked for differently, asked for under another attempt group.

use holdfast::engine::Value;
use holdfast::simulator::{Effect, Operation};

use crate::support::daemon::Daemon;
use crate::support::order::lines;
use crate::support::shop::Shop;
use crate::support::wait::heard;

#[tokio::test]
async fn duplicate_reservation_request_returns_existing_reservation() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let first = shop.order().await;
    first.is_reserved().await;
    let second = first.again(|same| same).await;
    second.is_reserved().await;

    for variable in ["reservationId", "reservationStatus", "externalReservationRef", "reservedUntil"] {
        assert_eq!(first.variable(variable).await, second.variable(variable).await, "{variable}");
    }
    assert_eq!((first.asked_for(Operation::Reserve), first.effects(Effect::HoldPlaced)), (1, 1));
    assert_eq!((first.calls_of("reserve").await, first.told("ReservationCreated").await), (1, 1));
    second.judge().await;
}

#[tokio::test]
async fn two_requests_for_one_order_at_the_same_moment_make_one_hold() {
    let shop = Shop::open().await;
    let first = shop.order().await;
    let second = first.again(|same| same).await;
    let _daemon = Daemon::start(&shop).await;
    first.is_reserved().await;
    second.is_reserved().await;
    assert_eq!(first.variable("reservationId").await, second.variable("reservationId").await);
    assert_eq!((first.asked_for(Operation::Reserve), first.effects(Effect::HoldPlaced)), (1, 1));
    first.judge().await;
}

#[tokio::test]
async fn a_key_that_comes_back_with_other_lines_is_refused_loudly_and_nothing_is_sent() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let first = shop.order().await;
    first.is_reserved().await;
    let changed = first.again(|same| same.with("orderLines", lines(3))).await;
    let (incident, task) = changed.incident().await;
    let message = incident.incident_message.unwrap();
    for part in ["KEY IN USE", "order lines", &first.row().await.idempotency_key, "Nothing was sent", "attemptGroup"] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    assert_eq!(incident.activity_id.as_deref(), Some("Task_ReserveStock"));
    assert!(shop.engine.client.error_details(&task).await.unwrap().contains("What happened"));
    assert_eq!((first.asked_for(Operation::Reserve), first.effects(Effect::HoldPlaced)), (1, 1));
    first.judge().await;
}

#[tokio::test]
async fn an_attempt_group_raised_while_an_earlier_one_lives_waits_until_that_has_ended() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let first = shop.order().await;
    first.is_reserved().await;
    let raised = first.again(|same| same.with("attemptGroup", Value::Integer(2))).await;
    let (incident, task) = raised.incident().await;
    let message = incident.incident_message.unwrap();
    assert!(message.starts_with("EARLIER ATTEMPT ALIVE") && message.contains("`attemptGroup`"), "{message}");
    assert_eq!((first.asked_for(Operation::Reserve), first.rows().await.len()), (1, 1));

    first.cancel_instance().await;
    first.ends_at(&["End_OrderCancelled"]).await;
    heard(async || shop.engine.client.set_retries(&task, 1).await).await;
    raised.is_reserved().await;
    let rows: Vec<_> = raised.rows().await.into_iter().map(|row| (row.attempt_group, row.status)).collect();
    assert_eq!(rows, [(1, "RELEASED".to_owned()), (2, "RESERVED".to_owned())]);
    raised.judge().await;
}
