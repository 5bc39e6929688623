//! Everything that playing and observing an order needs.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::cli::demo::engine_desk::EngineDesk;
use crate::cli::demo::installed::Keeper;
use crate::cli::demo::inventory::Inventory;
use crate::cli::demo::links::Links;
use crate::cli::demo::progress::Progress;
use crate::cli::demo::settings::Source;
use crate::cli::demo::watch::Snapshot;
use crate::cli::error::CliError;
use crate::domain::TenantId;
use crate::engine::{EngineClient, EngineTenant};
use crate::store::Store;

/// The parts of a running demo.
pub(super) struct Stage {
    pub(super) tenant: TenantId,
    pub(super) engine_tenant: EngineTenant,
    pub(super) engine: EngineClient,
    pub(super) desk: EngineDesk,
    pub(super) store: Store,
    pub(super) inventories: BTreeMap<Source, Inventory>,
    pub(super) progress: Progress,
    pub(super) links: Links,
    /// Only where a broker is there.
    pub(super) keeper: Option<Keeper>,
    pub(super) wait_for_human: bool,
    pub(super) seen: watch::Receiver<Snapshot>,
}

impl Stage {
    /// One inventory.
    pub(super) fn inventory(&self, source: Source) -> Result<&Inventory, CliError> {
        self.inventories.get(&source).ok_or_else(|| CliError::Said(format!("the demo has no inventory `{}`", source.name())))
    }
}
