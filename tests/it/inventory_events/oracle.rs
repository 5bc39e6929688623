//! What customers must have, worked out another way than the daemon does: all distinct events sorted by time and id, and each
//! member as the last event said that spoke of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::FromRow;
use sqlx::types::Json;

/// A row of the projection.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) offering: String,
    pub(crate) specification: Option<String>,
    pub(crate) status: String,
    pub(crate) activated_at: Option<DateTime<Utc>>,
    pub(crate) terminated_at: Option<DateTime<Utc>>,
    pub(crate) members: Json<Map<String, Value>>,
}

/// The projection that these events make; products of which customer, offering or status is not known are none.
pub(crate) fn fold(events: &[Value]) -> Vec<Product> {
    let mut seen = BTreeSet::new();
    let mut distinct: Vec<&Value> = events.iter().filter(|event| seen.insert(text(&event["eventId"]))).collect();
    distinct.sort_by_key(|event| (text(&event["eventTime"]), text(&event["eventId"])));
    let mut products: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for event in distinct {
        let product = event["event"]["product"].as_object().unwrap();
        products.entry(text(&product["id"])).or_default().extend(product.clone());
    }
    products.into_iter().filter_map(|(id, members)| row(id, members)).collect()
}

fn row(id: String, members: Map<String, Value>) -> Option<Product> {
    let at = |name: &str| Some(DateTime::parse_from_rfc3339(members.get(name)?.as_str()?).unwrap().to_utc());
    let parties = members.get("relatedParty")?.as_array()?;
    Some(Product {
        id,
        customer: parties.iter().find(|party| party["role"] == "customer").map(|party| text(&party["id"]))?,
        offering: text(&members.get("productOffering")?["id"]),
        specification: members.get("productSpecification").map(|referred| text(&referred["id"])),
        status: text(members.get("status")?),
        activated_at: at("startDate"),
        terminated_at: at("terminationDate"),
        members: Json(members),
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
