//! More requests than the daemon can work on: turned away at once, while its workers go on as if nobody had asked.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use holdfast::simulator::Effect;
use sqlx::Connection as _;
use uuid::Uuid;

use crate::http::client::{hang_up, two_routers};
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// How many requests come, and how many at once.
const FLOOD: usize = 2_000;
const AT_ONCE: usize = 200;

#[tokio::test]
async fn a_flood_is_turned_away_while_the_workers_finish_their_tasks() {
    let shop = Shop::open().await;
    let settings = [("http.max_in_flight", 4.into()), ("http.database_connections", 2.into()), ("http.request_timeout_ms", 120_000.into())];
    let (daemon, caller) = super::serve(&shop, &settings).await;
    // Every request that gets a place stays in it: its table is locked.
    let mut jam = sqlx::PgConnection::connect_with(&shop.database.pool().connect_options()).await.unwrap();
    let mut jam = jam.begin().await.unwrap();
    sqlx::query("lock table idempotency_record in access exclusive mode").execute(&mut *jam).await.unwrap();

    let sender = caller.clone();
    let send = move |number: usize| {
        let caller = sender.clone();
        async move { caller.post(&format!("/orders/{}/reservations", Uuid::new_v4()), &format!("k{number}"), &two_routers()).await }
    };
    // The place of one of them may be taken by the probe below.
    let until_let_in = |number: usize| {
        let send = send.clone();
        async move {
            loop {
                let answer = send(number).await;
                if answer.status != 503 {
                    return answer;
                }
            }
        }
    };
    let stuck: Vec<_> = (0..4).map(until_let_in).map(tokio::spawn).collect();
    until_true("every place is taken", BY_ITSELF, async || {
        caller.get("/commands/00000000-0000-0000-0000-000000000000").await.status == 503
    })
    .await;

    let flood = tokio::spawn(futures::stream::iter((4..FLOOD).map(send.clone())).buffer_unordered(AT_ONCE).collect::<Vec<_>>());
    let order = shop.order().await;
    order.is_reserved().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldConfirmed)), (1, 1));
    order.judge().await;

    let mut heard = BTreeMap::new();
    for answer in flood.await.unwrap() {
        assert_eq!(answer.problem(503), "overloaded");
        assert_eq!(answer.headers["retry-after"], "1");
        *heard.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(heard, BTreeMap::from([(503, FLOOD - 4)]));
    jam.rollback().await.unwrap();
    for answer in stuck {
        assert_eq!(answer.await.unwrap().status, 202, "what was let in is answered");
    }
    assert_eq!(send(FLOOD).await.status, 202, "and the flood has left no trace");
    daemon.stop().await;
}

#[tokio::test]
async fn work_whose_caller_has_hung_up_keeps_its_place_until_it_is_done() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[("http.max_in_flight", 1.into())]).await;
    let mut jam = sqlx::PgConnection::connect_with(&shop.database.pool().connect_options()).await.unwrap();
    let mut jam = jam.begin().await.unwrap();
    sqlx::query("lock table idempotency_record in access exclusive mode").execute(&mut *jam).await.unwrap();
    let at_work = async || {
        let waiting = "select count(*) from pg_locks where not granted and relation = 'idempotency_record'::regclass
            and database = (select oid from pg_database where datname = current_database())";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(shop.database.pool()).await.unwrap()
    };
    let path = format!("/orders/{}/reservations", Uuid::new_v4());
    let first = caller.post_unread(&path, "first", &two_routers()).await;
    until_true("the first is being worked on", BY_ITSELF, async || at_work().await == 1).await;
    assert_eq!(hang_up(first).await, "", "the daemon let go of the caller without an answer");
    for number in 0..8 {
        let answer = caller.post(&path, &format!("later-{number}"), &two_routers()).await;
        assert_eq!(answer.problem(503), "overloaded");
    }
    assert_eq!(at_work().await, 1, "it is still at the work of the first, and at no other");

    jam.rollback().await.unwrap();
    until_true("the place is free again", BY_ITSELF, async || {
        caller.get("/commands/00000000-0000-0000-0000-000000000000").await.status == 404
    })
    .await;
    let carried_out: i64 = sqlx::query_scalar("select count(*) from engine_command").fetch_one(shop.database.pool()).await.unwrap();
    assert_eq!(carried_out, 1, "what was begun was brought to its end");
    daemon.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_so_and_carried_out_all_the_same() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[("http.request_timeout_ms", 2_000.into())]).await;
    let (path, body) = (format!("/orders/{}/reservations", Uuid::new_v4()), two_routers());
    let mut jam = sqlx::PgConnection::connect_with(&shop.database.pool().connect_options()).await.unwrap();
    let mut jam = jam.begin().await.unwrap();
    sqlx::query("lock table engine_command in access exclusive mode").execute(&mut *jam).await.unwrap();
    assert_eq!(caller.post(&path, "k", &body).await.problem(503), "took-too-long");
    assert_eq!(caller.post(&path, "k", &body).await.problem(409), "request-in-progress");
    jam.rollback().await.unwrap();
    until_true("the first one was carried out and its answer kept", BY_ITSELF, async || {
        let again = caller.post(&path, "k", &body).await;
        again.status == 202 && again.headers.contains_key("idempotency-replayed")
    })
    .await;
    daemon.stop().await;
}
