//! One case of the matrix: what is done, at what kind of inventory, by how many daemons, and what goes wrong. Its name says it all.

use std::fmt;
use std::str::FromStr;

/// What the order is doing when it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// The first hold of an order step.
    Reserve,
    /// The same, at an inventory that has too little and says so.
    Refuse,
    /// Letting go.
    Release,
    /// Making it a commitment.
    Confirm,
    /// Holding longer.
    Extend,
    /// Finding out what an unanswered reserve did, by the loop; the inventory did place the hold.
    Reconcile,
    /// The same, but the inventory did not.
    ReconcileAbsent,
    /// Finding out because the process asks.
    Ask,
    /// Telling the world what became true: the first hold of an order step, and a broker that hears of it.
    Publish,
}

/// What a repeated create does at the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Inventory {
    /// It holds twice; what became of the first can be looked up by key. The daemon is told so.
    Strict,
    /// It answers the first one's result again. The daemon is told so.
    Idempotent,
}

/// What happens to the order meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Twist {
    /// Nothing.
    None,
    /// Its process is deleted as soon as the fault has struck.
    Deleted,
    /// It is cancelled by message as soon as the fault has struck.
    Cancelled,
    /// An operator starts the task anew by modification of the process while the outcome is unknown.
    Restarted,
    /// An operator presses Retry while the outcome is unknown.
    Retried,
}

/// Something that goes wrong: where, and how.
///
/// A place is a point in the daemon (`reserve.claimed`) or a message on a link (`supplier.reserve`, `engine.complete`,
/// `database.settle`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fault {
    pub(crate) place: String,
    pub(crate) act: String,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Case {
    pub(crate) operation: Operation,
    pub(crate) twist: Twist,
    pub(crate) inventory: Inventory,
    pub(crate) replicas: usize,
    pub(crate) faults: Vec<Fault>,
}

/// The three links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    Supplier,
    Engine,
    Database,
}

impl Link {
    pub(crate) const ALL: [Self; 3] = [Self::Supplier, Self::Engine, Self::Database];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Supplier => "supplier",
            Self::Engine => "engine",
            Self::Database => "database",
        }
    }
}

/// Everything that can be done at a point in the daemon, to a message and to a link. A misspelt act would pass as a fault that did
/// nothing.
const ACTS: [&str; 23] = [
    "kill",
    "freeze",
    "stall",
    "reset_before",
    "swallow_before",
    "cut_request",
    "act_late",
    "conflict",
    "kill_before",
    "freeze_before",
    "reset_after",
    "swallow_after",
    "late",
    "slow",
    "cut",
    "garbage",
    "error_500",
    "duplicate",
    "duplicate_second",
    "kill_after",
    "freeze_after",
    "refused",
    "refused_long",
];

impl Fault {
    pub(crate) fn new(place: impl Into<String>, act: &str) -> Self {
        assert!(ACTS.contains(&act), "there is no act `{act}`");
        Self { place: place.into(), act: act.to_owned() }
    }

    /// The link on which it happens; none for a point in the daemon.
    pub(crate) fn link(&self) -> Option<Link> {
        Link::ALL.into_iter().find(|link| self.place.split('.').next() == Some(link.as_str()))
    }

    /// Whether it ends the process.
    pub(crate) fn kills(&self) -> bool {
        self.act.starts_with("kill")
    }

    /// Whether it halts the process for longer than its lease.
    pub(crate) fn freezes(&self) -> bool {
        self.act.starts_with("freeze")
    }
}

impl Case {
    pub(crate) fn new(operation: Operation, inventory: Inventory, replicas: usize, faults: Vec<Fault>) -> Self {
        Self { operation, twist: Twist::None, inventory, replicas, faults }
    }

    pub(crate) fn twisted(self, twist: Twist) -> Self {
        Self { twist, ..self }
    }
}

const OPERATIONS: [(Operation, &str); 9] = [
    (Operation::Reserve, "reserve"),
    (Operation::Refuse, "refuse"),
    (Operation::Release, "release"),
    (Operation::Confirm, "confirm"),
    (Operation::Extend, "extend"),
    (Operation::Reconcile, "reconcile"),
    (Operation::ReconcileAbsent, "reconcile-absent"),
    (Operation::Ask, "ask"),
    (Operation::Publish, "publish"),
];
const TWISTS: [(Twist, &str); 5] = [
    (Twist::None, ""),
    (Twist::Deleted, "~deleted"),
    (Twist::Cancelled, "~cancelled"),
    (Twist::Restarted, "~restarted"),
    (Twist::Retried, "~retried"),
];
const INVENTORIES: [(Inventory, &str); 2] = [(Inventory::Strict, "strict"), (Inventory::Idempotent, "idempotent")];

impl Operation {
    pub(crate) fn as_str(self) -> &'static str {
        OPERATIONS.iter().find(|(operation, _)| *operation == self).unwrap().1
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let twist = TWISTS.iter().find(|(twist, _)| *twist == self.twist).unwrap().1;
        let inventory = INVENTORIES.iter().find(|(inventory, _)| *inventory == self.inventory).unwrap().1;
        write!(formatter, "{}{twist}/{inventory}/{}/", self.operation.as_str(), self.replicas)?;
        for (position, fault) in self.faults.iter().enumerate() {
            let plus = if position == 0 { "" } else { "+" };
            write!(formatter, "{plus}{}={}", fault.place, fault.act)?;
        }
        Ok(())
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no case; one is reserve/strict/2/reserve.claimed=kill+supplier.lookup=late");
        let mut parts = text.splitn(4, '/');
        let mut next = || parts.next().ok_or_else(wrong);
        let (operation, inventory, replicas, faults) = (next()?, next()?, next()?, next()?);
        let (name, twist) = operation.find('~').map_or((operation, ""), |at| operation.split_at(at));
        let fault = |text: &str| {
            let named = text.split_once('=').filter(|(_, act)| ACTS.contains(act));
            named.map(|(place, act)| Fault::new(place, act)).ok_or_else(wrong)
        };
        Ok(Self {
            operation: OPERATIONS.iter().find(|(_, word)| *word == name).ok_or_else(wrong)?.0,
            twist: TWISTS.iter().find(|(_, word)| *word == twist).ok_or_else(wrong)?.0,
            inventory: INVENTORIES.iter().find(|(_, word)| *word == inventory).ok_or_else(wrong)?.0,
            replicas: replicas.parse().map_err(|_| wrong())?,
            faults: faults.split('+').filter(|text| !text.is_empty()).map(fault).collect::<Result<_, _>>()?,
        })
    }
}
