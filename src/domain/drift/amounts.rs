//! How much is held, and until when: what the inventory lists against what the row says.

use std::collections::BTreeMap;

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
    let by_product = hold.lines.iter().any(|line| matches!(line.name, LineName::Product(_)));
    // What each name stands for: by the product alone, lines of the same product cannot be told apart.
    let mut believed: BTreeMap<String, (&str, Decimal)> = BTreeMap::new();
    for record in &row.lines {
        let product = record.line.product_offering.as_str();
        let name = if by_product { product.to_owned() } else { record.line.order_line.to_string() };
        believed.entry(name).or_insert((product, Decimal::ZERO)).1 += believed_of(record);
    }
    let mut held: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in &hold.lines {
        let name = match &line.name {
            LineName::Id(id) => id.to_ascii_lowercase(),
            LineName::Product(product) => product.clone(),
        };
        *held.entry(name).or_default() += line.reserved;
    }
    let mut differences = Vec::new();
    for (name, (product, believed)) in &believed {
        let held = held.remove(name).unwrap_or_default();
        if held != *believed {
            differences.push(format!("{} x {product} instead of {}", held.normalize(), believed.normalize()));
        }
    }
    for (name, held) in held.into_iter().filter(|(_, held)| !held.is_zero()) {
        differences.push(format!("{} of `{name}`, which is no line of this order", held.normalize()));
    }
    (!differences.is_empty()).then(|| format!("the inventory holds {}", differences.join(", ")))
}

fn believed_of(record: &LineRecord) -> Decimal {
    record.reserved.unwrap_or_else(|| record.line.quantity.decimal())
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
