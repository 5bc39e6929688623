//! Reading what a customer has, and how fresh that is.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::FromRow;

use crate::domain::{CustomerId, CustomerProductId, TenantId};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// A product as the projection has it.
#[derive(Debug, Clone, FromRow)]
pub struct ProjectedProduct {
    /// What its inventory calls it.
    pub customer_product_id: String,
    /// Whose it is.
    pub customer_id: String,
    /// What was sold.
    pub product_offering_id: String,
    /// What it is made after.
    pub product_spec_id: Option<String>,
    /// Where it stands in its life, in the spelling of TMF637 as far as that knows it.
    pub status: String,
    /// Since when it works.
    pub activation_date: Option<DateTime<Utc>>,
    /// Until when it does.
    pub termination_date: Option<DateTime<Utc>>,
    /// Its inventory, by its configured name.
    pub source_system: String,
    /// The inventory's version of it, where that has one.
    pub source_version: Option<String>,
    /// The newest event that was heard of it, by the inventory's clock.
    pub last_source_event_at: Option<DateTime<Utc>>,
    /// Every member as it was last sent.
    #[sqlx(json)]
    pub payload_json: Map<String, Value>,
    /// When the row was last written.
    pub updated_at: DateTime<Utc>,
}

impl Store {
    /// The products of a customer after a given one, by their names; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_customer_products(
        &self,
        tenant: TenantId,
        customer: &CustomerId,
        after: Option<&CustomerProductId>,
        limit: i64,
    ) -> Result<Vec<ProjectedProduct>, StoreError> {
        let during = "list_customer_products";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        let rows = sqlx::query_as(
            "-- list_customer_products
select customer_product_id, customer_id, product_offering_id, product_spec_id, status, activation_date, termination_date, source_system,
    source_version, last_source_event_at, payload_json, updated_at
from customer_product_projection
where tenant_id = $1 and customer_id = $2 and ($3::text is null or customer_product_id > $3)
order by customer_product_id limit $4",
        )
        .bind(tenant.0)
        .bind(customer.as_str())
        .bind(after.map(CustomerProductId::as_str))
        .bind(limit)
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(rows)
    }
}
