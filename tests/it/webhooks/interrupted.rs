//! The daemon's answer is lost, or its database is away, while it takes word: the sender tries again, and it is looked up once.

use holdfast::simulator::Operation;
use sqlx::Connection as _;

use super::Told;
use super::message::Message;
use crate::support::gate::{Gate, Stop};
use crate::support::order::BY_ITSELF;
use crate::support::wait::until_true;

#[tokio::test]
async fn an_answer_that_is_lost_brings_the_word_again_and_no_second_look() {
    let told = Told::with(|_| {}).await;
    let order = told.shop.order().await;
    order.is_reserved().await;
    let key = order.row().await.idempotency_key;
    let gate = Gate::before(&told.url).await;
    gate.pick(Stop::BeforeTheClient, |path, _| path.ends_with("/main"));
    let message = Message::of("msg_lost", &key);
    let lost = tokio::spawn({
        let (message, url) = (message.clone(), gate.url().to_owned());
        async move { message.post(&url).await }
    });
    until_true("the daemon has answered", BY_ITSELF, async || gate.picked() == 1).await;
    assert!(!lost.is_finished(), "and nobody heard it");
    lost.abort();
    gate.open();
    assert_eq!(message.post(gate.url()).await.status.as_u16(), 204);
    until_true("it was looked up", BY_ITSELF, async || order.asked_for(Operation::Lookup) == 1).await;
    order.judge().await;
    assert_eq!(order.asked_for(Operation::Lookup), 1);
    told.daemon.stop().await;
}

#[tokio::test]
async fn while_the_database_is_away_the_sender_is_asked_to_come_again() {
    let told = Told::with(|setup| setup.set("database.acquire_timeout_ms", 4_000)).await;
    let order = told.shop.order().await;
    order.is_reserved().await;
    let row = order.row().await;
    let mut held = sqlx::PgConnection::connect_with(&told.shop.database.pool().connect_options()).await.unwrap();
    sqlx::query("begin").execute(&mut held).await.unwrap();
    sqlx::query("select from reservation where reservation_id = $1 for update").bind(row.reservation_id).execute(&mut held).await.unwrap();
    // More than the API has connections, all waiting for the row.
    let posts = (0..12).map(|n| {
        let (message, url) = (Message::of(&format!("msg_{n}"), &row.idempotency_key), told.url.clone());
        tokio::spawn(async move { message.post(&url).await })
    });
    let posts: Vec<_> = posts.collect();
    let (first, _, rest) = futures::future::select_all(posts).await;
    let turned_away = first.unwrap();
    assert_eq!((turned_away.status.as_u16(), turned_away.problem().as_str()), (503, "database-away"));
    sqlx::query("rollback").execute(&mut held).await.unwrap();
    let mut taken = 0;
    for posted in rest {
        taken += usize::from(posted.await.unwrap().status.as_u16() == 204);
    }
    assert!(taken >= 1, "the one that waited for the row itself");
    told.daemon.stop().await;
}
