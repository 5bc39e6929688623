//! What the facts of a reservation say.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::instant_or_null;
use crate::domain::{ExternalReference, Reservation};

/// A reservation as it stood when the fact became true.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationPayload {
    /// The order that the hold is for.
    order_id: Uuid,
    /// Which of the order's holds this is.
    #[schemars(length(min = 1, max = 64))]
    reservation_step: String,
    /// Counts the deliberate attempts of this step, from 1.
    #[schemars(range(min = 1))]
    attempt_group: i32,
    /// The inventory, by its configured name.
    source_system: String,
    /// What the inventory calls the hold; null while it is not known.
    external_reservation_ref: Option<String>,
    /// Until when the inventory holds; null while it does not, or while that is not known.
    #[serde(serialize_with = "instant_or_null")]
    expires_at: Option<DateTime<Utc>>,
    /// Why the reservation moved; new reasons may be added.
    reason: String,
    /// The inventory's code, if it refused.
    rejection_code: Option<String>,
    /// What was asked for, and what is held of it.
    lines: Vec<ReservationLinePayload>,
}

/// One line of a reservation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationLinePayload {
    /// The line of the order.
    order_line_id: Uuid,
    /// The product.
    product_offering_id: String,
    /// How many are wanted, a decimal number as text.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    requested_quantity: String,
    /// How many are held, a decimal number as text; null while nothing is known.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    reserved_quantity: Option<String>,
}

impl ReservationPayload {
    /// The row as it is after the move, and why it moved.
    pub(crate) fn of(row: &Reservation, reason: &str) -> Self {
        Self {
            order_id: row.order.0,
            reservation_step: row.step.as_str().to_owned(),
            attempt_group: row.group.number(),
            source_system: row.source.as_str().to_owned(),
            external_reservation_ref: row.reference.as_ref().map(|reference| ExternalReference::as_str(reference).to_owned()),
            expires_at: row.expires_at,
            reason: reason.to_owned(),
            rejection_code: row.rejection.as_ref().map(|rejection| rejection.code.clone()),
            lines: row
                .lines
                .iter()
                .map(|line| ReservationLinePayload {
                    order_line_id: line.line.order_line.0,
                    product_offering_id: line.line.product_offering.clone(),
                    requested_quantity: line.line.quantity.to_string(),
                    reserved_quantity: line.reserved.map(|quantity| quantity.normalize().to_string()),
                })
                .collect(),
        }
    }
}
