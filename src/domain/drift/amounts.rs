//! How much is held, and until when: what the inventory lists against what the row says.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::domain::{HoldState, LineName, LineRecord, ListedHold, Reservation, ReservationStatus as Status};

/// Inventories cut their times to the second.
const CUT: TimeDelta = TimeDelta::seconds(1);

/// Which quantities differ, in words; nothing if none does, or if the list does not say.
pub(super) fn quantities(row: &Reservation, hold: &ListedHold) -> Option<String> {
    if hold.lines.is_empty() || row.lines.is_empty() {
        return None;
    }
    let mut seen = vec![false; hold.lines.len()];
    let mut differences = Vec::new();
    for record in &row.lines {
        let mut held = Decimal::ZERO;
        for (line, seen) in hold.lines.iter().zip(&mut seen) {
            if is_named(record, &line.name, row) {
                held += line.reserved;
                *seen = true;
            }
        }
        let believed = record.reserved.unwrap_or_else(|| record.line.quantity.decimal());
        if held != believed {
            differences.push(format!("{} x {} instead of {}", held.normalize(), record.line.product_offering, believed.normalize()));
        }
    }
    for (line, _) in hold.lines.iter().zip(seen).filter(|(line, seen)| !seen && !line.reserved.is_zero()) {
        let (LineName::Id(name) | LineName::Product(name)) = &line.name;
        differences.push(format!("{} of `{name}`, which is no line of this order", line.reserved.normalize()));
    }
    (!differences.is_empty()).then(|| format!("the inventory holds {}", differences.join(", ")))
}

/// By the product alone, lines of the same product cannot be told apart: the first one stands for all of them.
fn is_named(record: &LineRecord, name: &LineName, row: &Reservation) -> bool {
    match name {
        LineName::Id(id) => id.eq_ignore_ascii_case(&record.line.order_line.to_string()),
        LineName::Product(product) => {
            let first = row.lines.iter().find(|other| other.line.product_offering == *product);
            first.is_some_and(|first| first.line.order_line == record.line.order_line)
        }
    }
}

/// How the end of a hold differs, in words.
pub(super) fn expiry(row: &Reservation, hold: &ListedHold, confirms: bool) -> Option<String> {
    let until = |at: Option<DateTime<Utc>>| {
        at.map_or_else(|| "for good".to_owned(), |at| format!("until {}", at.to_rfc3339_opts(SecondsFormat::Secs, true)))
    };
    match (row.status, hold.state) {
        (Status::Reserved, HoldState::Confirmed) => {
            Some("the inventory calls it confirmed: it no longer runs out, and nobody here confirmed it".to_owned())
        }
        // Where nothing is ever confirmed by a call, a commitment looks like a hold.
        (Status::Confirmed, HoldState::Held) if confirms => {
            Some(format!("it is confirmed here, yet the inventory only holds it, {}", until(hold.expires_at)))
        }
        (Status::Reserved, HoldState::Held) => {
            let (ours, theirs) = (row.expires_at, hold.expires_at?);
            let apart = ours.is_none_or(|ours| (ours - theirs).abs() > CUT);
            apart.then(|| format!("the inventory holds {} instead of {}", until(Some(theirs)), until(ours)))
        }
        _ => None,
    }
}
