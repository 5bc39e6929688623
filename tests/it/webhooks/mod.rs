//! Word from the inventory, from its own sender through HTTP to the look-up and the ledger; and word from everybody else.

mod hints;
mod hostile;
mod interrupted;
#[cfg(feature = "fault-points")]
mod killed;
mod message;

use holdfast::simulator::WebhookTarget;
use reqwest::StatusCode;

use crate::support::daemon::Daemon;
use crate::support::order::BY_ITSELF;
use crate::support::port::free_port;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until_true;
use message::Message;

/// The secret that inventory and daemon share.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// An address of this machine that is free.
fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// A shop whose daemon takes word of its inventory, and where.
struct Told {
    shop: Shop,
    url: String,
    daemon: Daemon,
}

/// A shop that takes word at this address.
async fn listening(address: &str, change: impl FnOnce(&mut Setup)) -> Shop {
    Shop::open_with(|setup| {
        setup.set("http.listen", address);
        // On a busy machine it takes a while until all connections to the database are there.
        setup.set("database.acquire_timeout_ms", 30_000);
        setup.set("sources.main.webhook.secret", SECRET);
        change(setup);
    })
    .await
}

impl Told {
    async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let address = free_address();
        let shop = listening(&address, change).await;
        let daemon = Daemon::start(&shop).await;
        let told = Self { shop, url: format!("http://{address}/webhooks/main"), daemon };
        // Its connections to the database are there before anything depends on how quickly it takes word.
        let word = async || {
            Message::of("msg_warm", "2f2b9fc2-6e9c-46b3-a246-4be4f49833a1:warm:1").post(&told.url).await.status == StatusCode::NO_CONTENT
        };
        until_true("it takes word", BY_ITSELF, word).await;
        told
    }

    /// From now on the inventory sends word of everything that it does.
    fn aim(&self) {
        self.aim_at(&self.url);
    }

    fn aim_at(&self, url: &str) {
        self.shop.inventory.aim_webhook(Some(WebhookTarget { url: url.to_owned(), secret: SECRET.to_owned() })).unwrap();
    }
}
