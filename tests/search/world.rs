//! One order step, everybody who may touch it and its inventory, cut down until every state of it can be visited.
//!
//! Time passes in ticks. A tick is as long as a request may linger, so that a tick passes only when none is under way; this is the one
//! thing that is assumed of an inventory.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::domain::{
    AttemptGroup, Call, CallId, ExternalReference, HoldState, Operation, OrderId, OrderLine, OrderLineId, PendingOperation, Quantity,
    Rejection, Reservation, ReservationId, ReservationStatus as Status, ReservationStep, ReserveRequest, SourceName, TenantId,
};
use uuid::Uuid;

/// The length of a tick.
pub(crate) const TICK: TimeDelta = TimeDelta::seconds(10);
/// How many ticks a hold lasts.
pub(crate) const HOLD_TICKS: u8 = 2;
/// The actor that is the reconciler; the ones before it are workers.
pub(crate) const RECONCILER: usize = 2;

/// Everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: u8,
    pub(crate) row: Option<Row>,
    pub(crate) due: Due,
    /// Whose claim the row is under, and whether that session's lease is good.
    pub(crate) claim: Option<(usize, bool)>,
    pub(crate) actors: [Actor; 3],
    /// What is under way to the inventory.
    pub(crate) requests: Vec<Request>,
    pub(crate) inventory: Inventory,
    pub(crate) order: Order,
    pub(crate) left: Left,
    /// A promise that an act has broken.
    pub(crate) broken: Option<&'static str>,
}

/// How much may still go wrong or be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    /// Lost answers, crashes, lost leases, locks that run out, connections that are refused.
    pub(crate) faults: u8,
    /// Refused creates.
    pub(crate) refusals: u8,
    /// Orders that end before their time: cancelled by the model, or deleted.
    pub(crate) ends: u8,
    /// Presses of Cockpit's button.
    pub(crate) retries: u8,
    /// A human's decisions.
    pub(crate) decisions: u8,
    pub(crate) ticks: u8,
}

/// What of a reservation's row can change, and matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) status: Status,
    pub(crate) reference: Option<u8>,
    pub(crate) expires: Option<u8>,
    pub(crate) confirming: bool,
    pub(crate) release_wanted: bool,
    pub(crate) absent_looks: u8,
    pub(crate) last_effect: Option<u8>,
    /// The open call, and when it was begun.
    pub(crate) open: Option<(Operation, u8)>,
    pub(crate) human: bool,
}

/// When the reconciler is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Due {
    Never,
    Soon,
    /// When the hold should have run out.
    AtExpiry,
}

/// A worker or the reconciler, each with a session of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Actor {
    /// It was halted for longer than its lease, and goes on without knowing.
    pub(crate) fenced: bool,
    pub(crate) doing: Doing,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Doing {
    Nothing,
    /// Has an errand, and claims next.
    Wants(Errand),
    /// The call is on record, the request has not left.
    Claimed(Errand, Row, Operation),
    /// The request has left.
    Waits(Errand, Row, Operation),
    /// Has heard something, and settles next.
    Heard(Errand, Row, Operation, Answer),
    /// Knows what to tell the engine.
    Tells(Exit),
}

/// A goal, and whether a task of the engine waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Errand {
    pub(crate) wish: Wish,
    pub(crate) for_task: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wish {
    Reserve,
    Confirm,
    Release,
    Resolve,
    SayHeld(u8),
    SayNotHeld,
    GiveUp,
}

/// What an actor hears of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Hold(u8, HoldState, u8),
    Absent,
    Refused(Option<HoldState>),
    NotSent,
    Unknown,
}

/// What the engine hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exit {
    /// Done; the row said this.
    Complete(Status),
    /// A path of the model for this state of the row.
    Error(Status),
    /// The hold is as it was, and what was asked for was refused.
    Refused,
    /// Nobody knows.
    Incident,
    /// Nothing was sent.
    Again,
}

/// A request on its way to the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) reference: Option<u8>,
    /// Who waits for the answer, if anybody still does.
    pub(crate) asker: Option<usize>,
}

/// What the inventory has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Inventory {
    /// A hold's reference is its place.
    pub(crate) holds: Vec<Hold>,
    /// It has refused a create.
    pub(crate) refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Hold {
    pub(crate) state: HoldState,
    pub(crate) until: u8,
    pub(crate) ever_confirmed: bool,
}

/// The order's process in the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub(crate) at: At,
    pub(crate) task: Task,
    /// The database remembers a task that waits in an incident.
    pub(crate) waiting: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Reserve,
    Confirm,
    Release,
    Confirmed,
    Rejected,
    Lost,
    Cancelled,
    /// Deleted by an administrator.
    Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    None,
    Ready,
    Locked(usize),
    Incident,
}

impl World {
    pub(crate) fn begin(left: Left) -> Self {
        let idle = Actor { fenced: false, doing: Doing::Nothing };
        Self {
            now: 0,
            row: None,
            due: Due::Never,
            claim: None,
            actors: [idle.clone(), idle.clone(), idle],
            requests: Vec::new(),
            inventory: Inventory::default(),
            order: Order { at: At::Reserve, task: Task::Ready, waiting: false },
            left,
            broken: None,
        }
    }

    /// The first promise to be broken is the one that is told.
    pub(crate) fn breaks(&mut self, promise: &'static str) {
        self.broken = self.broken.or(Some(promise));
    }

    /// Nothing happens any more but time and people.
    pub(crate) fn is_at_rest(&self) -> bool {
        let idle = self.actors.iter().all(|actor| actor.doing == Doing::Nothing);
        let waits_for_expiry = self.due == Due::AtExpiry && self.order.at != At::Deleted;
        let quiet = self.due == Due::Never || waits_for_expiry;
        let tasks = matches!(self.order.task, Task::None | Task::Incident) && !self.order.waiting;
        idle && quiet && tasks && self.requests.is_empty()
    }
}

impl Inventory {
    pub(crate) fn active(&self) -> usize {
        self.holds.iter().filter(|hold| hold.is_active()).count()
    }
}

impl Hold {
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, HoldState::Held | HoldState::Confirmed)
    }
}

/// The instant of a tick.
pub(crate) fn at(tick: u8) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TICK * i32::from(tick)
}

fn tick(at: DateTime<Utc>) -> u8 {
    let since = at - self::at(0);
    u8::try_from(since.num_seconds() / TICK.num_seconds()).unwrap()
}

/// What the inventory calls its holds.
pub(crate) fn reference(place: u8) -> ExternalReference {
    ExternalReference::parse(&format!("HOLD-{place}")).unwrap()
}

pub(crate) fn place(reference: &ExternalReference) -> u8 {
    reference.as_str().trim_start_matches("HOLD-").parse().unwrap()
}

/// The row that the order's request makes.
static WISH: LazyLock<Reservation> = LazyLock::new(|| {
    let id = Uuid::from_u128;
    let line = OrderLine {
        order_line: OrderLineId(id(1)),
        product_offering: "PHONE".to_owned(),
        quantity: Quantity::parse("1").unwrap(),
        location: None,
    };
    let request = ReserveRequest {
        tenant: TenantId(id(2)),
        source: SourceName::parse("main").unwrap(),
        order: OrderId(id(3)),
        step: ReservationStep::parse("reserve").unwrap(),
        group: AttemptGroup::FIRST,
        lines: vec![line],
        hold_for: TICK * i32::from(HOLD_TICKS),
        customer: None,
        location: None,
    };
    Reservation::requested(ReservationId(id(4)), &request, None, at(0))
});

/// The id of whichever call is open.
pub(crate) fn call() -> CallId {
    CallId(Uuid::from_u128(5))
}

impl Row {
    /// A wish for which nothing was sent.
    pub(crate) fn unsent() -> Self {
        Self::of(&WISH)
    }

    /// As the first claim writes it.
    pub(crate) fn fresh(now: u8) -> Self {
        Self { open: Some((Operation::Reserve, now)), last_effect: Some(now), ..Self::unsent() }
    }

    /// What a row of the database comes down to.
    pub(crate) fn of(row: &Reservation) -> Self {
        Self {
            status: row.status,
            reference: row.reference.as_ref().map(place),
            expires: row.expires_at.map(tick),
            confirming: row.pending == Some(PendingOperation::Confirm),
            release_wanted: row.release_wanted,
            absent_looks: u8::try_from(row.absent_looks).unwrap().min(3),
            last_effect: row.last_effect_at.map(tick),
            open: row.open_call.map(|call| (call.operation, tick(call.started_at))),
            human: row.manual_since.is_some(),
        }
    }

    /// The row of the database that comes down to this.
    pub(crate) fn full(&self) -> Reservation {
        let placed = matches!(self.status, Status::Reserved | Status::Confirmed);
        Reservation {
            status: self.status,
            reference: self.reference.map(reference),
            expires_at: self.expires.map(at),
            reserved_at: placed.then(|| at(0)),
            pending: self.confirming.then_some(PendingOperation::Confirm),
            release_wanted: self.release_wanted,
            absent_looks: i32::from(self.absent_looks),
            last_effect_at: self.last_effect.map(at),
            open_call: self.open.map(|(operation, begun)| Call { id: call(), operation, started_at: at(begun), class: None }),
            confirmed_at: (self.status == Status::Confirmed).then(|| at(0)),
            manual_since: self.human.then(|| at(0)),
            rejection: (self.status == Status::Rejected).then(|| Rejection { code: "NO".to_owned(), message: None }),
            ..WISH.clone()
        }
    }

    /// Nobody knows what became of something.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status, Status::Unknown | Status::ReleaseUnknown) || self.confirming
    }

    pub(crate) fn says_held(&self) -> bool {
        matches!(self.status, Status::Reserved | Status::Confirmed)
    }
}
