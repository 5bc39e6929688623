//! An ask for the tests in this room.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::{AttemptGroup, IdempotencyKey, OrderId, OrderLine, OrderLineId, Quantity, ReservationStep, SourceName, TenantId};
use crate::supplier::HoldAsk;

/// A phone, or a millionth of one, and two cases, for an hour.
pub(crate) fn ask() -> HoldAsk {
    let order = OrderId(Uuid::from_u128(2));
    let line = |n, product: &str, quantity| OrderLine {
        order_line: OrderLineId(Uuid::from_u128(n)),
        product_offering: product.to_owned(),
        quantity: Quantity::parse(quantity).unwrap(),
        location: None,
    };
    HoldAsk {
        tenant: TenantId(Uuid::from_u128(1)),
        source: SourceName::parse("main").unwrap(),
        order,
        key: IdempotencyKey::derive(order, &ReservationStep::parse("reserve").unwrap(), AttemptGroup::FIRST),
        reference: None,
        lines: vec![line(3, "PHONE", "0.000001"), line(4, "CASE", "2")],
        hold_seconds: 3600,
        until: None,
        accept_partial: false,
        customer: None,
        location: None,
        timeout: Duration::from_secs(5),
        send_before: Instant::now() + Duration::from_secs(60),
    }
}
