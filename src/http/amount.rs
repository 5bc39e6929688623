//! Quantities on the wire: whole numbers, or decimals as text, never floating point.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::Quantity;

/// How much of something: greater than 0, at most six decimals, below 10^12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Quantity);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let must = || de::Error::custom("a quantity must be a whole number from 1 on, or a decimal number as text such as \"2.5\"");
        let quantity = match &value {
            Value::Number(number) => Quantity::parse(&number.to_string()).ok().filter(|quantity| quantity.decimal().is_integer()),
            Value::String(text) if is_plain(text) => Quantity::parse(text).ok(),
            _ => None,
        };
        quantity.map(Self).ok_or_else(must)
    }
}

/// Digits, and perhaps a point with digits after it.
fn is_plain(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(text),
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let whole = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1_isize))
            .maximum(Some(999_999_999_999_isize))
            .description(Some("A whole number"));
        let decimal = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some(r"^(?!0*(\.0*)?$)[0-9]{1,12}(\.[0-9]{1,6})?$"))
            .description(Some("A decimal number greater than 0"));
        RefOr::T(Schema::OneOf(OneOfBuilder::new().item(whole).item(decimal).examples([2.into(), Value::from("2.5")]).build()))
    }
}

impl ToSchema for Amount {
    fn name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quantity_is_a_whole_number_or_a_decimal_text() {
        for (value, expected) in [(json!(2), "2"), (json!("2.50"), "2.5"), (json!("0.000001"), "0.000001"), (json!("007"), "7")] {
            assert_eq!(serde_json::from_value::<Amount>(value).unwrap().0.to_string(), expected);
        }
        for value in
            [json!(0), json!(-1), json!(2.5), json!("0.0"), json!("1e3"), json!("+1"), json!(" 1"), json!("1."), json!(true), json!(null)]
        {
            assert!(serde_json::from_value::<Amount>(value.clone()).is_err(), "{value}");
        }
    }
}
