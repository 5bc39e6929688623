//! One type per kind of identity, so that an order cannot be passed where a tenant is meant.

use std::fmt;

use uuid::Uuid;

/// Why a text is not the identity it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a UUID in its hyphenated form.
    #[error("must be a UUID such as 2f2b9fc2-6e9c-46b3-a246-4be4f49833a1")]
    NotAUuid,
    /// Empty, too long, or with characters outside the allowed set.
    #[error("must be 1 to {max} characters of a-z, A-Z, 0-9, '-', '_' and '.'")]
    NotAName {
        /// The longest text allowed, in characters.
        max: usize,
    },
    /// Empty, too long, or with control characters.
    #[error("must be 1 to {max} printable characters")]
    NotAReference {
        /// The longest text allowed, in characters.
        max: usize,
    },
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Reads the hyphenated form.
            ///
            /// # Errors
            /// [`IdError::NotAUuid`] for anything else, braces and URNs among them.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if text.len() != 36 {
                    return Err(IdError::NotAUuid);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| IdError::NotAUuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )+};
}

uuid_ids! {
    /// Who the data belongs to; every row, call, event and cache key carries it.
    TenantId,
    /// The order whose fulfilment asks for the hold; the business key of its process.
    OrderId,
    /// One line of an order, or of the quote that it comes from.
    OrderLineId,
    /// The quote for which availability is checked.
    QuoteId,
    /// One reservation: one order step in one attempt group.
    ReservationId,
    /// One call to an inventory, recorded before it is made.
    CallId,
    /// One boot of the daemon.
    SessionId,
    /// One answered availability check.
    EvidenceId,
    /// One promise to a caller.
    CommandId,
    /// One published fact.
    EventId,
    /// One question to a human.
    CaseId,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident max $max:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Reads a name.
            ///
            /// # Errors
            /// [`IdError::NotAName`] when it is empty, too long or has a character outside the set.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                if text.is_empty() || text.len() > $max || !text.chars().all(allowed) {
                    return Err(IdError::NotAName { max: $max });
                }
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

names! {
    /// The configured name of an inventory.
    SourceName max 64,
    /// Which of an order's holds this is: an order may hold stock in several steps. No colon, because the key joins with it.
    ReservationStep max 64,
}

macro_rules! references {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Reads a reference; surrounding white space is cut off.
            ///
            /// # Errors
            /// [`IdError::NotAReference`] when it is empty, longer than 255 characters or has control characters.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let text = text.trim();
                if text.is_empty() || text.chars().count() > 255 || text.chars().any(char::is_control) {
                    return Err(IdError::NotAReference { max: 255 });
                }
                Ok(Self(text.to_owned()))
            }

            /// The reference as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

references! {
    /// What the inventory calls a hold.
    ExternalReference,
    /// What the inventory of installed products calls one that a customer has.
    CustomerProductId,
    /// Whom the inventory of installed products names as the customer.
    CustomerId,
    /// What the source of an event calls it; the same event delivered again has the same.
    SourceEventId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_in_its_hyphenated_form_only() {
        assert!(OrderId::parse("2f2b9fc2-6e9c-46b3-a246-4be4f49833a1").is_ok());
        for text in ["", "order-1", "{2f2b9fc2-6e9c-46b3-a246-4be4f49833a1}", "2f2b9fc26e9c46b3a2464be4f49833a1"] {
            assert_eq!(OrderId::parse(text), Err(IdError::NotAUuid), "{text}");
        }
    }

    #[test]
    fn a_step_may_not_hold_the_character_that_joins_the_key() {
        assert!(ReservationStep::parse("reserve.device-1").is_ok());
        for text in ["a:b", "", &"x".repeat(65)] {
            assert_eq!(ReservationStep::parse(text), Err(IdError::NotAName { max: 64 }), "{text}");
        }
    }

    #[test]
    fn a_reference_is_trimmed_and_bounded() {
        assert_eq!(ExternalReference::parse("  HOLD-1 ").map(|r| r.as_str().to_owned()), Ok("HOLD-1".to_owned()));
        for text in [" ", "a\nb", &"x".repeat(256)] {
            assert_eq!(ExternalReference::parse(text), Err(IdError::NotAReference { max: 255 }), "{text}");
        }
    }
}
