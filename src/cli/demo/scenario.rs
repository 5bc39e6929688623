//! What a scenario is made of: an order, what befalls it, what the demo does about it, and what must be true at the end.

use std::time::Duration;

use crate::cli::demo::settings::Source;
use crate::domain::ReservationStatus;
use crate::simulator::{Fault, FaultScope};

/// One kind of order.
#[derive(Debug)]
pub(super) struct Scenario {
    /// What the table calls it.
    pub(super) name: &'static str,
    /// The inventory that it asks.
    pub(super) source: Source,
    /// What is ordered; every scenario has a product of its own, so that none takes another's stock.
    pub(super) product: &'static str,
    /// How much there is of it.
    pub(super) on_hand: u32,
    /// How much is ordered.
    pub(super) quantity: u32,
    /// How often the order is started.
    pub(super) instances: usize,
    /// Text variables beside those that every order has.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// What goes wrong at the inventory.
    pub(super) mishap: Mishap,
    /// What order service, fulfilment, operator and clerk do, one after the other.
    pub(super) steps: &'static [Step],
    /// What must be true at the end.
    pub(super) expect: Expect,
}

/// What goes wrong at the inventory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mishap {
    /// Nothing.
    None,
    /// It acts on one request of this kind, and its answer is lost.
    AnswerLost(FaultScope),
    /// It acts on one request of this kind at once, and answers so much later.
    AnswerLate(FaultScope, Duration),
    /// It refuses connections when the order starts, until it is brought back.
    Down,
}

/// What somebody does while the order is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Fulfilment reports each instance done, as soon as it waits for that.
    Fulfil,
    /// The same, but only after a hold was lost and another attempt has one.
    FulfilAfterLoss,
    /// The order service cancels, as soon as the stock is reserved.
    Cancel,
    /// Somebody else takes stock while the answer to the check is under way; so much is left.
    TakeStock(u32),
    /// The inventory accepts connections again, once so many attempts have failed.
    BringBack(usize),
    /// An operator corrects the quantity of an order in an incident, and retries.
    CorrectQuantity(u32),
    /// A clerk looks in the inventory and decides through the form.
    Decide,
}

/// What must be true at the end.
#[derive(Debug)]
pub(super) struct Expect {
    /// Where every instance ended.
    pub(super) end: End,
    /// What the database has, oldest attempt first.
    pub(super) here: Here,
    /// The incident that was raised, and what became of it.
    pub(super) incident: Option<(&'static str, IncidentEnd)>,
    /// At least so many attempts failed and were repeated.
    pub(super) retried: usize,
    /// Less was held than was asked for.
    pub(super) partial: bool,
    /// A human decided.
    pub(super) decided: bool,
}

/// Where an instance ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At this end event of `order-fulfilment`.
    At(&'static str),
    /// It does not end: it waits for fulfilment.
    Waits,
}

/// What the database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    /// No reservation.
    Nothing,
    /// One, in this state.
    One(ReservationStatus),
    /// At least one whose hold expired, and then one in this state.
    AfterExpiry(ReservationStatus),
}

/// How an incident comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IncidentEnd {
    /// The daemon found out and completed the task.
    ByDaemon,
    /// Somebody retried, and the task went through.
    ByRetry,
    /// The process moved on by its timer and took the task away.
    MovedOn,
}

impl Mishap {
    /// The fault to arm, if it is one.
    pub(super) fn fault(self) -> Option<(FaultScope, Fault)> {
        match self {
            Self::None | Self::Down => None,
            Self::AnswerLost(scope) => Some((scope, Fault::SwallowAnswer)),
            Self::AnswerLate(scope, delay) => Some((scope, Fault::Slow { delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) })),
        }
    }
}

impl Expect {
    /// An order that ends here, without incident, retry or decision.
    pub(super) const fn quiet(end: End, here: Here) -> Self {
        Self { end, here, incident: None, retried: 0, partial: false, decided: false }
    }
}
