//! What kind of inventory to play: its address, its abilities and its manners.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use rust_decimal::Decimal;

/// What happens when the same request key is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum CreateMode {
    /// The first outcome is answered again and nothing more is held.
    #[default]
    Idempotent,
    /// Every request places another hold, whatever its key.
    Duplicating,
}

/// How a hold can be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LookupMode {
    /// By request key and by reference.
    #[default]
    ByKey,
    /// By reference only: useless to someone who never got the answer.
    ByReference,
    /// Not at all.
    None,
}

/// Everything that `start` needs; also the arguments of a subcommand.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulatorConfig {
    /// Where the inventory listens; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:28090")]
    pub listen: SocketAddr,
    /// Where faults, stock and the ledger are served; stays up when the inventory is down.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:28091")]
    pub admin_listen: SocketAddr,
    /// What a repeated request key does.
    #[arg(long, value_enum, default_value_t)]
    pub create: CreateMode,
    /// How a hold can be looked up.
    #[arg(long, value_enum, default_value_t)]
    pub lookup: LookupMode,
    /// A new hold is visible to look-ups and lists only after this many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub lookup_lag_ms: u64,
    /// Whether holds can be listed.
    #[arg(long, action = clap::ArgAction::Set, default_value_t = true)]
    pub list: bool,
    /// Whether a reservation may be filled in part, when its request allows it.
    #[arg(long, action = clap::ArgAction::Set, default_value_t = true)]
    pub partial: bool,
    /// Whether a confirmed hold can still be released.
    #[arg(long, action = clap::ArgAction::Set, default_value_t = true)]
    pub confirmed_releasable: bool,
    /// The longest hold; a longer wish is shortened at reserve and refused at extend.
    #[arg(long, value_name = "SECONDS")]
    pub max_hold_seconds: Option<u64>,
    /// Stock on hand of a product never heard of; without it such a product is unknown.
    #[arg(long, value_name = "QUANTITY")]
    pub default_stock: Option<Decimal>,
    /// Appends every ledger entry to this file, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Waits for the disk after each ledger line.
    #[arg(long)]
    pub ledger_fsync: bool,
    /// Makes references and faults with a chance repeatable.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// An unanswered request is cut off after this many milliseconds, if its client has not gone before.
    #[arg(long, value_name = "MS", default_value_t = 300_000)]
    pub swallow_limit_ms: u64,
}

impl Default for SimulatorConfig {
    /// A well-behaved inventory on free ports of this machine, empty but for what it is told to stock.
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any_port,
            admin_listen: any_port,
            create: CreateMode::default(),
            lookup: LookupMode::default(),
            lookup_lag_ms: 0,
            list: true,
            partial: true,
            confirmed_releasable: true,
            max_hold_seconds: None,
            default_stock: None,
            ledger: None,
            ledger_fsync: false,
            seed: None,
            swallow_limit_ms: 300_000,
        }
    }
}
