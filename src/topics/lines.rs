//! The variable `orderLines`: what an order wants held, line by line.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::domain::{MAX_LINES, OrderLine, OrderLineId, Quantity};
use crate::engine::Required as _;
use crate::topics::input::{Input, InputError, SHORT, bad, is_short};

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
    if let Some(text) = location.filter(|text| !is_short(text)) {
        return Err(bad(&at(index, "locationId"), SHORT, text));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::topics::input::tests::{defaults, task};

    const ID: &str = "2f2b9fc2-6e9c-46b3-a246-4be4f49833a1";

    fn said(lines: &str) -> Result<Vec<OrderLine>, String> {
        let task = task(json!({"orderLines": {"type": "Json", "value": lines}}));
        read(&Input { task: &task, defaults: &defaults() }).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_read_with_exact_quantities_and_without_minding_other_fields() {
        let lines =
            said(&format!(r#"[{{"orderLineId":"{ID}","productOfferingId":" PHONE ","quantity":999999999999.999999,"colour":"red"}}]"#))
                .unwrap();
        assert_eq!((lines[0].product_offering.as_str(), lines[0].quantity.to_string().as_str()), ("PHONE", "999999999999.999999"));
        assert!(said(&format!(r#"[{{"orderLineId":"{ID}","productOfferingId":"P","quantity":"0.5"}}]"#)).is_ok());
    }

    #[test]
    fn every_bad_line_is_named_with_what_it_must_be() {
        for (field, value, named) in [
            ("quantity", "0", "variable `orderLines[0].quantity` must be greater than 0, it is `0`"),
            ("quantity", "-2", "variable `orderLines[0].quantity` must be greater than 0, it is `-2`"),
            ("quantity", "1.1234567", "variable `orderLines[0].quantity` must have at most 6 decimals, it is `1.1234567`"),
            ("quantity", "1e30", "variable `orderLines[0].quantity` must be less than 1000000000000, it is `1e+30`"),
            ("quantity", "true", "variable `orderLines[0].quantity` must be a number or a decimal text, it is `true`"),
            ("quantity", "\"two\"", "variable `orderLines[0].quantity` must be a decimal number such as 2 or 0.5, it is `two`"),
            ("productOfferingId", "\"\"", "variable `orderLines[0].productOfferingId` must be 1 to 200 printable characters, it is ``"),
            (
                "locationId",
                "\"B\\u0000\"",
                "variable `orderLines[0].locationId` must have at most 200 characters, and no control characters, it is `B\u{fffd}`",
            ),
            ("orderLineId", "7", "variable `orderLines[0].orderLineId` must be a text, it is `7`"),
            (
                "orderLineId",
                "\"x\"",
                "variable `orderLines[0].orderLineId` must be a UUID such as 2f2b9fc2-6e9c-46b3-a246-4be4f49833a1, it is `x`",
            ),
        ] {
            let mut line = json!({"orderLineId": ID, "productOfferingId": "PHONE", "quantity": 1});
            line[field] = serde_json::from_str(value).unwrap();
            assert_eq!(said(&json!([line]).to_string()).unwrap_err(), named);
        }
    }

    #[test]
    fn no_line_too_many_lines_and_a_line_twice_are_refused() {
        let line = format!(r#"{{"orderLineId":"{ID}","productOfferingId":"P","quantity":1}}"#);
        assert!(said("[]").unwrap_err().contains("1 to 200 lines"));
        assert!(said(&format!("[{}]", vec![line.as_str(); 201].join(","))).unwrap_err().contains("201 lines"));
        assert!(said(&format!("[{line},{line}]")).unwrap_err().starts_with("variable `orderLines[1].orderLineId` must differ"));
        assert!(said("{}").unwrap_err().contains("variable `orderLines` must be"));
    }
}
