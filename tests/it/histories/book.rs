//! The reference model: where an order step stands as far as anybody can know, and what may be said of it then.
//!
//! It knows five standings and no more. Where nothing is in doubt it says exactly what an operation comes to; where something is, the
//! only thing that may be said is the truth, or that it is not known.

use holdfast::domain::{Reservation, ReservationStatus as Status};
use holdfast::operations::Conclusion;
use holdfast::simulator::HoldState;

use super::command::{Fate, Kind, Wish};

/// Where an order step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No row.
    Nothing,
    /// A wish that nothing was sent for.
    Wished,
    Held,
    Committed,
    /// An end.
    Over(Status),
    /// Something is open, or on its way out, or the inventory knows better.
    Doubt,
}

/// What an operation may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Is(Status),
    Unknown,
    NotSent,
    NotPossible,
    NotFound,
}

impl Standing {
    /// Reads it off a row and the inventory's own books.
    pub(super) fn of(row: Option<&Reservation>, truth: Option<HoldState>) -> Self {
        let Some(row) = row else { return Self::Nothing };
        let active = matches!(truth, Some(HoldState::Held | HoldState::Confirmed));
        let quiet = !row.is_open() && row.open_call.is_none() && !row.release_wanted && row.absent_looks == 0;
        match row.status {
            Status::Requested if quiet => Self::Wished,
            Status::Reserved if quiet && truth == Some(HoldState::Held) => Self::Held,
            Status::Confirmed if quiet && truth == Some(HoldState::Confirmed) => Self::Committed,
            status if status.is_end() && quiet && !active => Self::Over(status),
            _ => Self::Doubt,
        }
    }

    /// What the reference model says that must come of this; nothing where only the truth binds.
    pub(super) fn says(self, wish: Wish, fate: Fate, kind: Kind) -> Option<Word> {
        let asked = |done: Status| {
            Some(match fate {
                Fate::Clean => Word::Is(done),
                Fate::Refused => Word::NotSent,
                Fate::LostBefore | Fate::LostAfter(_) => Word::Unknown,
                // What a refusal says of a hold is the profile's matter.
                Fate::No => return None,
            })
        };
        let looked = |stands: Status| match fate {
            _ if kind == Kind::Mute => Some(Word::Is(stands)),
            Fate::Clean => Some(Word::Is(stands)),
            Fate::Refused | Fate::LostBefore | Fate::LostAfter(_) => Some(Word::Unknown),
            Fate::No => None,
        };
        match (self, wish) {
            (Self::Nothing | Self::Wished, Wish::Reserve) => match fate {
                Fate::No => Some(Word::Is(Status::Rejected)),
                _ => asked(Status::Reserved),
            },
            // An earlier attempt group may answer, or nobody.
            (Self::Nothing, Wish::Release) => None,
            (Self::Nothing, _) => Some(Word::NotFound),
            (Self::Wished, Wish::Release) => Some(Word::Is(Status::Released)),
            (Self::Wished, Wish::Resolve) => Some(Word::Is(Status::Requested)),
            (Self::Wished, Wish::Confirm | Wish::Extend | Wish::Verify) => Some(Word::NotPossible),
            (Self::Held, Wish::Reserve) => Some(Word::Is(Status::Reserved)),
            (Self::Held, Wish::Confirm) => asked(Status::Confirmed),
            (Self::Held, Wish::Extend) => asked(Status::Reserved),
            (Self::Held | Self::Committed, Wish::Release) => asked(Status::Released),
            (Self::Held, Wish::Verify | Wish::Resolve) => looked(Status::Reserved),
            (Self::Committed, Wish::Reserve | Wish::Confirm) => Some(Word::Is(Status::Confirmed)),
            (Self::Committed, Wish::Verify | Wish::Resolve) => looked(Status::Confirmed),
            // An inventory may refuse to extend what does not run out.
            (Self::Committed, Wish::Extend) => None,
            (Self::Over(status), Wish::Reserve | Wish::Release) => Some(Word::Is(status)),
            (Self::Over(_), Wish::Confirm | Wish::Extend | Wish::Verify) => Some(Word::NotPossible),
            // A hold that may have shown up after an end is looked for.
            (Self::Over(_), Wish::Resolve) => None,
            (Self::Doubt, _) => None,
        }
    }
}

/// What was said, in the model's words; nothing for what it has no word for.
pub(super) fn word(conclusion: &Conclusion) -> Option<Word> {
    match conclusion {
        Conclusion::Settled(row) => Some(Word::Is(row.status)),
        Conclusion::Unknown(..) => Some(Word::Unknown),
        Conclusion::NotSent(..) => Some(Word::NotSent),
        Conclusion::NotPossible(..) => Some(Word::NotPossible),
        Conclusion::NotFound => Some(Word::NotFound),
        Conclusion::Refused(..) | Conclusion::Busy(_) | Conclusion::OtherRequest(_) | Conclusion::EarlierAttemptLives => None,
    }
}

/// Whether what was said can be true, whatever was in doubt before.
pub(super) fn is_true(conclusion: &Conclusion, wish: Wish, truth: Option<HoldState>, refused: bool, over: bool) -> Result<(), String> {
    let Conclusion::Settled(row) = conclusion else { return Ok(()) };
    let active = matches!(truth, Some(HoldState::Held | HoldState::Confirmed));
    let honest = match (row.status, wish) {
        // A hold that has run out since is found out when it is looked at; nothing but a look can know.
        (Status::Reserved, Wish::Verify) => truth == Some(HoldState::Held) || over,
        (Status::Reserved, _) => truth.is_some(),
        (Status::Confirmed, _) => truth == Some(HoldState::Confirmed) || over,
        (Status::Rejected, _) => refused && !active,
        (Status::Released | Status::Expired, Wish::Release) => !active,
        _ => true,
    };
    if honest { Ok(()) } else { Err(format!("it said {} for {wish:?}, the truth is {truth:?}, refused: {refused}", row.status)) }
}
