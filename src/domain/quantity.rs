//! Quantities: exact decimals, positive by construction, as wide as the tables' `numeric(18,6)`.

use std::fmt;

use rust_decimal::Decimal;

/// Twelve whole digits fit before the six decimals of `numeric(18,6)`.
const LIMIT: i64 = 1_000_000_000_000;
const DECIMALS: u32 = 6;

/// How much of something an order wants: greater than zero, at most six decimals, below 10^12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(Decimal);

/// Why a number is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a decimal number at all.
    #[error("must be a decimal number such as 2 or 0.5")]
    NotANumber,
    /// Zero or negative.
    #[error("must be greater than 0")]
    NotPositive,
    /// More than six decimals, which the tables would round.
    #[error("must have at most 6 decimals")]
    TooManyDecimals,
    /// Thirteen whole digits or more.
    #[error("must be less than 1000000000000")]
    TooLarge,
}

impl Quantity {
    /// Takes a decimal if it is a quantity. Trailing zeros do not count as decimals.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn new(value: Decimal) -> Result<Self, QuantityError> {
        let value = value.normalize();
        if value <= Decimal::ZERO {
            return Err(QuantityError::NotPositive);
        }
        if value.scale() > DECIMALS {
            return Err(QuantityError::TooManyDecimals);
        }
        if value >= Decimal::from(LIMIT) {
            return Err(QuantityError::TooLarge);
        }
        Ok(Self(value))
    }

    /// Reads a decimal, with or without an exponent.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        // Exactly: the other reading rounds what does not fit, and a rounded quantity is another quantity.
        let value = match text.split_once(['e', 'E']) {
            Some((digits, _)) => Decimal::from_str_exact(digits).and_then(|_| Decimal::from_scientific(text)),
            None => Decimal::from_str_exact(text),
        };
        // Of an exponent out of range the crate does not say which way it is out.
        let huge = text.contains(['e', 'E']) && !text.contains("e-") && !text.contains("E-");
        match value {
            Ok(value) => Self::new(value),
            Err(rust_decimal::Error::ExceedsMaximumPossibleValue) => Err(QuantityError::TooLarge),
            Err(rust_decimal::Error::Underflow | rust_decimal::Error::ScaleExceedsMaximumPrecision(_)) if huge => {
                Err(QuantityError::TooLarge)
            }
            Err(rust_decimal::Error::Underflow | rust_decimal::Error::ScaleExceedsMaximumPrecision(_)) => {
                Err(QuantityError::TooManyDecimals)
            }
            Err(_) => Err(QuantityError::NotANumber),
        }
    }

    /// The number itself.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_negative_and_seven_decimals_are_refused_by_name() {
        assert_eq!(Quantity::parse("0"), Err(QuantityError::NotPositive));
        assert_eq!(Quantity::parse("-1"), Err(QuantityError::NotPositive));
        assert_eq!(Quantity::parse("0.1234567"), Err(QuantityError::TooManyDecimals));
        assert_eq!(Quantity::parse("1000000000000"), Err(QuantityError::TooLarge));
        assert_eq!(Quantity::parse("1e+30"), Err(QuantityError::TooLarge));
        assert_eq!(Quantity::parse("1e-30"), Err(QuantityError::TooManyDecimals));
        assert_eq!(Quantity::parse("0.00000000000000000000000000000000001"), Err(QuantityError::TooManyDecimals));
        assert_eq!(Quantity::parse("many"), Err(QuantityError::NotANumber));
        assert_eq!(Quantity::parse(""), Err(QuantityError::NotANumber));
    }

    #[test]
    fn trailing_zeros_are_no_decimals_and_no_difference() {
        assert_eq!(Quantity::parse("1.50000000"), Quantity::parse("1.5"));
        assert_eq!(Quantity::parse("1e2").map(|q| q.to_string()), Ok("100".to_owned()));
    }

    #[test]
    fn the_widest_quantity_is_kept_exactly() {
        assert_eq!(Quantity::parse("999999999999.999999").map(|q| q.to_string()), Ok("999999999999.999999".to_owned()));
    }
}
