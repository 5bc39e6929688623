//! The six questions that a reconciliation answers, answered from the row: what is known of a hold, and what is not.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::{Reservation, ReservationStatus as Status};

/// Yes, no, or not known; with what makes it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It is so.
    Yes(String),
    /// It is not so.
    No(String),
    /// Nobody can say yet.
    NotKnown(String),
}

impl Known {
    /// `yes`, `no` or `not known`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Yes(_) => "yes",
            Self::No(_) => "no",
            Self::NotKnown(_) => "not known",
        }
    }

    /// What makes it so.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Yes(why) | Self::No(why) | Self::NotKnown(why) => why,
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word(), self.why())
    }
}

/// The questions in their order, each with its short name and its answer.
#[must_use]
pub fn six_answers(row: &Reservation) -> [(&'static str, &'static str, Known); 6] {
    [
        ("created", "Did the inventory create the hold?", created(row)),
        ("active", "Is it still active?", active(row)),
        ("expired", "Did it expire?", expired(row)),
        ("released", "Was it released?", released(row)),
        ("matches", "Does the inventory's state match ours?", matches(row)),
        ("human", "Is a human needed?", human(row)),
    ]
}

const OPEN: &str = "the outcome of a call is open";

fn created(row: &Reservation) -> Known {
    match (row.reserved_at, &row.rejection, row.status) {
        (Some(at), ..) => Known::Yes(format!("the inventory said so, as of {}", time(at))),
        (None, _, Status::Unknown) => Known::NotKnown("a create was sent, and nobody knows what it did".to_owned()),
        (None, _, _) if row.reference.is_some() => Known::Yes("it was found at the inventory".to_owned()),
        (None, Some(rejection), Status::Rejected) => Known::No(format!("it refused with {}", rejection.code)),
        _ => Known::No("nothing that was sent has made one".to_owned()),
    }
}

fn active(row: &Reservation) -> Known {
    match row.status {
        Status::Unknown | Status::ReleaseUnknown => Known::NotKnown(OPEN.to_owned()),
        Status::Reserved | Status::Confirmed if row.absent_looks > 0 => {
            Known::NotKnown(format!("the last {} look(s) did not show it", row.absent_looks))
        }
        Status::Confirmed => Known::Yes("it is a commitment".to_owned()),
        Status::Reserved => Known::Yes(match row.ruling_expiry() {
            Some(at) => format!("until {}", time(at)),
            None => "without an end".to_owned(),
        }),
        Status::ReleaseRequested => Known::Yes("it is to go, and the inventory has not said that it is gone".to_owned()),
        Status::Requested | Status::Rejected | Status::Released | Status::Expired => {
            Known::No(format!("the reservation is {}", row.status))
        }
    }
}

fn expired(row: &Reservation) -> Known {
    match row.status {
        Status::Expired => Known::Yes(row.expires_at.map_or_else(|| "the inventory said so".to_owned(), |at| format!("at {}", time(at)))),
        Status::Unknown | Status::ReleaseUnknown => Known::NotKnown(OPEN.to_owned()),
        _ => Known::No(format!("the reservation is {}", row.status)),
    }
}

fn released(row: &Reservation) -> Known {
    match row.status {
        Status::Released if row.reserved_at.is_none() => Known::No("there was nothing to release".to_owned()),
        Status::Released => Known::Yes(row.released_at.map_or_else(|| "it is gone".to_owned(), |at| format!("at {}", time(at)))),
        Status::ReleaseUnknown => Known::NotKnown("a release was sent, and nobody knows what it did".to_owned()),
        Status::Unknown if row.release_wanted => Known::NotKnown("it is to be released, should there be one".to_owned()),
        Status::ReleaseRequested => Known::No("it is to be".to_owned()),
        _ => Known::No(format!("the reservation is {}", row.status)),
    }
}

fn matches(row: &Reservation) -> Known {
    if row.is_open() {
        Known::NotKnown(OPEN.to_owned())
    } else if row.absent_looks > 0 {
        Known::NotKnown(format!("ours says {}, and the last {} look(s) showed nothing", row.status, row.absent_looks))
    } else if row.open_call.is_some() {
        Known::NotKnown("a call is under way".to_owned())
    } else if row.status.is_end() && row.release_wanted {
        Known::No("a hold stands beyond the end of its reservation, and is being let go".to_owned())
    } else {
        Known::Yes(format!("by the last answer, it is {}", row.status))
    }
}

fn human(row: &Reservation) -> Known {
    match row.manual_since {
        Some(at) => Known::Yes(format!("since {}", time(at))),
        None if row.is_open() => Known::No("the inventory is asked again by itself".to_owned()),
        None => Known::No("nothing is open".to_owned()),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::{every_row, start};

    fn words(row: &Reservation) -> [&'static str; 6] {
        six_answers(row).map(|(_, _, known)| known.word())
    }

    #[test]
    fn what_is_open_is_never_answered_and_what_is_settled_always_is() {
        for row in every_row() {
            let [created, active, expired, released, matches, _] = words(&row);
            match row.status {
                Status::Unknown if row.reserved_at.is_none() => {
                    assert_eq!([created, active, expired, matches], ["not known"; 4], "{row:?}");
                    assert_ne!(released, "yes");
                }
                Status::ReleaseUnknown => assert_eq!([active, expired, released, matches], ["not known"; 4], "{row:?}"),
                _ if row.pending.is_none() => {
                    assert!(![created, active, expired, released, matches].contains(&"not known"), "{row:?}");
                }
                _ => assert_eq!(matches, "not known", "{row:?}"),
            }
        }
    }

    #[test]
    fn each_end_says_yes_to_what_ended_it_and_to_nothing_else() {
        let of = |status| every_row().into_iter().find(|row| row.status == status && !row.release_wanted).unwrap();
        let placed = |status| Reservation { reserved_at: Some(start()), ..of(status) };
        assert_eq!(words(&of(Status::Rejected)), ["no", "no", "no", "no", "yes", "no"]);
        assert_eq!(words(&placed(Status::Released)), ["yes", "no", "no", "yes", "yes", "no"]);
        assert_eq!(words(&placed(Status::Expired)), ["yes", "no", "yes", "no", "yes", "no"]);
        assert_eq!(words(&of(Status::Reserved)), ["yes", "yes", "no", "no", "yes", "no"]);
        assert_eq!(words(&of(Status::Released)), ["no", "no", "no", "no", "yes", "no"]);
    }

    #[test]
    fn a_hold_that_was_missed_is_not_called_active_and_a_human_is_named_where_one_is_needed() {
        let row = every_row().into_iter().find(|row| row.status == Status::Confirmed && row.pending.is_none()).unwrap();
        let missed = Reservation { absent_looks: 2, manual_since: Some(start()), ..row };
        assert_eq!(words(&missed), ["yes", "not known", "no", "no", "not known", "yes"]);
    }
}
