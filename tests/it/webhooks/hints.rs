//! Word makes the daemon look, once for each message, and never instead of an answer.

use std::time::{Duration, Instant};

use futures::future::join_all;
use holdfast::simulator::{Fault, FaultScope, Operation};
use reqwest::StatusCode;

use super::Told;
use super::message::Message;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::wait::until_true;

impl Told {
    /// Waits until the inventory has been looked at so often about an order, and whatever was due by now has been seen to.
    async fn looked(&self, order: &Order<'_>, times: usize) {
        let what = format!("order {} was looked up {times} times", order.id);
        until_true(&what, BY_ITSELF, async || order.asked_for(Operation::Lookup) >= times && nothing_is_due(self).await).await;
        assert_eq!(order.asked_for(Operation::Lookup), times);
    }
}

/// Nothing is due, and nobody works on anything: whatever a message could have set off has happened.
async fn nothing_is_due(told: &Told) -> bool {
    let busy: i64 = sqlx::query_scalar("select count(*) from reservation where next_check_at <= now() or claim_session is not null")
        .fetch_one(told.shop.database.pool())
        .await
        .unwrap();
    busy == 0
}

#[tokio::test]
async fn word_of_a_hold_that_somebody_let_go_is_looked_up_at_once_and_not_believed() {
    let told = Told::with(|_| {}).await;
    let order = told.shop.order().await;
    order.is_reserved().await;
    told.aim();

    // It says "released", and the inventory says otherwise: nothing moves.
    let heard = Message::of("msg_1", &order.row().await.idempotency_key).post(&told.url).await;
    assert_eq!((heard.status, heard.body.as_str()), (StatusCode::NO_CONTENT, ""));
    told.looked(&order, 1).await;
    assert_eq!(order.row().await.status, "RESERVED");
    order.judge().await;

    // It is really gone: the inventory's own word of it makes the daemon look, hours before it would have.
    let reference = order.holds()[0].reference.clone();
    told.shop.behind_our_back(&reference, "release").await;
    order.row_becomes("RELEASED").await;
    assert_eq!(told.shop.inventory.webhook().delivered, 1);
    assert!(order.asked_for(Operation::Lookup) >= 2);
    order.judge_what_happened().await;
    told.daemon.stop().await;
}

#[tokio::test]
async fn word_that_comes_before_the_answer_it_tells_of_is_followed_up_after_the_answer() {
    let told = Told::with(|_| {}).await;
    told.aim();
    let early = told.shop.arm(FaultScope::Reserve, Some(1), Fault::CallbackBeforeAnswer);
    let order = told.shop.order().await;
    order.is_reserved().await;
    told.looked(&order, 1).await;
    assert_eq!((told.shop.fault(early).fired, told.shop.inventory.webhook().delivered), (1, 1));

    // The ledger has the look-up after the reserve, and the word was on record before the reserve was settled.
    let ledger = order.ledger();
    let at = |operation| ledger.iter().position(|entry| entry.operation == operation).unwrap();
    assert!(at(Operation::Reserve) < at(Operation::Lookup));
    let before: bool = sqlx::query_scalar(
        "select n.received_at < c.ended_at from webhook_notice n join supplier_call c using (reservation_id) where c.operation = 'reserve'",
    )
    .fetch_one(told.shop.database.pool())
    .await
    .unwrap();
    assert!(before, "the word was not early, so that nothing is shown");
    order.judge().await;
    told.daemon.stop().await;
}

#[tokio::test]
async fn word_of_a_hold_whose_answer_is_lost_ends_the_waiting_long_before_the_first_look_is_due() {
    let told = Told::with(|setup| {
        setup.hasty();
        setup.set("sources.main.first_check_ms", 120_000);
        setup.set("sources.main.slowest_check_ms", 120_000);
    })
    .await;
    told.aim();
    let lost = told.shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let begun = Instant::now();
    let order = told.shop.order().await;
    order.is_reserved().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}: that was not the word's doing");
    assert_eq!(told.shop.fault(lost).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "UNKNOWN", "RESERVED"]);
    println!("a lost answer was made up for in {took:?}, with the first look due after 120 s");
    order.judge().await;
    told.daemon.stop().await;
}

#[tokio::test]
async fn word_of_the_end_may_come_before_the_answer_of_the_beginning() {
    let told = Told::with(|setup| {
        setup.set("sources.main.timeout_ms", 20_000);
        setup.set("sources.main.linger_ms", 20_000);
        setup.set("sources.main.manual_after_ms", 60_000);
    })
    .await;
    told.aim();
    let slow = told.shop.arm(FaultScope::Reserve, Some(1), Fault::Slow { delay_ms: 1_500 });
    let order = told.shop.order().await;
    order.hold_is_placed().await;
    // While the answer is still on its way: let go by somebody else, and told so.
    let reference = order.holds()[0].reference.clone();
    told.shop.behind_our_back(&reference, "release").await;
    order.row_becomes("RELEASED").await;
    assert_eq!(told.shop.fault(slow).fired, 1);
    assert_eq!(order.path().await, ["REQUESTED", "RESERVED", "RELEASED"]);
    assert!(!order.holds()[0].state.is_active());
    order.judge_what_happened().await;
    told.daemon.stop().await;
}

#[tokio::test]
async fn a_repeated_message_is_answered_alike_and_looked_up_once() {
    let told = Told::with(|_| {}).await;
    let order = told.shop.order().await;
    order.is_reserved().await;
    let key = order.row().await.idempotency_key;

    let message = Message::of("msg_repeated", &key);
    let heard = join_all((0..20).map(|_| message.post(&told.url))).await;
    assert!(heard.iter().all(|heard| *heard == heard_nothing()), "{heard:?}");
    told.looked(&order, 1).await;
    for _ in 0..5 {
        // A sender that tries again signs again, with the time of the attempt.
        assert_eq!(Message::of("msg_repeated", &key).post(&told.url).await, heard_nothing());
    }
    told.looked(&order, 1).await;
    assert_eq!(Message::of("msg_another", &key).post(&told.url).await, heard_nothing());
    told.looked(&order, 2).await;
    println!("25 deliveries of one message: one look-up; the next message: one more");

    // The inventory's own sender, told to say everything twice.
    told.aim();
    let twice = told.shop.arm(FaultScope::Confirm, Some(1), Fault::DuplicateCallback);
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    until_true("both have arrived", BY_ITSELF, async || told.shop.inventory.webhook().delivered == 2).await;
    let noted: i64 = sqlx::query_scalar("select count(*) from webhook_notice").fetch_one(told.shop.database.pool()).await.unwrap();
    assert_eq!((told.shop.fault(twice).fired, noted), (1, 3));
    order.judge().await;
    told.daemon.stop().await;
}

fn heard_nothing() -> super::message::Heard {
    super::message::Heard { status: StatusCode::NO_CONTENT, content_type: String::new(), body: String::new() }
}

#[tokio::test]
async fn word_of_what_nobody_knows_is_answered_like_any_other_and_makes_nothing_due() {
    let told = Told::with(|_| {}).await;
    let unknown = Message::of("msg_1", "2f2b9fc2-6e9c-46b3-a246-4be4f49833a1:reserve:1").post(&told.url).await;
    assert_eq!(unknown, heard_nothing());
    let noted: i64 = sqlx::query_scalar("select count(*) from webhook_notice").fetch_one(told.shop.database.pool()).await.unwrap();
    assert_eq!(noted, 0);
    told.daemon.stop().await;
}
