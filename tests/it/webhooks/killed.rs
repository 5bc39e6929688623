//! The real binary, killed at every place where word of an inventory may be on its way: it is taken when it comes again.
//!
//! w1 read · w2 known to be genuine · w3 written, its commit not begun and not answered · w4 committed, the sender not told.

use holdfast::simulator::Operation;

use super::message::Message;
use super::{free_address, listening};
use crate::support::daemon::Process;
use crate::support::order::BY_ITSELF;
use crate::support::points::Points;
use crate::support::wait::until_true;

#[tokio::test]
async fn killed_at_every_place_on_its_way_the_word_is_taken_when_it_comes_again_and_looked_up_once() {
    let address = free_address();
    let shop = listening(&address, |_| {}).await;
    let url = format!("http://{address}/webhooks/main");
    let points = Points::of(&shop);
    let mut daemon = Process::start_armed(&shop, points.path()).await;
    for (number, place, on_record) in
        [(1, "notice.read.kill", 0), (2, "notice.verified.kill", 0), (3, "notice.written.kill", 0), (4, "notice.accepted.kill", 1)]
    {
        let order = shop.order().await;
        order.is_reserved().await;
        let message = Message::of(&format!("msg_w{number}"), &order.row().await.idempotency_key);
        let noted = async || -> i64 {
            let query = "select count(*) from webhook_notice where webhook_id = $1";
            sqlx::query_scalar(query).bind(message.header("webhook-id")).fetch_one(shop.database.pool()).await.unwrap()
        };
        points.arm(place);
        assert!(message.try_post(&url).await.is_err(), "{place}: the sender heard nothing");
        points.strikes(place).await;
        daemon.ended().await;
        assert_eq!(noted().await, on_record, "{place}");

        daemon = Process::start_armed(&shop, points.path()).await;
        assert_eq!(message.post(&url).await.status.as_u16(), 204, "{place}");
        until_true("it is looked up", BY_ITSELF, async || order.asked_for(Operation::Lookup) == 1).await;
        assert_eq!(message.post(&url).await.status.as_u16(), 204, "{place}");
        order.judge().await;
        assert_eq!((order.asked_for(Operation::Lookup), noted().await), (1, 1), "{place}");
    }
}
