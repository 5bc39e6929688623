//! The variable `orderLines`: what an order wants held, line by line.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::domain::{MAX_LINES, OrderLine, OrderLineId, Quantity};
use crate::engine::Required as _;
use crate::topics::input::{Input, InputError, bad};

const EXPECTED: &str = "a JSON array of lines such as [{\"orderLineId\": \"<UUID>\", \"productOfferingId\": \"PHONE\", \"quantity\": 1}]";

/// One line as processes write it. Fields that are not ours are left alone: the order's lines may carry more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineDto {
    order_line_id: Option<Value>,
    product_offering_id: Option<Value>,
    quantity: Option<Value>,
    location_id: Option<Value>,
}

/// Reads and checks the lines.
pub(crate) fn read(input: &Input<'_>) -> Result<Vec<OrderLine>, InputError> {
    let dtos: Vec<LineDto> = input.task.variables.json("orderLines").required("orderLines", EXPECTED)?;
    if dtos.is_empty() || dtos.len() > MAX_LINES {
        return Err(bad("orderLines", format!("must have 1 to {MAX_LINES} lines"), format!("{} lines", dtos.len())));
    }
    let lines = dtos.iter().enumerate().map(|(index, dto)| line(index, dto)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        if !seen.insert(line.order_line) {
            return Err(bad(&at(index, "orderLineId"), "must differ from every other line's", line.order_line));
        }
    }
    Ok(lines)
}

fn line(index: usize, dto: &LineDto) -> Result<OrderLine, InputError> {
    let id = text(index, "orderLineId", dto.order_line_id.as_ref())?.unwrap_or("");
    let offering = text(index, "productOfferingId", dto.product_offering_id.as_ref())?.unwrap_or("").trim();
    if offering.is_empty() || offering.chars().count() > 200 || offering.chars().any(char::is_control) {
        return Err(bad(&at(index, "productOfferingId"), "must be 1 to 200 printable characters", offering));
    }
    let location = text(index, "locationId", dto.location_id.as_ref())?.map(str::trim).filter(|text| !text.is_empty());
    if location.is_some_and(|text| text.chars().count() > 200) {
        return Err(bad(&at(index, "locationId"), "must have at most 200 characters", location.unwrap_or("")));
    }
    Ok(OrderLine {
        order_line: OrderLineId::parse(id).map_err(|must| bad(&at(index, "orderLineId"), must, id))?,
        product_offering: offering.to_owned(),
        quantity: quantity(index, dto.quantity.as_ref())?,
        location: location.map(str::to_owned),
    })
}

/// A number or a decimal text; read digit by digit, never through a floating-point number.
fn quantity(index: usize, value: Option<&Value>) -> Result<Quantity, InputError> {
    let name = at(index, "quantity");
    let digits = match value {
        Some(Value::Number(number)) => Number::to_string(number),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(other) => return Err(bad(&name, "must be a number or a decimal text", other)),
        None => return Err(bad(&name, "must be greater than 0", "missing")),
    };
    Quantity::parse(&digits).map_err(|must| bad(&name, must, digits))
}

fn text<'a>(index: usize, field: &str, value: Option<&'a Value>) -> Result<Option<&'a str>, InputError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad(&at(index, field), "must be a text", other)),
    }
}

fn at(index: usize, field: &str) -> String {
    format!("orderLines[{index}].{field}")
}
