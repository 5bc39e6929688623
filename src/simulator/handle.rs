//! The handle on a running simulator: what a test in the same process can do without HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::amount::Amount;
use super::entry::LedgerEntry;
use super::faults::{FaultRequest, FaultStatus};
use super::hold::Hold;
use super::inventory::StockLevel;
use super::shared::Shared;
use super::webhook::{WebhookStatus, WebhookTarget};

/// A running simulator; dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    url: String,
    admin_url: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Simulator {
    pub(super) fn new(shared: Arc<Shared>, addresses: (SocketAddr, SocketAddr), tasks: Vec<JoinHandle<()>>) -> Self {
        let (client, admin) = addresses;
        Self { shared, url: format!("http://{client}/v1"), admin_url: format!("http://{admin}/sim"), tasks }
    }

    /// The base address of the inventory, such as `http://127.0.0.1:28090/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The base address of the admin interface, such as `http://127.0.0.1:28091/sim`.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Every ledger entry of this run.
    pub fn ledger(&self) -> Vec<Arc<LedgerEntry>> {
        self.shared.inventory_now().ledger().after(0).to_vec()
    }

    /// Every hold of a tenant, visible to look-ups or not.
    pub fn holds(&self, tenant: &str) -> Vec<Hold> {
        self.shared.inventory_now().holds(Some(tenant)).map(|(_, hold)| hold.clone()).collect()
    }

    /// Every stock of a tenant.
    pub fn stock(&self, tenant: &str) -> Vec<StockLevel> {
        self.shared.inventory_now().stock(Some(tenant), None)
    }

    /// Sets what a tenant has on hand, at no location in particular.
    pub fn set_stock(&self, tenant: &str, sku: &str, on_hand: impl Into<Amount>) {
        self.shared.inventory_now().put_stock(tenant, sku, None, on_hand.into());
    }

    /// Arms a fault; the number names it.
    pub fn arm(&self, request: FaultRequest) -> u64 {
        self.shared.faults.arm(request)
    }

    /// Every fault with its counts.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.shared.faults.list()
    }

    /// Moves the simulator's clock; a negative step goes back.
    pub fn advance_clock_ms(&self, step_ms: i64) {
        self.shared.advance(step_ms);
    }

    /// Sends a notice of each effect here from now on, or to nobody.
    ///
    /// # Errors
    ///
    /// If the address or the secret cannot be used; the text says which.
    pub fn aim_webhook(&self, target: Option<WebhookTarget>) -> Result<(), &'static str> {
        self.shared.webhook.aim(target)
    }

    /// How many notices arrived.
    pub fn webhook(&self) -> WebhookStatus {
        self.shared.webhook.status()
    }

    /// Refuses connections from now on, for good or for a while.
    pub async fn down(&self, spell: Option<Duration>) {
        self.shared.down(spell).await;
    }

    /// Accepts connections again.
    pub async fn up(&self) {
        self.shared.gate.open().await;
    }

    /// Ends it: connections are reset and both ports are free afterwards.
    pub async fn stop(mut self) {
        self.shared.stop.cancel();
        for task in self.tasks.drain(..) {
            // A task that failed is over as well.
            let _ = task.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
