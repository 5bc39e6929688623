//! The keeper of what customers have, as the demo plays it: tells of each product on Kafka, and asks the daemon what it has heard.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::cli::demo::scenarios::FULFILLED;
use crate::cli::demo::settings::Settings;
use crate::cli::demo::table::Row;
use crate::cli::error::CliError;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::events::{Message, Producer};

/// The topic that is told on, and the name of its keeper in the daemon's configuration.
pub(super) const TOPIC: &str = "demo.installed-base";
/// See [`TOPIC`].
pub(super) const SOURCE: &str = "installed-base";

/// How long the broker may take for one event, and the daemon to have read all of them.
const PATIENCE: Duration = Duration::from_secs(15);

/// The keeper, and the customer whose products it tells of: a new one in every demo.
pub(super) struct Keeper {
    producer: Producer,
    http: reqwest::Client,
    tenant: String,
    customer: String,
}

/// What the customer has by two accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    /// Where the daemon says it.
    pub(super) link: String,
    /// Products that were told of.
    pub(super) told: usize,
    /// Products that the daemon shows.
    pub(super) shown: usize,
}

#[derive(Deserialize)]
struct Products {
    products: Vec<serde_json::Value>,
}

impl Keeper {
    /// Opens the topic with a product that the customer has had before.
    ///
    /// # Errors
    /// [`CliError`], if the broker does not take it.
    pub(super) async fn open(config: &Config, settings: &Settings, http: reqwest::Client) -> Result<Self, CliError> {
        let producer = Producer::new(&config.events.kafka)
            .map_err(|error| CliError::Said(format!("cannot tell Kafka of what customers have: {error}")))?;
        let customer = format!("C-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let keeper = Self { producer, http, tenant: settings.tenant.to_string(), customer };
        keeper.tell(&format!("{}-contract", keeper.customer), "CONTRACT").await?;
        Ok(keeper)
    }

    /// Tells of what each fulfilled order has brought the customer, and looks whether the daemon has heard of it.
    ///
    /// # Errors
    /// [`CliError`], if broker or daemon do not answer.
    pub(super) async fn deliver(self, settings: &Settings, rows: &[Row<'_>]) -> Result<Installed, CliError> {
        let fulfilled = rows.iter().filter(|row| row.scenario.expect.end == FULFILLED);
        let mut told = 1;
        for row in fulfilled {
            self.tell(&row.order, row.scenario.product).await?;
            told += 1;
        }
        let link = format!("http://127.0.0.1:{}/customers/{}/products", settings.http_port, self.customer);
        let mut shown = 0;
        let looking = async {
            while shown < told {
                shown = self.look(&link).await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(())
        };
        let looked = tokio::time::timeout(PATIENCE, looking).await;
        self.producer.close().await;
        match looked {
            // Fewer than there should be is for the table to say.
            Ok(Ok(())) | Err(_) => Ok(Installed { link, told, shown }),
            Ok(Err(error)) => Err(error),
        }
    }

    async fn tell(&self, product: &str, offering: &str) -> Result<(), CliError> {
        let now = SystemClock.now();
        let event = json!({
            "eventId": Uuid::new_v4(),
            "eventTime": now,
            "eventType": "ProductCreateEvent",
            "tenantId": self.tenant,
            "event": { "product": {
                "id": product,
                "status": "active",
                "startDate": now,
                "productOffering": { "id": offering },
                "relatedParty": [{ "id": self.customer, "role": "customer" }],
            }},
        });
        let message = Message { topic: TOPIC.to_owned(), key: product.to_owned(), headers: Vec::new(), value: event.to_string().into() };
        let refused = |why: String| CliError::Said(format!("Kafka does not take what customers have: {why}"));
        let taken = self.producer.send(&message).map_err(|refusal| refused(format!("{refusal:?}")))?;
        match tokio::time::timeout(PATIENCE, taken).await {
            Ok(taken) => taken.map_err(|refusal| refused(format!("{refusal:?}"))),
            Err(_) => Err(refused(self.producer.complaint().unwrap_or_else(|| format!("no word within {PATIENCE:?}")))),
        }
    }

    /// How many products the daemon shows.
    async fn look(&self, link: &str) -> Result<usize, CliError> {
        let failed = |error: reqwest::Error| CliError::Said(format!("the daemon does not say what a customer has: {error}"));
        let answer = self.http.get(link).header("Holdfast-Tenant", &self.tenant).send().await.map_err(failed)?;
        let products: Products = answer.error_for_status().map_err(failed)?.json().await.map_err(failed)?;
        Ok(products.products.len())
    }
}
