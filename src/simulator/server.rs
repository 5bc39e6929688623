//! Starting and stopping: two listeners, one inventory, and the tick that lets holds expire.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::api::{admin_router, client_router};
use super::clock::SimulatorClock;
use super::config::SimulatorConfig;
use super::faults::FaultBook;
use super::handle::Simulator;
use super::inventory::Inventory;
use super::ledger::Ledger;
use super::net::{Connection, Gate, GatedListener};
use super::shared::Shared;
use super::webhook::{Webhook, deliver_all};

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address is taken, or is not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The ledger file cannot be opened.
    #[error("cannot open the ledger file {}", path.display())]
    Ledger {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Holds expire at most this long after their time, even if nobody asks.
const TICK: Duration = Duration::from_millis(50);

/// Starts an inventory; it runs until the handle is stopped or dropped.
///
/// # Errors
///
/// If an address cannot be listened on or the ledger file cannot be opened.
pub async fn start(config: SimulatorConfig) -> Result<Simulator, SimulatorError> {
    let ledger = open_ledger(&config)?;
    let stop = CancellationToken::new();
    let clock = SimulatorClock::default();
    let seed = config.seed.unwrap_or_else(|| clock.machine_now().timestamp_micros().unsigned_abs());
    let gate = Arc::new(Gate::new(&stop));
    let listener = bind(config.listen, Arc::clone(&gate))?;
    let admin_listener = bind(config.admin_listen, Arc::new(Gate::new(&stop)))?;
    let addresses = (listener.address(), admin_listener.address());

    let (webhook, notices) = Webhook::new();
    let webhook = Arc::new(webhook);
    let config = Arc::new(config);
    let run = format!("{:08x}", seed & 0xffff_ffff);
    let shared = Arc::new(Shared {
        inventory: Mutex::new(Inventory::new(Arc::clone(&config), ledger, Arc::clone(&webhook), run)),
        faults: FaultBook::new(seed),
        config,
        clock,
        gate,
        stop: stop.clone(),
        webhook,
    });
    let tasks = vec![
        spawn_server(listener, client_router(Arc::clone(&shared)), stop.clone()),
        spawn_server(admin_listener, admin_router(Arc::clone(&shared)), stop.clone()),
        tokio::spawn(tick(Arc::clone(&shared))),
        tokio::spawn(deliver_all(Arc::clone(&shared), notices)),
    ];
    Ok(Simulator::new(shared, addresses, tasks))
}

fn open_ledger(config: &SimulatorConfig) -> Result<Ledger, SimulatorError> {
    let Some(path) = &config.ledger else { return Ok(Ledger::default()) };
    Ledger::open(path, config.ledger_fsync).map_err(|source| SimulatorError::Ledger { path: path.clone(), source })
}

fn bind(address: SocketAddr, gate: Arc<Gate>) -> Result<GatedListener, SimulatorError> {
    GatedListener::bind(address, gate).map_err(|source| SimulatorError::Listen { address, source })
}

fn spawn_server(listener: GatedListener, router: Router, stop: CancellationToken) -> JoinHandle<()> {
    let service = router.into_make_service_with_connect_info::<Connection>();
    tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, service) => {
                if let Err(error) = served {
                    tracing::error!(error = %error, "the simulator stopped serving");
                }
            }
            () = stop.cancelled() => {}
        }
    })
}

async fn tick(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = ticks.tick() => drop(shared.inventory_now()),
            () = shared.stop.cancelled() => return,
        }
    }
}
