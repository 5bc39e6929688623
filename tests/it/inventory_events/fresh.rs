//! What is said of the projection's freshness while a consumer reads: never more than is known.

use chrono::{DateTime, Utc};
use holdfast::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::feed::{BY_ITSELF, Feed};
use super::seam::{Seam, Shut};
use crate::support::daemon::Process;
use crate::support::http::http;
use crate::support::wait::until;

/// What a customer is told, as the API says it.
struct Desk {
    url: String,
    tenant: String,
}

impl Desk {
    async fn freshness(&self) -> Value {
        let asked = http().get(&self.url).header("Holdfast-Tenant", &self.tenant).send().await.unwrap();
        asked.json::<Value>().await.unwrap()["freshness"].clone()
    }

    /// Up to when the topic was read, once it was.
    async fn read_up_to(&self) -> Option<DateTime<Utc>> {
        let freshness = self.freshness().await;
        (freshness["state"] == "READ_UP_TO").then(|| freshness["readUpTo"].as_str().unwrap().parse().unwrap())
    }

    async fn is_read_after(&self, instant: DateTime<Utc>) {
        until("the topic is read to its end", BY_ITSELF, async || self.read_up_to().await.filter(|at| *at > instant)).await;
    }
}

#[tokio::test]
async fn a_topic_is_read_up_to_where_it_was_read_and_no_further() {
    let mut feed = Feed::open().await;
    let product = |status: &str| json!({"id": "p-1", "status": status, "productOffering": {"id": "FIBRE"}, "relatedParty": [{"id": "c-1", "role": "customer"}]});
    feed.send(&[feed.event("e-1", 1, "ProductCreateEvent", product("created"))]).await;
    let shut = Shut::at(feed.shop.database.pool(), Seam::Applied).await;
    let mut settings = feed.settings();
    settings.push(("http.listen", "127.0.0.1:0".into()));
    let daemon = Process::start_with(&feed.shop, &settings).await;
    let address = daemon.http_address().lock().unwrap().unwrap();
    let desk = Desk { url: format!("http://{address}/customers/c-1/products"), tenant: feed.shop.tenant().to_owned() };
    shut.reached().await;
    assert_eq!(desk.freshness().await["state"], "CATCHING_UP", "the first event is on its way");
    shut.open().await;
    desk.is_read_after(DateTime::UNIX_EPOCH).await;
    feed.all_taken_in().await;

    // While an event is on its way, nothing says that what was published by then is in.
    let shut = Shut::at(feed.shop.database.pool(), Seam::Deduplicated).await;
    feed.send(&[feed.event("e-2", 2, "ProductStateChangeEvent", product("active"))]).await;
    let published = SystemClock.now();
    shut.reached().await;
    let before = desk.read_up_to().await.unwrap();
    assert!(before < published, "{before} is not before {published}");
    shut.open().await;
    desk.is_read_after(published).await;
    feed.judge(0).await;
}
