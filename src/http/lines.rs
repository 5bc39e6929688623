//! Lines of orders and quotes, as requests write them.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{MAX_LINES, OrderLine, OrderLineId};
use crate::http::amount::Amount;
use crate::http::problem::FieldError;
use crate::http::text;

/// One line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RequestLine)]
pub(crate) struct RequestLine {
    /// The line of the order or quote; every line has another.
    order_line_id: Uuid,
    /// What the inventory knows the product by.
    #[schema(
        min_length = 1,
        max_length = 200,
        example = "PHONE",
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    product_offering_id: String,
    quantity: Amount,
    /// Where, if not where all of it is wanted.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    location_id: Option<String>,
}

/// Everything that is wrong with lines.
pub(crate) fn check(lines: &[RequestLine]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if lines.is_empty() || lines.len() > MAX_LINES {
        let detail = format!("must be 1 to {MAX_LINES} lines, there are {}", lines.len());
        errors.push(FieldError { pointer: "/lines".to_owned(), detail });
    }
    let mut seen = HashSet::new();
    for (index, line) in lines.iter().enumerate() {
        if !seen.insert(line.order_line_id) {
            let detail = "must differ from every other line's".to_owned();
            errors.push(FieldError { pointer: format!("/lines/{index}/orderLineId"), detail });
        }
        let offering = text::check(&format!("/lines/{index}/productOfferingId"), &line.product_offering_id, 200);
        let location = text::check_opt(&format!("/lines/{index}/locationId"), line.location_id.as_deref(), 200);
        errors.extend(offering.err().into_iter().chain(location.err()));
    }
    errors
}

/// Lines as processes write them, in the variable `orderLines`.
pub(crate) fn variable(lines: Vec<RequestLine>) -> Value {
    let lines = lines.into_iter().map(|line| {
        let mut members = Map::new();
        members.insert("orderLineId".to_owned(), json!(line.order_line_id));
        members.insert("productOfferingId".to_owned(), json!(line.product_offering_id));
        members.insert("quantity".to_owned(), json!(line.quantity.0.to_string()));
        members.extend(line.location_id.map(|location| ("locationId".to_owned(), json!(location))));
        Value::Object(members)
    });
    lines.collect()
}

impl From<RequestLine> for OrderLine {
    fn from(line: RequestLine) -> Self {
        Self {
            order_line: OrderLineId(line.order_line_id),
            product_offering: line.product_offering_id,
            quantity: line.quantity.0,
            location: line.location_id,
        }
    }
}
