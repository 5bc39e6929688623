//! What customers have, by what inventories told: the projection, and the products that are not complete yet.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{FromRow, Postgres, Transaction};
use uuid::Uuid;

use crate::domain::{
    Count, CustomerId, CustomerProductId, ProductRecord, ProductStatus, Register, SourceEventId, SourceName, Stamp, TenantId,
};
use crate::store::StoreError;
use crate::store::answered::Answered as _;

/// A product's key.
pub(crate) type ProductKey = (TenantId, CustomerProductId);

/// A product as a transaction has it in hand.
#[derive(Debug, Clone)]
pub(crate) struct HeldProduct {
    pub(crate) source: SourceName,
    pub(crate) record: ProductRecord<Value>,
    /// The facts told so far; nothing while the product is not in the projection.
    pub(crate) sequence: Option<i64>,
    /// It differs from what is stored.
    pub(crate) touched: bool,
}

/// A row of either table.
#[derive(Debug, FromRow, Serialize)]
struct Row {
    tenant_id: Uuid,
    customer_product_id: String,
    customer_id: Option<String>,
    product_offering_id: Option<String>,
    product_spec_id: Option<String>,
    status: Option<String>,
    activation_date: Option<DateTime<Utc>>,
    termination_date: Option<DateTime<Utc>>,
    source_system: String,
    source_version: Option<String>,
    last_source_event_at: Option<DateTime<Utc>>,
    payload_json: Json<Map<String, Value>>,
    stamps_json: Json<Stamps>,
    event_sequence: Option<i64>,
}

/// Which event each member was last heard from. Most members share one, so that they say its number in the list.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Stamps {
    heard: Vec<(DateTime<Utc>, Option<StoredCount>, String)>,
    read: BTreeMap<Read, usize>,
    members: BTreeMap<String, usize>,
}

/// A count as it is kept: a bare number is a version.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum StoredCount {
    Version(u64),
    Sequence { sequence: u64 },
}

impl From<Count> for StoredCount {
    fn from(count: Count) -> Self {
        match count {
            Count::Version(version) => Self::Version(version),
            Count::Sequence(sequence) => Self::Sequence { sequence },
        }
    }
}

impl From<StoredCount> for Count {
    fn from(count: StoredCount) -> Self {
        match count {
            StoredCount::Version(version) => Self::Version(version),
            StoredCount::Sequence { sequence } => Self::Sequence(sequence),
        }
    }
}

/// A member that has a column of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    Customer,
    Offering,
    Specification,
    Status,
    ActivatedAt,
    TerminatedAt,
    SourceVersion,
}

impl Stamps {
    fn number(&mut self, stamp: &Stamp) -> usize {
        let entry = (stamp.at, stamp.count.map(StoredCount::from), stamp.event.as_str().to_owned());
        self.heard.iter().position(|known| *known == entry).unwrap_or_else(|| {
            self.heard.push(entry);
            self.heard.len() - 1
        })
    }

    fn keep<T: Clone>(&mut self, read: Read, register: Option<&Register<T>>) -> Option<T> {
        let register = register?;
        let number = self.number(&register.stamp);
        self.read.insert(read, number);
        Some(register.value.clone())
    }

    fn stamp(&self, number: usize) -> Option<Stamp> {
        let (at, count, event) = self.heard.get(number)?;
        Some(Stamp { count: count.map(Count::from), at: *at, event: SourceEventId::parse(event).ok()? })
    }

    /// The register of a member that somebody has spoken of; nothing for the others.
    fn register<T>(&self, read: Read, value: Option<T>) -> Option<Register<T>> {
        let stamp = self.stamp(*self.read.get(&read)?)?;
        value.map(|value| Register { value, stamp })
    }
}

fn row((tenant, id): &ProductKey, held: &HeldProduct) -> Row {
    let record = &held.record;
    let mut stamps = Stamps::default();
    let mut payload = Map::new();
    for (name, register) in &record.members {
        let number = stamps.number(&register.stamp);
        stamps.members.insert(name.clone(), number);
        payload.insert(name.clone(), register.value.clone());
    }
    Row {
        tenant_id: tenant.0,
        customer_product_id: id.as_str().to_owned(),
        customer_id: stamps.keep(Read::Customer, record.customer.as_ref()).map(|id| id.as_str().to_owned()),
        product_offering_id: stamps.keep(Read::Offering, record.offering.as_ref()),
        product_spec_id: stamps.keep(Read::Specification, record.specification.as_ref()).flatten(),
        status: stamps.keep(Read::Status, record.status.as_ref()).map(|status| status.as_str().to_owned()),
        activation_date: stamps.keep(Read::ActivatedAt, record.activated_at.as_ref()).flatten(),
        termination_date: stamps.keep(Read::TerminatedAt, record.terminated_at.as_ref()).flatten(),
        source_system: held.source.as_str().to_owned(),
        source_version: stamps.keep(Read::SourceVersion, record.source_version.as_ref()),
        last_source_event_at: record.last_event_at,
        payload_json: Json(payload),
        stamps_json: Json(stamps),
        event_sequence: held.sequence,
    }
}

fn held(row: Row) -> Result<(ProductKey, HeldProduct), StoreError> {
    let name = row.customer_product_id;
    let unreadable =
        |column: &'static str, value: &str| StoreError::UnreadableProduct { id: name.clone(), column, value: value.to_owned() };
    let id = CustomerProductId::parse(&name).map_err(|_| unreadable("customer_product_id", &name))?;
    let source = SourceName::parse(&row.source_system).map_err(|_| unreadable("source_system", &row.source_system))?;
    let customer = match row.customer_id {
        Some(text) => Some(CustomerId::parse(&text).map_err(|_| unreadable("customer_id", &text))?),
        None => None,
    };
    let status = match row.status {
        Some(text) => Some(ProductStatus::read(&text).ok_or_else(|| unreadable("status", &text))?),
        None => None,
    };
    let Json(stamps) = row.stamps_json;
    let mut members = BTreeMap::new();
    for (member, value) in row.payload_json.0 {
        let stamp = stamps.members.get(&member).and_then(|number| stamps.stamp(*number));
        let stamp = stamp.ok_or_else(|| unreadable("stamps_json", &member))?;
        members.insert(member, Register { value, stamp });
    }
    let record = ProductRecord {
        customer: stamps.register(Read::Customer, customer),
        offering: stamps.register(Read::Offering, row.product_offering_id),
        // An empty column says that the member is empty, where somebody has spoken of it.
        specification: stamps.register(Read::Specification, Some(row.product_spec_id)),
        status: stamps.register(Read::Status, status),
        activated_at: stamps.register(Read::ActivatedAt, Some(row.activation_date)),
        terminated_at: stamps.register(Read::TerminatedAt, Some(row.termination_date)),
        source_version: stamps.register(Read::SourceVersion, row.source_version),
        last_event_at: row.last_source_event_at,
        members,
    };
    Ok(((TenantId(row.tenant_id), id), HeldProduct { source, record, sequence: row.event_sequence, touched: false }))
}

const LOAD: &str = "\
-- load_products
select tenant_id, customer_product_id, customer_id, product_offering_id, product_spec_id, status, activation_date, termination_date,
    source_system, source_version, last_source_event_at, payload_json, stamps_json, event_sequence
from customer_product_projection join unnest($1::uuid[], $2::text[]) as k(tenant_id, customer_product_id) using (tenant_id, customer_product_id)
union all
select tenant_id, customer_product_id, customer_id, product_offering_id, product_spec_id, status, activation_date, termination_date,
    source_system, source_version, last_source_event_at, payload_json, stamps_json, null
from customer_product_incomplete join unnest($1::uuid[], $2::text[]) as k(tenant_id, customer_product_id) using (tenant_id, customer_product_id)";

/// Locks these products, whether there are rows or not, until the transaction ends, and reads what is known of them.
pub(crate) async fn load(
    tx: &mut Transaction<'static, Postgres>,
    keys: &[ProductKey],
    during: &'static str,
) -> Result<HashMap<ProductKey, HeldProduct>, StoreError> {
    // Sorted by what is locked, so that two transactions with the same products cannot wait for each other.
    let mut locks: Vec<i64> = keys.iter().map(lock_of).collect();
    locks.sort_unstable();
    locks.dedup();
    sqlx::query("-- lock_products\nselect pg_advisory_xact_lock(k) from unnest($1::bigint[]) as k")
        .bind(locks)
        .execute(&mut **tx)
        .answered(during)
        .await?;
    let (tenants, ids): (Vec<Uuid>, Vec<String>) = keys.iter().map(|(tenant, id)| (tenant.0, id.as_str().to_owned())).unzip();
    let rows: Vec<Row> = sqlx::query_as(LOAD).bind(tenants).bind(ids).fetch_all(&mut **tx).answered(during).await?;
    rows.into_iter().map(held).collect()
}

/// Two products that share a number only wait for each other.
fn lock_of((tenant, id): &ProductKey) -> i64 {
    let name = Uuid::new_v5(&tenant.0, id.as_str().as_bytes());
    let (upper, _) = name.as_u64_pair();
    i64::from_ne_bytes(upper.to_ne_bytes())
}

const WRITE_COMPLETE: &str = "\
-- write_products
with wanted as (
    select * from jsonb_to_recordset($1) as w(
        tenant_id uuid, customer_product_id text, customer_id text, product_offering_id text, product_spec_id text, status text,
        activation_date timestamptz, termination_date timestamptz, source_system text, source_version text,
        last_source_event_at timestamptz, payload_json jsonb, stamps_json jsonb, event_sequence bigint
    )
), completed as (
    delete from customer_product_incomplete i using wanted w
    where i.tenant_id = w.tenant_id and i.customer_product_id = w.customer_product_id
)
insert into customer_product_projection as p (tenant_id, customer_product_id, customer_id, product_offering_id, product_spec_id, status,
    activation_date, termination_date, source_system, source_version, last_source_event_at, payload_json, stamps_json, event_sequence,
    updated_at)
select tenant_id, customer_product_id, customer_id, product_offering_id, product_spec_id, status, activation_date, termination_date,
    source_system, source_version, last_source_event_at, payload_json, stamps_json, event_sequence, $2
from wanted
on conflict (tenant_id, customer_product_id) do update set
    customer_id = excluded.customer_id, product_offering_id = excluded.product_offering_id, product_spec_id = excluded.product_spec_id,
    status = excluded.status, activation_date = excluded.activation_date, termination_date = excluded.termination_date,
    source_version = excluded.source_version, last_source_event_at = excluded.last_source_event_at,
    payload_json = excluded.payload_json, stamps_json = excluded.stamps_json, event_sequence = excluded.event_sequence,
    updated_at = excluded.updated_at";

const WRITE_INCOMPLETE: &str = "\
-- write_incomplete_products
insert into customer_product_incomplete as p (tenant_id, customer_product_id, customer_id, product_offering_id, product_spec_id, status,
    activation_date, termination_date, source_system, source_version, last_source_event_at, payload_json, stamps_json, updated_at)
select tenant_id, customer_product_id, customer_id, product_offering_id, product_spec_id, status, activation_date, termination_date,
    source_system, source_version, last_source_event_at, payload_json, stamps_json, $2
from jsonb_to_recordset($1) as w(
    tenant_id uuid, customer_product_id text, customer_id text, product_offering_id text, product_spec_id text, status text,
    activation_date timestamptz, termination_date timestamptz, source_system text, source_version text,
    last_source_event_at timestamptz, payload_json jsonb, stamps_json jsonb
)
on conflict (tenant_id, customer_product_id) do update set
    customer_id = excluded.customer_id, product_offering_id = excluded.product_offering_id, product_spec_id = excluded.product_spec_id,
    status = excluded.status, activation_date = excluded.activation_date, termination_date = excluded.termination_date,
    source_version = excluded.source_version, last_source_event_at = excluded.last_source_event_at,
    payload_json = excluded.payload_json, stamps_json = excluded.stamps_json, updated_at = excluded.updated_at";

/// Writes the products that differ from what is stored.
pub(crate) async fn write(
    tx: &mut Transaction<'static, Postgres>,
    products: &HashMap<ProductKey, HeldProduct>,
    now: DateTime<Utc>,
    during: &'static str,
) -> Result<(), StoreError> {
    let touched = products.iter().filter(|(_, held)| held.touched);
    let (complete, incomplete): (Vec<_>, Vec<_>) = touched.map(|(key, held)| row(key, held)).partition(|row| row.event_sequence.is_some());
    if !complete.is_empty() {
        sqlx::query(WRITE_COMPLETE).bind(Json(complete)).bind(now).execute(&mut **tx).answered(during).await?;
    }
    if !incomplete.is_empty() {
        sqlx::query(WRITE_INCOMPLETE).bind(Json(incomplete)).bind(now).execute(&mut **tx).answered(during).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProductEvent, ProductSaid};
    use serde_json::json;

    fn event(count: Option<Count>, id: &str, said: ProductSaid, members: Value) -> ProductEvent<Value> {
        let second = 1;
        let stamp = Stamp { count, at: DateTime::from_timestamp(second, 5_000).unwrap(), event: SourceEventId::parse(id).unwrap() };
        let Value::Object(members) = members else { panic!("members are an object") };
        ProductEvent { stamp, said, members: members.into_iter().collect() }
    }

    #[test]
    fn a_product_comes_back_from_its_row_as_it_went_in() {
        let mut record = ProductRecord::default();
        let said = ProductSaid { customer: Some(CustomerId::parse("c-1").unwrap()), specification: Some(None), ..ProductSaid::default() };
        record.hear(event(Some(Count::Version(1)), "a", said, json!({"id": "p-1", "productSpecification": null})));
        let said = ProductSaid {
            status: ProductStatus::read("active"),
            activated_at: Some(DateTime::from_timestamp(9, 0)),
            ..ProductSaid::default()
        };
        record.hear(event(Some(Count::Sequence(1)), "b", said, json!({"id": "p-1", "status": "active", "odd": {"a": [1.50]}})));
        let source = SourceName::parse("main").unwrap();
        let product = HeldProduct { source, record, sequence: None, touched: true };
        let key = (TenantId(Uuid::nil()), CustomerProductId::parse("p-1").unwrap());

        let stored: Row = row(&key, &product);
        assert_eq!(stored.stamps_json.0.heard.len(), 2, "members share the stamps of their events");
        let (back_key, back) = held(stored).unwrap();
        assert_eq!((back_key, back.record), (key, product.record));
    }
}
