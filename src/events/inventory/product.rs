//! A product as TMF637 writes it, or with the plain names: which of its members say what.

use serde_json::{Map, Value};

use crate::domain::{CustomerId, ProductSaid, ProductStatus};
use crate::events::inventory::Oddity;
use crate::events::inventory::scalar::{Oddities, instant, text};

/// The members of a product in TMF637 v4 and v5, and the plain names.
const KNOWN: &[&str] = &[
    "@baseType",
    "@schemaLocation",
    "@type",
    "activationDate",
    "agreement",
    "agreementItem",
    "billingAccount",
    "creationDate",
    "customerId",
    "description",
    "href",
    "id",
    "intent",
    "isBundle",
    "isCustomerVisible",
    "name",
    "orderDate",
    "place",
    "product",
    "productCharacteristic",
    "productOffering",
    "productOfferingId",
    "productOrderItem",
    "productPrice",
    "productRelationship",
    "productSerialNumber",
    "productSpecId",
    "productSpecification",
    "productTerm",
    "realizingResource",
    "realizingService",
    "relatedParty",
    "startDate",
    "status",
    "terminationDate",
    "version",
];

/// What a product's members say. A member with a value that cannot be read says nothing.
pub(crate) fn said(product: &Map<String, Value>, customer_role: &str, odd: &mut Oddities) -> ProductSaid {
    odd.extend(product.keys().filter(|name| !KNOWN.contains(&name.as_str())).map(|_| Oddity::UnknownMember));
    let status = product.get("status").and_then(|value| readable(text(value, odd).as_deref().and_then(ProductStatus::read), odd));
    if status.as_ref().is_some_and(|status| !status.is_known()) {
        odd.push(Oddity::UnknownStatus);
    }
    ProductSaid {
        customer: customer(product, customer_role, odd),
        offering: reference(product, "productOffering", "productOfferingId", odd).flatten(),
        specification: reference(product, "productSpecification", "productSpecId", odd),
        status,
        activated_at: date(product, ["startDate", "activationDate"], odd),
        terminated_at: date(product, ["terminationDate"; 2], odd),
        source_version: product.get("version").and_then(|value| text(value, &mut Vec::new())),
    }
}

fn readable<T>(read: Option<T>, odd: &mut Oddities) -> Option<T> {
    if read.is_none() {
        odd.push(Oddity::UnreadableValue);
    }
    read
}

/// Whose it is: the plain name, or the related party in the customer's role. A list without one says nothing about it.
fn customer(product: &Map<String, Value>, role: &str, odd: &mut Oddities) -> Option<CustomerId> {
    if let Some(value) = product.get("customerId").filter(|value| !value.is_null()) {
        return readable(text(value, odd).and_then(|id| CustomerId::parse(&id).ok()), odd);
    }
    let parties = match product.get("relatedParty")? {
        Value::Array(parties) => parties.iter().collect(),
        Value::Object(_) => {
            odd.push(Oddity::OtherForm);
            product.get("relatedParty").into_iter().collect()
        }
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => return readable(None, odd),
    };
    let is_customer = |party: &&Value| party["role"].as_str().is_some_and(|name| name.trim().eq_ignore_ascii_case(role));
    let party = parties.into_iter().find(is_customer)?;
    // Version 5 wraps the party; version 4 is the party.
    let id = party.get("id").or_else(|| party.get("partyOrPartyRole").and_then(|party| party.get("id")));
    readable(id.and_then(|id| text(id, odd)).and_then(|id| CustomerId::parse(&id).ok()), odd)
}

/// The id of something that is referred to: by an object with an id, by the id alone, or under a plain name. An explicit nothing
/// says that there is none.
fn reference(product: &Map<String, Value>, name: &str, plain: &str, odd: &mut Oddities) -> Option<Option<String>> {
    let value = product.get(name).or_else(|| product.get(plain))?;
    let id = match value {
        Value::Null => return Some(None),
        Value::Object(referred) => referred.get("id").and_then(|id| text(id, odd)),
        other => text(other, odd),
    };
    let id = id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty() && id.chars().count() <= 255);
    readable(id, odd).map(Some)
}

fn date(product: &Map<String, Value>, names: [&str; 2], odd: &mut Oddities) -> Option<Option<chrono::DateTime<chrono::Utc>>> {
    let value = names.into_iter().find_map(|name| product.get(name))?;
    if value.is_null() { Some(None) } else { readable(instant(value, odd), odd).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(product: &Value) -> (ProductSaid, Oddities) {
        let mut odd = Vec::new();
        let said = said(product.as_object().unwrap(), "customer", &mut odd);
        odd.sort_unstable();
        (said, odd)
    }

    #[test]
    fn a_product_of_the_standard_is_read() {
        let (said, odd) = read(&json!({
            "id": "p-1", "status": "active", "startDate": "2026-07-02T12:00:00Z",
            "productOffering": {"id": "FIBRE-1000", "name": "Fibre"}, "productSpecification": {"id": "FIBRE"},
            "relatedParty": [{"id": "s-1", "role": "seller"}, {"id": "c-1", "role": "Customer"}], "version": "7",
        }));
        assert_eq!(odd, []);
        assert_eq!(said.customer.unwrap().as_str(), "c-1");
        assert_eq!((said.offering.as_deref(), said.specification), (Some("FIBRE-1000"), Some(Some("FIBRE".to_owned()))));
        assert_eq!((said.status.unwrap().as_str(), said.source_version.as_deref()), ("active", Some("7")));
        assert_eq!(said.activated_at, Some(Some("2026-07-02T12:00:00Z".parse().unwrap())));
        assert_eq!(said.terminated_at, None, "nobody has spoken of it");
    }

    #[test]
    fn drift_is_understood_where_it_can_be_and_said_in_any_case() {
        let (said, odd) = read(&json!({
            "id": 17, "status": "ON_HOLD", "startDate": 1_782_993_600_000_i64, "terminationDate": "never", "colour": "red",
            "productOffering": 4711, "productSpecification": null, "relatedParty": {"partyOrPartyRole": {"id": 12}, "role": "customer"},
        }));
        assert_eq!(said.customer.unwrap().as_str(), "12");
        assert_eq!((said.offering.as_deref(), said.specification), (Some("4711"), Some(None)));
        assert_eq!((said.status.unwrap().as_str(), said.terminated_at), ("ON_HOLD", None));
        use Oddity::{OtherForm, UnknownMember, UnknownStatus, UnreadableValue};
        assert_eq!(odd, [UnknownMember, UnknownStatus, OtherForm, OtherForm, OtherForm, OtherForm, UnreadableValue]);
    }

    #[test]
    fn a_list_of_parties_without_the_customer_takes_no_customer_away() {
        assert_eq!(read(&json!({"relatedParty": [{"id": "s-1", "role": "seller"}]})).0.customer, None);
    }
}
