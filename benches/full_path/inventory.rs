//! The inventory: `holdfast simulate-supplier` as a child, as anybody would start it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::Failure;
use crate::daemon::BINARY;

/// A running inventory; dropping it kills it.
pub(crate) struct Inventory {
    /// Where it is.
    pub(crate) url: String,
    admin_url: String,
    http: reqwest::Client,
    _child: Child,
}

impl Inventory {
    pub(crate) async fn start(folder: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(BINARY)
            .args(["simulate-supplier", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--default-stock", "1000000000"])
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("inventory.log"))?)
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("read what the inventory says")?).lines();
        let mut address = async || -> Result<String, Failure> {
            let line = lines.next_line().await?.ok_or("the inventory did not start; see inventory.log")?;
            Ok(line.split_whitespace().last().unwrap_or_default().to_owned())
        };
        let (url, admin_url) = (address().await?, address().await?);
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        Ok(Self { url, admin_url, http, _child: child })
    }

    /// The next call for this order acts at once, and its answer takes so long.
    pub(crate) async fn answer_late(&self, order: Uuid, delay: Duration) -> Result<(), Failure> {
        let fault = json!({"kind": "slow", "delayMs": delay.as_millis() as u64});
        let wanted = json!({"operation": "reserve", "match": {"orderId": order}, "times": 1, "fault": fault});
        self.http.post(format!("{}/faults", self.admin_url)).json(&wanted).send().await?.error_for_status()?;
        Ok(())
    }

    /// What the inventory was asked about an order, in order.
    pub(crate) async fn ledger(&self, order: Uuid) -> Result<Vec<Value>, Failure> {
        let answer = self.http.get(format!("{}/ledger?orderId={order}", self.admin_url)).send().await?.error_for_status()?;
        let mut page: Value = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(page["entries"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }
}
