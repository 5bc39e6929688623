//! Reads an availability answer, line by line. A line that contradicts itself, or is not mentioned, is unknown.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::domain::{AvailabilityStatus, LineAvailability, Offer, OrderLine, OrderLineId};
use crate::supplier::{AvailabilityAnswer, CheckAsk};

use super::form::InstantForm;
use super::line::{LineHandle, NoLine};
use super::pointer::{Misread, Pointer, shortened};

/// Where an availability answer's parts are.
#[derive(Debug, Clone)]
pub(super) struct CheckPointers {
    pub(super) reference: Option<Pointer>,
    pub(super) lines: Pointer,
    pub(super) line: LineHandle,
    pub(super) line_available: Option<Pointer>,
    pub(super) line_state: Option<(Pointer, BTreeMap<String, AvailabilityStatus>)>,
    pub(super) line_code: Option<Pointer>,
    pub(super) line_place: Option<Pointer>,
    pub(super) line_from: Option<Pointer>,
    pub(super) line_alternate: Option<Pointer>,
}

/// What an entry says of its line.
#[derive(Debug, Default)]
struct Told {
    available: Option<Decimal>,
    stated: Option<AvailabilityStatus>,
    code: Option<String>,
    offer: Offer,
}

/// Why an answer says nothing about availability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAvailability {
    #[error(transparent)]
    Misread(#[from] Misread),
    #[error(transparent)]
    Line(#[from] NoLine),
    #[error("the state {0} is not mapped")]
    UnmappedState(String),
    #[error("the line {0} is described twice")]
    LineTwice(OrderLineId),
}

impl CheckPointers {
    /// Reads the answer to the ask.
    pub(super) fn read(&self, body: &Value, ask: &CheckAsk) -> Result<AvailabilityAnswer, NoAvailability> {
        let reference = extra(&self.reference, body, 255);
        let mut told: BTreeMap<OrderLineId, Told> = BTreeMap::new();
        for entry in self.lines.array(body)? {
            let id = self.line.find(entry, &ask.lines)?;
            let available = match &self.line_available {
                Some(pointer) if pointer.find(entry).is_some() => Some(pointer.decimal(entry)?),
                Some(_) | None => None,
            };
            let stated = match &self.line_state {
                Some((pointer, states)) => {
                    let word = pointer.text(entry)?;
                    let status = states.get(&word).copied();
                    Some(status.ok_or_else(|| NoAvailability::UnmappedState(shortened(&Value::String(word))))?)
                }
                None => None,
            };
            let said = Told { available, stated, code: extra(&self.line_code, entry, 200), offer: self.offer(entry) };
            if told.insert(id, said).is_some() {
                return Err(NoAvailability::LineTwice(id));
            }
        }
        let mut line = |asked: &OrderLine| {
            let Told { available, stated, code, offer } = told.remove(&asked.order_line).unwrap_or_default();
            let status = verdict(asked.quantity.decimal(), available, stated);
            LineAvailability { explanation: code, offer, ..LineAvailability::told(asked, available.map(bounded), status) }
        };
        Ok(AvailabilityAnswer { reference, lines: ask.lines.iter().map(&mut line).collect() })
    }
}

impl CheckPointers {
    /// What else an entry says of its line. Nothing is decided by it, so that what cannot be read counts as not said.
    fn offer(&self, entry: &Value) -> Offer {
        let from = |pointer: &Pointer| pointer.instant(entry, InstantForm::Rfc3339).ok();
        Offer {
            place: extra(&self.line_place, entry, 200),
            from: self.line_from.as_ref().and_then(from),
            alternate: extra(&self.line_alternate, entry, 200),
        }
    }
}

/// A text by which nothing is decided: what cannot be read counts as not said.
fn extra(pointer: &Option<Pointer>, entry: &Value, longest: usize) -> Option<String> {
    let text = pointer.as_ref()?.text(entry).ok()?;
    Some(text.chars().filter(|c| !c.is_control()).take(longest).collect()).filter(|text: &String| !text.is_empty())
}

/// The line's verdict. The inventory's word counts, unless its own number proves it wrong.
fn verdict(requested: Decimal, available: Option<Decimal>, stated: Option<AvailabilityStatus>) -> AvailabilityStatus {
    let counted = available.map(|amount| {
        if amount >= requested {
            AvailabilityStatus::Available
        } else if amount > Decimal::ZERO {
            AvailabilityStatus::PartiallyAvailable
        } else {
            AvailabilityStatus::Unavailable
        }
    });
    match (stated, counted) {
        (Some(AvailabilityStatus::Available), Some(counted)) if counted != AvailabilityStatus::Available => AvailabilityStatus::Unknown,
        (Some(stated), _) => stated,
        (None, counted) => counted.unwrap_or(AvailabilityStatus::Unknown),
    }
}

/// An amount as the tables can keep it: an oversold stock counts as none, and what is beyond all measure as the most there can be.
pub(super) fn bounded(amount: Decimal) -> Decimal {
    let most = Decimal::from_i128_with_scale(999_999_999_999_999_999, 6);
    amount.clamp(Decimal::ZERO, most).trunc_with_scale(6).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supplier::sample::ask;
    use serde_json::json;

    #[test]
    fn a_name_that_no_database_takes_is_left_out_and_the_answer_counts() {
        let at = |text: &str| Pointer::parse(text).unwrap();
        let pointers = CheckPointers {
            reference: Some(at("/reference")),
            lines: at("/lines"),
            line: LineHandle::Product(at("/sku")),
            line_available: Some(at("/available")),
            line_state: None,
            line_code: Some(at("/code")),
            line_place: None,
            line_from: None,
            line_alternate: None,
        };
        let hold = ask();
        let ask = CheckAsk {
            tenant: hold.tenant,
            correlation: String::new(),
            lines: hold.lines,
            customer: None,
            location: None,
            channel: None,
            timeout: hold.timeout,
        };
        let read = |reference: &str| {
            let body = json!({"reference": reference, "lines": [{"sku": "PHONE", "available": 0, "code": "gone\u{0}"}]});
            pointers.read(&body, &ask).unwrap()
        };
        let told = read("a\u{0}b");
        assert_eq!((told.reference, told.lines[0].explanation.as_deref()), (None, None));
        assert_eq!(told.lines[0].status, AvailabilityStatus::Unavailable);
        assert_eq!(read("a\tb").reference.as_deref(), Some("ab"));
    }

    #[test]
    fn a_word_that_its_own_number_contradicts_is_unknown() {
        use AvailabilityStatus::{Available, PartiallyAvailable, Unavailable, Unknown};
        let of = |available: Option<i64>, stated| verdict(Decimal::TEN, available.map(Decimal::from), stated);
        assert_eq!(of(Some(3), Some(Available)), Unknown);
        assert_eq!(of(Some(10), Some(Available)), Available);
        // Stock that is there and yet not to be had is the inventory's business.
        assert_eq!(of(Some(50), Some(Unavailable)), Unavailable);
        assert_eq!((of(Some(3), None), of(Some(0), None), of(Some(-4), None)), (PartiallyAvailable, Unavailable, Unavailable));
        assert_eq!(of(None, None), Unknown);
    }

    #[test]
    fn amounts_are_kept_within_what_the_tables_hold() {
        let of = |text: &str| bounded(Decimal::from_scientific(text).unwrap()).to_string();
        assert_eq!(of("-5e0"), "0");
        assert_eq!(of("1e20"), "999999999999.999999");
        assert_eq!(of("1.23456789e0"), "1.234567");
    }
}
