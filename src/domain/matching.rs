//! Finds a reservation's hold in the list of all active holds, for inventories that can be asked in no other way.
//!
//! What is adopted is confirmed, extended and released as our own, so that likeness is not enough: exactly one hold must agree in
//! everything that the list says, and nobody else may have a claim on it. And what may be ours must not be overlooked: as long as one
//! such hold is listed, nothing counts as absent, or the create would be sent again beside it.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::domain::{ExternalReference, Hold, HoldLine, HoldState, LineName, ListedHold, OrderLineId, Reservation};

/// How far the inventory's clock may be from ours: a hold placed further outside of our window is not taken for ours.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(2);

/// What a whole list of active holds says of one reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// This is its hold.
    One(Hold),
    /// None of them can be its hold.
    Absent,
    /// Not to be said now; looking again may tell.
    NotYet(String),
    /// Not to be said by a machine; why.
    Unclear(String),
}

/// The holds of a list that may be a reservation's own, as far as the list alone tells.
#[derive(Debug, Clone)]
pub struct Candidates<'a> {
    row: &'a Reservation,
    exact: Vec<&'a ListedHold>,
    possible: Vec<(&'a ListedHold, &'static str)>,
}

/// How like a listed hold is to what a reservation asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// It agrees in everything that the list says.
    Exact,
    /// It may be the reservation's hold; what speaks against it.
    Possible(&'static str),
    /// It is another's.
    Other,
}

impl<'a> Candidates<'a> {
    /// Looks through a list that is whole. `linger` is how long a request may still act after it was sent.
    #[must_use]
    pub fn among(row: &'a Reservation, holds: &'a [ListedHold], linger: TimeDelta) -> Self {
        let (mut exact, mut possible) = (Vec::new(), Vec::new());
        for hold in holds {
            match likeness(row, hold, linger) {
                Likeness::Exact => exact.push(hold),
                Likeness::Possible(why) => possible.push((hold, why)),
                Likeness::Other => {}
            }
        }
        Self { row, exact, possible }
    }

    /// What the inventory calls them.
    #[must_use]
    pub fn references(&self) -> Vec<ExternalReference> {
        let all = self.exact.iter().chain(self.possible.iter().map(|(hold, _)| hold));
        all.map(|hold| hold.reference.clone()).collect()
    }

    /// Decides, once it is known which of them other reservations have (`taken`), which reservations of the same order do not know
    /// their hold either (`rivals`), both read after the list, and how many entries of the list could not be read.
    #[must_use]
    pub fn decide(mut self, taken: &HashSet<ExternalReference>, rivals: &[Reservation], unreadable: usize, linger: TimeDelta) -> Match {
        self.exact.retain(|hold| !taken.contains(&hold.reference));
        self.possible.retain(|(hold, _)| !taken.contains(&hold.reference));
        if unreadable > 0 {
            return Match::Unclear(format!("{unreadable} entries of the list cannot be read, and one of them may be this hold"));
        }
        match (self.exact.as_slice(), self.possible.as_slice()) {
            ([], []) => Match::Absent,
            ([], [(hold, why), ..]) => Match::Unclear(format!("{} may be this hold: {why}", hold.reference.as_str())),
            ([hold], []) => match rivals.iter().find(|rival| likeness(rival, hold, linger) != Likeness::Other) {
                None => Match::One(as_hold(self.row, hold)),
                Some(rival) if rival.open_call.is_some() => {
                    Match::NotYet(format!("{} may belong to reservation {}, which is being worked on", hold.reference.as_str(), rival.id))
                }
                Some(rival) => Match::Unclear(format!(
                    "{} may as well belong to reservation {}, whose outcome is not known either",
                    hold.reference.as_str(),
                    rival.id
                )),
            },
            (exact, possible) => {
                let all = exact.iter().chain(possible.iter().map(|(hold, _)| hold)).map(|hold| hold.reference.as_str());
                Match::Unclear(format!("{} holds may be this one: {}", exact.len() + possible.len(), all.collect::<Vec<_>>().join(", ")))
            }
        }
    }
}

fn likeness(row: &Reservation, hold: &ListedHold, linger: TimeDelta) -> Likeness {
    if let Some(reference) = &row.reference {
        return if *reference == hold.reference { Likeness::Exact } else { Likeness::Other };
    }
    if let Some(key) = &hold.key {
        let ours = *key == row.key.as_str() || key.eq_ignore_ascii_case(&row.key.as_uuid(row.tenant, &row.source).to_string());
        return if ours { Likeness::Exact } else { Likeness::Other };
    }
    let same_party = match (&row.customer, &hold.customer) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    };
    let lines = same_lines(row, hold);
    match &hold.order {
        Some(order) if !order.eq_ignore_ascii_case(&row.order.to_string()) => Likeness::Other,
        Some(_) if !same_party => Likeness::Possible("it is for this order, but for another customer"),
        Some(_) if lines == Some(false) => Likeness::Possible("it is for this order, but it holds something else"),
        Some(_) if lines.is_none() => Likeness::Possible("it is for this order, but the list does not say what it holds"),
        Some(_) if hold.state == HoldState::Confirmed && row.confirmed_at.is_none() => {
            Likeness::Possible("it is for this order, but confirmed already, which nobody here asked for")
        }
        Some(_) if !in_window(row, hold, linger) => Likeness::Possible("it is for this order, but was not placed when we asked"),
        Some(_) => Likeness::Exact,
        None if !same_party || lines == Some(false) && !shares_a_product(row, hold) => Likeness::Other,
        None => Likeness::Possible("the list does not say for which order it is"),
    }
}

/// Placed after the reservation was made, and not later than its last create could still act. If the list does not say when a hold was
/// placed, time does not rule it out.
fn in_window(row: &Reservation, hold: &ListedHold, linger: TimeDelta) -> bool {
    let Some(placed) = hold.created_at else { return true };
    let last = row.last_effect_at.unwrap_or(row.requested_at);
    (row.requested_at - CLOCKS_APART..=last + linger + CLOCKS_APART).contains(&placed)
}

/// Whether it holds exactly what was asked for; nothing where the list does not say what it holds.
fn same_lines(row: &Reservation, hold: &ListedHold) -> Option<bool> {
    if hold.lines.is_empty() {
        return None;
    }
    let by_product = hold.lines.iter().any(|line| matches!(line.name, LineName::Product(_)));
    let mut asked: BTreeMap<String, Decimal> = BTreeMap::new();
    for record in &row.lines {
        let name = if by_product { record.line.product_offering.clone() } else { record.line.order_line.to_string() };
        *asked.entry(name).or_default() += record.line.quantity.decimal();
    }
    let mut held: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in &hold.lines {
        *held.entry(name_of(&line.name)).or_default() += line.reserved;
    }
    Some(asked == held)
}

fn shares_a_product(row: &Reservation, hold: &ListedHold) -> bool {
    let asked =
        |name: &str| row.lines.iter().any(|record| record.line.product_offering == name || record.line.order_line.to_string() == name);
    hold.lines.iter().any(|line| asked(&name_of(&line.name)))
}

fn name_of(name: &LineName) -> String {
    match name {
        LineName::Id(id) => id.to_ascii_lowercase(),
        LineName::Product(product) => product.clone(),
    }
}

/// The listed hold in the words of an answer about this reservation. Lines that cannot be told apart are left out, unless all is held.
fn as_hold(row: &Reservation, hold: &ListedHold) -> Hold {
    let lines = if same_lines(row, hold) == Some(true) {
        row.lines.iter().map(|record| HoldLine { order_line: record.line.order_line, reserved: record.line.quantity.decimal() }).collect()
    } else {
        hold.lines.iter().filter_map(|line| Some(HoldLine { order_line: line_of(row, &line.name)?, reserved: line.reserved })).collect()
    };
    Hold { reference: Some(hold.reference.clone()), state: hold.state, expires_at: hold.expires_at, lines }
}

fn line_of(row: &Reservation, name: &LineName) -> Option<OrderLineId> {
    let named = |record: &&crate::domain::LineRecord| match name {
        LineName::Id(id) => record.line.order_line.to_string() == id.to_ascii_lowercase(),
        LineName::Product(product) => record.line.product_offering == *product,
    };
    let mut found = row.lines.iter().filter(named);
    let first = found.next()?;
    found.next().is_none().then_some(first.line.order_line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::{call, start, wish};
    use crate::domain::{Call, ListedLine, Operation, ReservationId, ReservationStatus as Status};

    const LINGER: TimeDelta = TimeDelta::seconds(30);

    /// A wish for ten phones, sent ten seconds after it was put on record, whose outcome is not known.
    fn row() -> Reservation {
        Reservation {
            status: Status::Unknown,
            last_effect_at: Some(start() + TimeDelta::seconds(10)),
            customer: Some("C-1".into()),
            ..wish()
        }
    }

    /// The hold that it made, as a list without keys has it.
    fn hold() -> ListedHold {
        ListedHold {
            reference: ExternalReference::parse("H-1").unwrap(),
            key: None,
            order: Some(row().order.to_string().to_uppercase()),
            customer: Some("C-1".into()),
            state: HoldState::Held,
            expires_at: Some(start() + TimeDelta::hours(1)),
            created_at: Some(start() + TimeDelta::seconds(11)),
            lines: vec![ListedLine { name: LineName::Product("PHONE".into()), reserved: Decimal::TEN }],
        }
    }

    fn other() -> ListedHold {
        ListedHold { reference: ExternalReference::parse("H-2").unwrap(), ..hold() }
    }

    fn found(holds: &[ListedHold], taken: &[&str], rivals: &[Reservation]) -> Match {
        let taken = taken.iter().map(|text| ExternalReference::parse(text).unwrap()).collect();
        let row = row();
        Candidates::among(&row, holds, LINGER).decide(&taken, rivals, 0, LINGER)
    }

    fn is_unclear(found: &Match, why: &str) -> bool {
        matches!(found, Match::Unclear(text) if text.contains(why))
    }

    #[test]
    fn the_one_hold_that_agrees_in_everything_is_adopted_with_all_its_lines() {
        let Match::One(adopted) = found(&[hold()], &[], &[]) else { panic!("not adopted") };
        assert_eq!((adopted.reference, adopted.state), (Some(hold().reference), HoldState::Held));
        assert_eq!(adopted.lines, [HoldLine { order_line: row().lines[0].line.order_line, reserved: Decimal::TEN }]);
        assert_eq!(adopted.expires_at, hold().expires_at);
    }

    #[test]
    fn what_the_list_does_not_say_of_party_and_window_does_not_count_against_a_hold() {
        let silent = ListedHold { customer: None, created_at: None, ..hold() };
        assert!(matches!(found(&[silent], &[], &[]), Match::One(_)));
        let by_id = LineName::Id(row().lines[0].line.order_line.to_string().to_uppercase());
        let by_id = ListedHold { lines: vec![ListedLine { name: by_id, reserved: Decimal::TEN }], ..hold() };
        assert!(matches!(found(&[by_id], &[], &[]), Match::One(_)));
    }

    #[test]
    fn a_hold_of_another_order_or_under_another_key_is_no_candidate() {
        let elsewhere = ListedHold { order: Some("A-17".into()), ..hold() };
        let keyed = ListedHold { key: Some("A-17".into()), ..hold() };
        assert_eq!(found(&[elsewhere, keyed], &[], &[]), Match::Absent);
        let ours = ListedHold { key: Some(row().key.as_str().to_owned()), order: None, lines: Vec::new(), ..hold() };
        assert!(matches!(found(&[ours], &[], &[]), Match::One(_)));
    }

    #[test]
    fn two_candidates_are_for_a_human_whichever_of_them_is_more_alike() {
        assert!(is_unclear(&found(&[hold(), other()], &[], &[]), "2 holds may be this one: H-1, H-2"));
        let less = ListedHold { lines: vec![ListedLine { name: LineName::Product("PHONE".into()), reserved: Decimal::ONE }], ..other() };
        assert!(is_unclear(&found(&[hold(), less.clone()], &[], &[]), "2 holds"));
        assert!(is_unclear(&found(&[less], &[], &[]), "it holds something else"));
    }

    #[test]
    fn whatever_may_be_ours_is_neither_adopted_nor_passed_over() {
        for (doubtful, why) in [
            (ListedHold { customer: Some("C-2".into()), ..hold() }, "another customer"),
            (ListedHold { lines: Vec::new(), ..hold() }, "does not say what it holds"),
            (ListedHold { state: HoldState::Confirmed, ..hold() }, "confirmed already"),
            (ListedHold { created_at: Some(start() - TimeDelta::minutes(3)), ..hold() }, "not placed when we asked"),
            (ListedHold { created_at: Some(start() + TimeDelta::minutes(4)), ..hold() }, "not placed when we asked"),
            (ListedHold { order: None, ..hold() }, "does not say for which order"),
        ] {
            assert!(is_unclear(&found(&[doubtful], &[], &[]), why), "{why}");
        }
        let strangers = ListedHold { order: None, customer: Some("C-2".into()), ..hold() };
        assert_eq!(found(&[strangers], &[], &[]), Match::Absent);
    }

    #[test]
    fn a_hold_that_another_reservation_knows_is_never_adopted() {
        assert_eq!(found(&[hold()], &["H-1"], &[]), Match::Absent);
        let Match::One(adopted) = found(&[hold(), other()], &["H-1"], &[]) else { panic!("the other one is ours") };
        assert_eq!(adopted.reference, Some(other().reference));
    }

    #[test]
    fn a_hold_that_another_open_reservation_may_have_made_is_not_adopted_either() {
        let rival = Reservation { id: ReservationId(uuid::Uuid::from_u128(77)), ..row() };
        assert!(is_unclear(&found(&[hold()], &[], std::slice::from_ref(&rival)), "may as well belong to reservation"));
        let open = Call { id: call(), operation: Operation::Reserve, started_at: start(), class: None };
        let at_work = Reservation { status: Status::Requested, open_call: Some(open), ..rival.clone() };
        assert!(matches!(found(&[hold()], &[], &[at_work]), Match::NotYet(_)));
        let mut of_other_things = rival;
        of_other_things.lines[0].line.product_offering = "ROUTER".into();
        // It asked for something else, but less or more of it may be held than was asked for: nobody can be sure.
        assert!(is_unclear(&found(&[hold()], &[], &[of_other_things]), "may as well belong"));
    }

    #[test]
    fn an_entry_that_cannot_be_read_may_be_ours() {
        let row = row();
        let holds = [hold()];
        let decided = Candidates::among(&row, &holds, LINGER).decide(&HashSet::new(), &[], 1, LINGER);
        assert!(is_unclear(&decided, "1 entries of the list cannot be read"));
    }

    #[test]
    fn a_hold_whose_reference_is_known_is_found_by_it_alone() {
        let row = Reservation { reference: Some(other().reference), ..row() };
        let less = ListedHold { lines: vec![ListedLine { name: LineName::Product("PHONE".into()), reserved: Decimal::ONE }], ..other() };
        let holds = [hold(), less];
        let Match::One(adopted) = Candidates::among(&row, &holds, LINGER).decide(&HashSet::new(), &[], 0, LINGER) else {
            panic!("no hold")
        };
        assert_eq!(adopted.lines[0].reserved, Decimal::ONE, "what is held is told as it is");
        assert_eq!(Candidates::among(&row, &holds[..1], LINGER).decide(&HashSet::new(), &[], 0, LINGER), Match::Absent);
    }
}
