//! The real binary, killed at every seam of taking an event in and started again: each event has its effect once.

use serde_json::json;

use super::feed::{Feed, lives};
use super::seam::{Seam, Shut};
use crate::support::daemon::Process;

/// What a test does to whoever waits at the seam, besides killing the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    /// Its transaction goes on to wherever it gets without its client.
    GoesOn,
    /// It is ended with its client.
    Ends,
}

/// Kills the daemon at a seam while it takes some lives in, starts it again, and judges. Says how much was taken in at the kill, and
/// how much after the seam was opened and before the next boot.
async fn killed_at(seam: Seam, backend: Backend) -> (i64, i64) {
    let mut feed = Feed::open().await;
    let mut daemon = feed.start().await;
    // Everything works before anything is shut.
    feed.send(&lives(&feed, "before", 3, 5)).await;
    feed.all_taken_in().await;
    let before = feed.taken_in().await;

    let shut = Shut::at(feed.shop.database.pool(), seam).await;
    if seam == Seam::DeadWritten {
        feed.send_raw(vec![("poison".to_owned(), b"{".to_vec())]).await;
    }
    feed.send(&lives(&feed, "after", 9, 11)).await;
    let halted = shut.reached().await;
    daemon.kill();
    let at_kill = feed.taken_in().await - before;
    let places = feed.places().await;
    if backend == Backend::Ends {
        shut.cut(halted).await;
    }
    shut.open().await;
    let rested = || async {
        let busy: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and usename = 'holdfast_test' and state = 'active'",
        )
        .fetch_one(feed.shop.database.pool())
        .await
        .unwrap();
        busy == 0
    };
    crate::support::wait::until_true("nobody works for the dead any more", super::feed::BY_ITSELF, rested).await;
    let after_kill = feed.taken_in().await - before;
    println!("killed at {seam:?} ({backend:?}): {at_kill} taken in, {after_kill} once its backend was gone; places {places:?}");

    let _again = feed.start().await;
    feed.all_taken_in().await;
    feed.judge(i64::from(seam == Seam::DeadWritten)).await;
    (at_kill, after_kill)
}

#[tokio::test]
async fn killed_before_it_put_on_record_that_it_begins() {
    killed_at(Seam::Polled, Backend::Ends).await;
}

#[tokio::test]
async fn killed_after_it_began_and_before_it_wrote_anything() {
    killed_at(Seam::Counted, Backend::GoesOn).await;
}

#[tokio::test]
async fn killed_after_the_inbox_row() {
    let (at_kill, after_kill) = killed_at(Seam::Deduplicated, Backend::GoesOn).await;
    assert_eq!(at_kill, after_kill, "half a transaction is none");
}

#[tokio::test]
async fn killed_after_the_effect() {
    let (at_kill, after_kill) = killed_at(Seam::Applied, Backend::GoesOn).await;
    assert_eq!(at_kill, after_kill, "half a transaction is none");
}

#[tokio::test]
async fn killed_after_a_dead_letter_was_written() {
    let (at_kill, after_kill) = killed_at(Seam::DeadWritten, Backend::GoesOn).await;
    assert_eq!(at_kill, after_kill, "half a transaction is none");
}

#[tokio::test]
async fn killed_after_everything_was_written_and_before_the_commit() {
    killed_at(Seam::Written, Backend::Ends).await;
}

#[tokio::test]
async fn killed_while_a_commit_is_on_its_way_that_happens() {
    let (at_kill, after_kill) = killed_at(Seam::Committing, Backend::GoesOn).await;
    assert!(after_kill > at_kill, "the commit happened after its client was dead: nobody has told the broker");
}

#[tokio::test]
async fn killed_while_a_commit_is_on_its_way_that_does_not_happen() {
    let (at_kill, after_kill) = killed_at(Seam::Committing, Backend::Ends).await;
    assert_eq!(at_kill, after_kill);
}

#[tokio::test]
async fn a_message_that_kills_whoever_works_on_it_is_given_up_and_what_comes_behind_it_is_not() {
    let mut feed = Feed::open().await;
    let mut settings = feed.settings();
    settings.push(("inventory_events.max_attempts", 2.into()));
    let shut = Shut::at(feed.shop.database.pool(), Seam::Deduplicated).await;
    let product =
        json!({"id": "p-1", "status": "active", "productOffering": {"id": "FIBRE"}, "relatedParty": [{"id": "c-1", "role": "customer"}]});
    let deadly = feed.event("e-deadly", 1, "ProductCreateEvent", product.clone());
    feed.send_raw(vec![("\"p-1\"".to_owned(), deadly.to_string().into_bytes())]).await;
    for begun in 1..=2 {
        let mut daemon = Process::start_with(&feed.shop, &settings).await;
        let halted = shut.reached().await;
        daemon.kill();
        shut.cut(halted).await;
        let attempts: i32 = feed.places().await.iter().map(|(_, _, attempts)| attempts).sum();
        assert_eq!(attempts, begun);
    }
    // The seam is still shut: whoever looked into the message once more would be halted there.
    let _daemon = Process::start_with(&feed.shop, &settings).await;
    feed.all_taken_in().await;
    shut.open().await;
    let letter: (String, String, i32) =
        sqlx::query_as("select reason_code, reason, attempts from dead_letter").fetch_one(feed.shop.database.pool()).await.unwrap();
    assert_eq!((letter.0.as_str(), letter.2), ("gave_up", 3));
    assert!(letter.1.contains("begun 2 times and never came to an end"), "{}", letter.1);

    feed.send(&[feed.event("e-harmless", 2, "ProductCreateEvent", product)]).await;
    feed.all_taken_in().await;
    feed.judge(1).await;
}

#[tokio::test]
async fn what_the_broker_forgot_and_what_the_inbox_forgot_is_replayed_without_effect() {
    let mut feed = Feed::open().await;
    let daemon = feed.start().await;
    feed.send(&lives(&feed, "p", 6, 3)).await;
    feed.all_taken_in().await;
    feed.judge(0).await;
    daemon.signal("TERM");
    let mut daemon = daemon;
    assert!(daemon.ended().await.success());

    // The broker's note is gone: the database knows better, and nothing is read again.
    feed.lose_commits().await;
    let facts = || async {
        let count: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(feed.shop.database.pool()).await.unwrap();
        count
    };
    let told = facts().await;
    let mut daemon = feed.start().await;
    let one_more = feed.event("one-more", 1, "ProductStateChangeEvent", json!({"id": "p-0", "status": "cancelled"}));
    feed.send(std::slice::from_ref(&one_more)).await;
    feed.all_taken_in().await;
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
    feed.judge(0).await;

    // The inbox is pruned, and somebody has the topic read from its beginning: the stamps know better.
    let pool = feed.shop.database.pool();
    sqlx::query("delete from inbox").execute(pool).await.unwrap();
    sqlx::query("update consumer_offset set next_offset = 0").execute(pool).await.unwrap();
    let _again = feed.start().await;
    feed.all_taken_in().await;
    feed.judge(0).await;
    let count: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(pool).await.unwrap();
    assert_eq!(count, told, "no fact was told again");
}
