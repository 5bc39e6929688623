//! What an order wants held, and the hash that tells a repeated request from a changed one.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::domain::{AttemptGroup, IdempotencyKey, OrderId, OrderLineId, Quantity, ReservationStep, SourceName, TenantId};

/// The most lines that one reservation may have.
pub(crate) const MAX_LINES: usize = 200;

/// One thing to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// The line of the order.
    pub order_line: OrderLineId,
    /// What the inventory knows the thing by (SKU or offering), 1 to 200 characters.
    pub product_offering: String,
    /// How much of it.
    pub quantity: Quantity,
    /// Where, if the order says so.
    pub location: Option<String>,
}

/// Everything that makes up a request for one hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveRequest {
    /// Whose order it is.
    pub tenant: TenantId,
    /// The inventory to ask.
    pub source: SourceName,
    /// The order.
    pub order: OrderId,
    /// The step of the order.
    pub step: ReservationStep,
    /// The attempt group.
    pub group: AttemptGroup,
    /// The lines, at least one, once checked in the order of their ids: an inventory may compare a request that is sent again with the
    /// first one word by word, and it is sent again from its record.
    pub lines: Vec<OrderLine>,
    /// How long the inventory is asked to hold, in whole seconds.
    pub hold_for: TimeDelta,
    /// The customer, where the inventory wants to know.
    pub customer: Option<String>,
    /// Where all lines without a place of their own are wanted.
    pub location: Option<String>,
}

/// Why lines do not make a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No line at all.
    #[error("must have at least one line")]
    NoLines,
    /// More lines than one reservation may have.
    #[error("must have at most {MAX_LINES} lines, has {0}")]
    TooManyLines(usize),
    /// The same order line twice.
    #[error("names the order line {0} twice")]
    LineTwice(OrderLineId),
}

impl ReserveRequest {
    /// Checks what can only be seen over all lines, and puts them in their order.
    ///
    /// # Errors
    /// The first rule that the lines break.
    pub fn check(mut self) -> Result<Self, RequestError> {
        check_lines(&self.lines)?;
        self.lines.sort_by_key(|line| line.order_line);
        Ok(self)
    }

    /// The key under which the inventory must know this hold.
    #[must_use]
    pub fn key(&self) -> IdempotencyKey {
        IdempotencyKey::derive(self.order, &self.step, self.group)
    }

    /// SHA-256 over everything that changes what is held. The order of the lines does not count.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut lines: Vec<&OrderLine> = self.lines.iter().collect();
        lines.sort_by_key(|line| line.order_line);
        let mut hasher = Sha256::new();
        let mut field = |text: &str| {
            // The length before the text keeps neighbours from running into each other.
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        field("v1");
        field(&self.hold_for.num_seconds().to_string());
        field(self.customer.as_deref().unwrap_or(""));
        field(self.location.as_deref().unwrap_or(""));
        for line in lines {
            field(&line.order_line.to_string());
            field(&line.product_offering);
            field(&line.quantity.to_string());
            field(line.location.as_deref().unwrap_or(""));
        }
        hasher.finalize().into()
    }
}

/// The rules that lines keep, whatever is asked about them.
pub(crate) fn check_lines(lines: &[OrderLine]) -> Result<(), RequestError> {
    if lines.is_empty() {
        return Err(RequestError::NoLines);
    }
    if lines.len() > MAX_LINES {
        return Err(RequestError::TooManyLines(lines.len()));
    }
    let mut seen = std::collections::HashSet::with_capacity(lines.len());
    lines.iter().find(|line| !seen.insert(line.order_line)).map_or(Ok(()), |line| Err(RequestError::LineTwice(line.order_line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn line(n: u128, quantity: &str) -> OrderLine {
        OrderLine {
            order_line: OrderLineId(Uuid::from_u128(n)),
            product_offering: "PHONE".into(),
            quantity: Quantity::parse(quantity).unwrap(),
            location: None,
        }
    }

    fn request(lines: Vec<OrderLine>) -> ReserveRequest {
        ReserveRequest {
            tenant: TenantId(Uuid::from_u128(1)),
            source: SourceName::parse("main").unwrap(),
            order: OrderId(Uuid::from_u128(2)),
            step: ReservationStep::parse("reserve").unwrap(),
            group: AttemptGroup::FIRST,
            lines,
            hold_for: TimeDelta::hours(1),
            customer: None,
            location: None,
        }
    }

    #[test]
    fn the_order_of_lines_and_the_spelling_of_numbers_do_not_change_the_hash() {
        assert_eq!(request(vec![line(1, "1"), line(2, "2")]).hash(), request(vec![line(2, "2.0"), line(1, "1.00")]).hash());
    }

    #[test]
    fn a_checked_request_has_its_lines_in_the_order_in_which_its_record_has_them() {
        let checked = request(vec![line(3, "1"), line(1, "2"), line(2, "3")]).check().unwrap();
        assert!(checked.lines.is_sorted_by_key(|line| line.order_line));
    }

    #[test]
    fn what_is_held_changes_the_hash() {
        let base = request(vec![line(1, "1")]);
        let mut place = base.clone();
        place.lines[0].location = Some("BER".into());
        let mut time = base.clone();
        time.hold_for = TimeDelta::hours(2);
        for other in [request(vec![line(1, "2")]), request(vec![line(3, "1")]), place, time] {
            assert_ne!(base.hash(), other.hash());
        }
    }

    #[test]
    fn a_request_without_lines_or_with_a_line_twice_is_refused() {
        assert_eq!(request(vec![]).check(), Err(RequestError::NoLines));
        assert!(matches!(request(vec![line(1, "1"), line(1, "2")]).check(), Err(RequestError::LineTwice(_))));
        assert_eq!(request((0..201).map(|n| line(n, "1")).collect()).check(), Err(RequestError::TooManyLines(201)));
    }
}
