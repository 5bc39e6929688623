//! The demo's view of an inventory: what is on its shelves, what it was made to do wrong, and its ledger.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::simulator::{Amount, Fault, FaultMatch, FaultRequest, FaultScope, Hold, LedgerEntry};

/// One inventory's admin interface.
#[derive(Debug, Clone)]
pub(super) struct Inventory {
    http: reqwest::Client,
    base: String,
    tenant: String,
}

/// A fault with its count.
#[derive(Debug, Deserialize)]
pub(super) struct FaultCount {
    id: u64,
    pub(super) fired: u64,
}

#[derive(Deserialize)]
struct Armed {
    id: u64,
}

#[derive(Deserialize)]
struct Faults {
    faults: Vec<FaultCount>,
}

#[derive(Deserialize)]
struct Stock {
    stock: Vec<Level>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    on_hand: Amount,
}

#[derive(Deserialize)]
struct Entries {
    entries: Vec<LedgerEntry>,
}

#[derive(Deserialize)]
struct Holds {
    holds: Vec<Hold>,
}

impl Inventory {
    /// The admin interface at this address, for one tenant.
    pub(super) fn new(http: reqwest::Client, base: String, tenant: String) -> Self {
        Self { http, base, tenant }
    }

    /// Whether it answers.
    pub(super) async fn is_up(&self) -> bool {
        let asked = self.http.get(format!("{}/gate", self.base)).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    /// Sets what is on hand.
    pub(super) async fn put_stock(&self, product: &str, on_hand: u32) -> Result<(), CliError> {
        let body = json!({ "tenant": self.tenant, "sku": product, "onHand": Amount::from(on_hand) });
        self.call(self.http.put(format!("{}/stock", self.base)).json(&body)).await.map(drop)
    }

    /// What is on hand.
    pub(super) async fn on_hand(&self, product: &str) -> Result<Option<Amount>, CliError> {
        let url = format!("{}/stock", self.base);
        let found: Stock = self.read(self.http.get(url).query(&[("tenant", self.tenant.as_str()), ("sku", product)])).await?;
        Ok(found.stock.first().map(|level| level.on_hand))
    }

    /// Refuses connections from now on.
    pub(super) async fn down(&self) -> Result<(), CliError> {
        self.call(self.http.post(format!("{}/down", self.base)).json(&json!({ "ms": null }))).await.map(drop)
    }

    /// Accepts connections again.
    pub(super) async fn up(&self) -> Result<(), CliError> {
        self.call(self.http.post(format!("{}/up", self.base))).await.map(drop)
    }

    /// Arms a fault for one request about a product; the number names it. A check names no order, so that orders cannot tell.
    pub(super) async fn arm(&self, operation: FaultScope, fault: Fault, product: &str) -> Result<u64, CliError> {
        let matching = FaultMatch { tenant: Some(self.tenant.clone()), sku: Some(product.to_owned()), ..FaultMatch::default() };
        let request = FaultRequest { operation, matching, skip: 0, times: Some(1), chance: None, fault };
        let armed: Armed = self.read(self.http.post(format!("{}/faults", self.base)).json(&request)).await?;
        Ok(armed.id)
    }

    /// How many requests a fault struck.
    pub(super) async fn fired(&self, fault: u64) -> Result<u64, CliError> {
        let faults: Faults = self.read(self.http.get(format!("{}/faults", self.base))).await?;
        Ok(faults.faults.iter().find(|known| known.id == fault).map_or(0, |known| known.fired))
    }

    /// The ledger's entries of an order or of its product, oldest first.
    pub(super) async fn ledger(&self, order: &str, product: &str) -> Result<Vec<LedgerEntry>, CliError> {
        let url = format!("{}/ledger", self.base);
        let found: Entries = self.read(self.http.get(url).query(&[("tenant", self.tenant.as_str())])).await?;
        let is_ours =
            |entry: &LedgerEntry| entry.order_id.as_deref() == Some(order) || entry.asked.lines.iter().any(|line| line.sku == product);
        Ok(found.entries.into_iter().filter(is_ours).collect())
    }

    /// The holds of an order, oldest first.
    pub(super) async fn holds(&self, order: &str) -> Result<Vec<Hold>, CliError> {
        let url = format!("{}/holds", self.base);
        let found: Holds = self.read(self.http.get(url).query(&[("tenant", self.tenant.as_str()), ("orderId", order)])).await?;
        let mut holds = found.holds;
        holds.sort_by(|a, b| (a.created_at, &a.reference).cmp(&(b.created_at, &b.reference)));
        Ok(holds)
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, CliError> {
        let value = self.call(request).await?;
        serde_json::from_value(value)
            .map_err(|error| CliError::Said(format!("the inventory at {} answered something else than expected: {error}", self.base)))
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Value, CliError> {
        let away =
            |error: reqwest::Error| CliError::Said(format!("the inventory at {} does not answer: {}", self.base, error.without_url()));
        let answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let body = answer.text().await.map_err(away)?;
        if !status.is_success() {
            return Err(CliError::Said(format!("the inventory at {} answered {status}: {body}", self.base)));
        }
        serde_json::from_str(&body).map_err(|error| CliError::Said(format!("the inventory at {} did not answer JSON: {error}", self.base)))
    }
}
