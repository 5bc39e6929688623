//! What others are told about customers' products.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::store::outbox::{NewFact, ProductInstancePayload};
use crate::store::products::{HeldProduct, ProductKey};
use crate::store::{InventoryEvent, StoreError};

/// The namespace of aggregate ids: a product has no UUID of its own.
const NAMESPACE: Uuid = Uuid::from_u128(0x51b0_3c7e_94d2_5a18_b6f3_0d2c_7e85_41aa);

/// The next fact about a product that is complete; counts it.
pub(crate) fn fact_of_product(
    (tenant, id): &ProductKey,
    held: &mut HeldProduct,
    because: &InventoryEvent,
    now: DateTime<Utc>,
) -> Result<NewFact, StoreError> {
    let event_type = if held.sequence.is_none() { "InventoryProductInstanceCreated" } else { "InventoryProductInstanceUpdated" };
    let sequence = held.sequence.unwrap_or(0) + 1;
    held.sequence = Some(sequence);
    let record = &held.record;
    let incomplete = |column| StoreError::UnreadableProduct { id: id.as_str().to_owned(), column, value: String::new() };
    let payload = ProductInstancePayload {
        customer_product_id: id.as_str().to_owned(),
        customer_id: record.customer.as_ref().ok_or_else(|| incomplete("customer_id"))?.value.as_str().to_owned(),
        product_offering_id: record.offering.as_ref().ok_or_else(|| incomplete("product_offering_id"))?.value.clone(),
        product_spec_id: record.specification.as_ref().and_then(|register| register.value.clone()),
        status: record.status.as_ref().ok_or_else(|| incomplete("status"))?.value.as_str().to_owned(),
        activation_date: record.activated_at.as_ref().and_then(|register| register.value),
        termination_date: record.terminated_at.as_ref().and_then(|register| register.value),
        source_system: held.source.as_str().to_owned(),
        source_version: record.source_version.as_ref().map(|register| register.value.clone()),
        last_source_event_at: record.last_event_at,
    };
    Ok(NewFact {
        tenant: *tenant,
        event_type,
        event_version: 1,
        aggregate_type: "InventoryProductInstance",
        aggregate: Uuid::new_v5(&NAMESPACE, format!("{tenant}:{id}").as_bytes()),
        sequence,
        order: None,
        occurred_at: now,
        correlation_id: because.correlation.clone().unwrap_or_else(|| format!("product-{id}")),
        causation_id: format!("{}:{}", because.source, because.change.stamp.event),
        payload: json(&payload),
        topic: None,
    })
}

/// A payload as it is stored. It has texts, instants and nothing else: there is nothing in it that JSON cannot say.
pub(crate) fn json(payload: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(payload).unwrap_or_default()
}
