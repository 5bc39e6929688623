//! An exact quantity, which travels as a JSON string and never as a floating-point number.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A decimal that reads from and writes to a JSON string, without trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(Decimal);

impl Amount {
    /// Nothing at all.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Wraps a decimal.
    pub fn new(value: Decimal) -> Self {
        Self(value.normalize())
    }

    /// The decimal inside.
    pub fn get(self) -> Decimal {
        self.0
    }

    /// Whether a line may ask for this much: above zero, six decimals and twelve whole digits at most.
    pub(crate) fn is_orderable(self) -> bool {
        self.0 > Decimal::ZERO && self.0.scale() <= 6 && self.0 < Decimal::from(1_000_000_000_000_u64)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Amount {
    type Err = rust_decimal::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Decimal::from_str_exact(text).map(Self::new)
    }
}

impl From<u32> for Amount {
    fn from(value: u32) -> Self {
        Self::new(Decimal::from(value))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DecimalText)
    }
}

struct DecimalText;

impl Visitor<'_> for DecimalText {
    type Value = Amount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a decimal written as a string, such as \"2.5\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        text.parse().map_err(|_| E::custom(format!("{text:?} is not an exact decimal")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_travels_as_a_string_without_trailing_zeros() {
        let amount: Amount = serde_json::from_str("\"2.500\"").unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "\"2.5\"");
    }

    #[test]
    fn a_number_is_refused_because_it_may_have_been_a_float() {
        let error = serde_json::from_str::<Amount>("2.5").unwrap_err().to_string();
        assert!(error.contains("expected a decimal written as a string"), "{error}");
    }

    #[test]
    fn seven_decimals_zero_and_negative_amounts_cannot_be_ordered() {
        for text in ["0.0000001", "0", "-1", "1000000000000"] {
            assert!(!text.parse::<Amount>().unwrap().is_orderable(), "{text}");
        }
        assert!("0.000001".parse::<Amount>().unwrap().is_orderable());
    }
}
