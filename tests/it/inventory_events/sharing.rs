//! Two consumers share a topic: one joins while the other is in the middle of a batch, one sleeps through its own dismissal.

use serde_json::json;

use super::feed::{BY_ITSELF, Feed, lives};
use super::seam::{Seam, Shut};
use crate::support::wait::until_true;

#[tokio::test]
async fn a_second_consumer_joins_in_the_middle_of_a_batch_and_no_event_counts_twice() {
    let mut feed = Feed::open().await;
    let _one = feed.start().await;
    feed.send(&lives(&feed, "before", 3, 5)).await;
    feed.all_taken_in().await;

    let shut = Shut::at(feed.shop.database.pool(), Seam::Applied).await;
    feed.send(&lives(&feed, "during", 9, 17)).await;
    shut.reached().await;
    let _two = feed.start().await;
    feed.send_elsewhere(&lives(&feed, "during", 9, 17)).await;
    shut.open().await;
    // Both have something to do from now on.
    feed.send(&lives(&feed, "later", 12, 23)).await;
    feed.all_taken_in().await;
    feed.judge(0).await;
}

#[tokio::test]
async fn a_consumer_that_slept_through_its_dismissal_changes_nothing_when_it_wakes_up() {
    let mut feed = Feed::open().await;
    let sleeper = feed.start().await;
    feed.send(&lives(&feed, "before", 3, 5)).await;
    feed.all_taken_in().await;

    let shut = Shut::at(feed.shop.database.pool(), Seam::Applied).await;
    feed.send(&lives(&feed, "during", 9, 17)).await;
    let backend = shut.reached().await;
    sleeper.signal("STOP");
    // Its connection is given up, as a server does with one that keeps a transaction open and says nothing.
    shut.cut(backend).await;
    shut.open().await;
    let _other = feed.start().await;
    feed.all_taken_in().await;
    feed.judge(0).await;

    sleeper.signal("CONT");
    feed.send(&lives(&feed, "later", 12, 23)).await;
    feed.all_taken_in().await;
    until_true("the sleeper has begun anew", BY_ITSELF, async || {
        sleeper.logged("this session's lease ran out before it was renewed: the work goes on under a new session").is_some()
    })
    .await;
    let last = feed.event("last", 900, "ProductStateChangeEvent", json!({"id": "later-0", "status": "active"}));
    feed.send(&[last]).await;
    feed.all_taken_in().await;
    feed.judge(0).await;
}
