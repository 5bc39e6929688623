//! What may happen in a history.

use holdfast::simulator::Fault as Struck;
use proptest::prelude::*;

/// What kind of inventory a history is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A repeated create is answered with the first one's result; a hold is found by key.
    Idempotent,
    /// A repeated create holds twice; a hold is found by key.
    Strict,
    /// A repeated create holds twice, and nothing can be looked up: humans find out.
    Mute,
}

/// A history.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) kind: Kind,
    pub(super) commands: Vec<Command>,
}

/// One thing that happens, most of it on one of two replicas.
#[derive(Debug, Clone)]
pub(super) enum Command {
    /// Somebody wants something, and the inventory's answer meets this fate.
    Want(usize, Wish, Fate),
    /// The replica dies in the middle of it.
    DieDuring(usize, Wish, Moment),
    /// The replica dies with nothing in hand.
    Die(usize),
    /// The replica's reconciler has its turn.
    Turn(usize),
    /// The order's process is found deleted.
    OrderGone,
    /// A human finds out how things stand and says so.
    DecideTruly(usize),
    /// A human gives up.
    GiveUp(usize),
    /// The order tries again under the next attempt group.
    NextGroup,
    /// All clocks move.
    Jump(i64),
    /// The daemons' clocks fall behind the inventory's.
    FallBehind(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Reserve,
    Release,
    Confirm,
    Extend,
    Verify,
    Resolve,
}

/// What becomes of a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Clean,
    /// Nobody listens.
    Refused,
    /// It does not act, and no answer comes.
    LostBefore,
    /// It acts, and no readable answer comes.
    LostAfter(Loss),
    /// The inventory says no.
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Reset,
    Swallowed,
    Error,
    Cut,
    Garbage,
    WrongShape,
}

/// When a replica dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The inventory has acted.
    Acted,
    /// The inventory has the request, and acts after the death.
    BeforeItActs,
}

impl Fate {
    /// The simulator's word for it.
    pub(super) fn fault(self) -> Option<Struck> {
        Some(match self {
            Self::Clean | Self::Refused => return None,
            Self::LostBefore => Struck::ResetBefore,
            Self::LostAfter(Loss::Reset) => Struck::ResetAfter,
            Self::LostAfter(Loss::Swallowed) => Struck::SwallowAnswer,
            Self::LostAfter(Loss::Error) => Struck::ErrorAfter { status: 500 },
            Self::LostAfter(Loss::Cut) => Struck::CutBody,
            Self::LostAfter(Loss::Garbage) => Struck::GarbageBody,
            Self::LostAfter(Loss::WrongShape) => Struck::WrongShape { shape: holdfast::simulator::WrongShape::UnknownState },
            Self::No => Struck::Refuse { code: "OUT_OF_STOCK".to_owned(), status: 409 },
        })
    }
}

pub(super) fn histories() -> impl Strategy<Value = History> {
    let kind = prop_oneof![3 => Just(Kind::Strict), 2 => Just(Kind::Idempotent), 2 => Just(Kind::Mute)];
    (kind, proptest::collection::vec(command(), 1..16)).prop_map(|(kind, mut commands)| {
        // A history in which nothing is ever wanted shows nothing.
        commands.insert(0, Command::Want(0, Wish::Reserve, commands.first().and_then(fate_of).unwrap_or(Fate::Clean)));
        History { kind, commands }
    })
}

fn fate_of(command: &Command) -> Option<Fate> {
    match command {
        Command::Want(_, _, fate) => Some(*fate),
        _ => None,
    }
}

fn command() -> impl Strategy<Value = Command> {
    let at = 0..2usize;
    prop_oneof![
        12 => (at.clone(), wish(), fate()).prop_map(|(at, wish, fate)| Command::Want(at, wish, fate)),
        3 => (at.clone(), wish(), prop_oneof![Just(Moment::Acted), Just(Moment::BeforeItActs)])
            .prop_map(|(at, wish, moment)| Command::DieDuring(at, wish, moment)),
        1 => at.clone().prop_map(Command::Die),
        5 => at.clone().prop_map(Command::Turn),
        1 => Just(Command::OrderGone),
        2 => at.clone().prop_map(Command::DecideTruly),
        1 => at.prop_map(Command::GiveUp),
        1 => Just(Command::NextGroup),
        4 => prop_oneof![4 => Just(31), 2 => Just(5), 1 => Just(1_000), 1 => Just(4_000)].prop_map(Command::Jump),
        1 => (1..20i64).prop_map(Command::FallBehind),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        4 => Just(Wish::Reserve),
        3 => Just(Wish::Release),
        3 => Just(Wish::Confirm),
        2 => Just(Wish::Extend),
        1 => Just(Wish::Verify),
        2 => Just(Wish::Resolve),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    let loss = prop_oneof![
        3 => Just(Loss::Reset),
        1 => Just(Loss::Swallowed),
        1 => Just(Loss::Error),
        1 => Just(Loss::Cut),
        1 => Just(Loss::Garbage),
        1 => Just(Loss::WrongShape),
    ];
    prop_oneof![
        5 => Just(Fate::Clean),
        1 => Just(Fate::Refused),
        2 => Just(Fate::LostBefore),
        4 => loss.prop_map(Fate::LostAfter),
        1 => Just(Fate::No),
    ]
}
