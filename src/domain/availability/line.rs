//! What an inventory said of one line.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{AvailabilityStatus, OrderLine, OrderLineId, Quantity};

/// What the inventory said of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAvailability {
    /// The line of the quote or order.
    pub order_line: OrderLineId,
    /// What was asked about.
    pub product_offering: String,
    /// How much was asked for.
    pub requested: Quantity,
    /// Where it was asked for, if the line says so.
    pub location: Option<String>,
    /// How much there is, where the inventory says so.
    pub available: Option<Decimal>,
    /// The line's verdict.
    pub status: AvailabilityStatus,
    /// Why, where that is not plain: a code of ours or the inventory's.
    pub explanation: Option<String>,
    /// What else the inventory said.
    pub offer: Offer,
}

/// Where, when and what instead: as far as the inventory says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The place that it would come from.
    pub place: Option<String>,
    /// From when on it can be had.
    pub from: Option<DateTime<Utc>>,
    /// What could be had instead.
    pub alternate: Option<String>,
}

impl LineAvailability {
    /// A line with a verdict and nothing else said of it.
    #[must_use]
    pub fn told(asked: &OrderLine, available: Option<Decimal>, status: AvailabilityStatus) -> Self {
        Self {
            order_line: asked.order_line,
            product_offering: asked.product_offering.clone(),
            requested: asked.quantity,
            location: asked.location.clone(),
            available,
            status,
            explanation: None,
            offer: Offer::default(),
        }
    }

    /// A line of which nothing is known, and why.
    #[must_use]
    pub fn unknown(asked: &OrderLine, why: &str) -> Self {
        Self { explanation: Some(why.to_owned()), ..Self::told(asked, None, AvailabilityStatus::Unknown) }
    }

    /// What was asked about.
    #[must_use]
    pub fn asked(&self) -> OrderLine {
        OrderLine {
            order_line: self.order_line,
            product_offering: self.product_offering.clone(),
            quantity: self.requested,
            location: self.location.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use uuid::Uuid;

    /// An available line of phones.
    pub(crate) fn line(n: u128, quantity: &str) -> LineAvailability {
        let asked = OrderLine {
            order_line: OrderLineId(Uuid::from_u128(n)),
            product_offering: "PHONE".into(),
            quantity: Quantity::parse(quantity).unwrap(),
            location: None,
        };
        LineAvailability::told(&asked, None, AvailabilityStatus::Available)
    }

    #[test]
    fn what_was_asked_can_be_asked_again() {
        let line = line(7, "2.50");
        assert_eq!(LineAvailability::told(&line.asked(), None, AvailabilityStatus::Available), line);
    }
}
