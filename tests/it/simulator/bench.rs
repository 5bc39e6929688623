//! A running simulator and a client of one tenant.

use std::sync::Arc;
use std::time::Duration;

use holdfast::simulator::{Effect, Fault, FaultRequest, LedgerEntry, Simulator, SimulatorConfig, start};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// The time after which these clients lose patience.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// How soon anything is done that the inventory does by itself.
pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) http: Client,
    pub(crate) tenant: String,
}

/// What came back: a status and JSON.
pub(crate) type Reply = (u16, Value);

impl Bench {
    pub(crate) async fn new(config: SimulatorConfig) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let simulator = start(config).await.unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { simulator, http, tenant: "acme".into() }
    }

    /// An ordinary inventory with ten of `router` in stock.
    pub(crate) async fn with_ten() -> Self {
        let bench = Self::new(SimulatorConfig::default()).await;
        bench.simulator.set_stock("acme", "router", 10);
        bench
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.simulator.url());
        self.http.request(method, url).header("X-Tenant-Id", &self.tenant)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        reply(self.request(Method::GET, path)).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        reply(self.request(Method::POST, path).json(body)).await.unwrap()
    }

    pub(crate) async fn reserve(&self, key: &str, quantity: &str) -> Reply {
        self.post("/reservations", &order(key, quantity)).await
    }

    /// Reserves, and loses patience early.
    pub(crate) async fn try_reserve(&self, key: &str, quantity: &str) -> reqwest::Result<Reply> {
        reply(self.request(Method::POST, "/reservations").timeout(PATIENCE).json(&order(key, quantity))).await
    }

    /// Places a hold and answers its reference.
    pub(crate) async fn held(&self, key: &str, quantity: &str) -> String {
        let (status, hold) = self.reserve(key, quantity).await;
        assert_eq!(status, 201, "{hold}");
        hold["reference"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn change(&self, reference: &str, what: &str) -> Reply {
        self.post(&format!("/reservations/{reference}/{what}"), &json!({"requestKey": "k"})).await
    }

    pub(crate) async fn admin(&self, method: Method, path: &str, body: &Value) -> Reply {
        let url = format!("{}{path}", self.simulator.admin_url());
        reply(self.http.request(method, url).json(body)).await.unwrap()
    }

    /// Arms a fault that strikes the next request.
    pub(crate) fn once(&self, fault: Fault) {
        let any = Default::default();
        self.simulator.arm(FaultRequest { operation: any, matching: Default::default(), skip: 0, times: Some(1), chance: None, fault });
    }

    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.simulator.ledger().iter().map(|entry| entry.effect).collect()
    }

    pub(crate) fn last_entry(&self) -> Arc<LedgerEntry> {
        self.simulator.ledger().last().unwrap().clone()
    }

    /// What is left of `router`.
    pub(crate) fn left(&self) -> String {
        self.simulator.stock(&self.tenant)[0].available.to_string()
    }
}

pub(crate) fn order(key: &str, quantity: &str) -> Value {
    json!({
        "requestKey": key, "orderId": "order-1", "holdSeconds": 3600, "allowPartial": false,
        "lines": [{"lineId": "1", "sku": "router", "quantity": quantity}],
    })
}

pub(crate) async fn reply(request: RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}
