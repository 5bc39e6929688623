//! A consumer that lives loses the answer to its commit, and goes on all the same.

use serde_json::json;

use super::feed::{BY_ITSELF, Feed};
use super::seam::{Seam, Shut};
use crate::support::daemon::Process;
use crate::support::wait::until_true;
use crate::support::wire::Wire;

#[tokio::test]
async fn a_partition_that_rested_because_a_commits_answer_was_lost_is_read_on() {
    let mut feed = Feed::open().await;
    let (wire, url) = Wire::to_the_database_of(&feed.shop).await;
    let mut settings = feed.settings();
    settings.push(("database.url", url.into()));
    let daemon = Process::start_with(&feed.shop, &settings).await;
    let product =
        json!({"id": "p-1", "status": "created", "productOffering": {"id": "FIBRE"}, "relatedParty": [{"id": "c-1", "role": "customer"}]});
    feed.send(&[feed.event("e-1", 1, "ProductCreateEvent", product)]).await;
    feed.all_taken_in().await;

    let shut = Shut::at(feed.shop.database.pool(), Seam::Committing).await;
    feed.send(&[feed.event("e-2", 2, "ProductStateChangeEvent", json!({"id": "p-1", "status": "pendingActive"}))]).await;
    shut.reached().await;
    wire.cut();
    let logged = async |what: &str| until_true(what, BY_ITSELF, async || daemon.logged(what).is_some()).await;
    logged("messages cannot be taken in; trying again").await;
    // Now the commit happens, and nobody is there to hear of it.
    shut.open().await;
    logged("somebody else has moved the partition on").await;

    feed.send(&[feed.event("e-3", 3, "ProductStateChangeEvent", json!({"id": "p-1", "status": "active"}))]).await;
    feed.all_taken_in().await;
    feed.judge(0).await;
}
