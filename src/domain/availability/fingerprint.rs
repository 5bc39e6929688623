//! The fingerprint of a question: equal questions of one tenant have the same, all others another.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::domain::{AvailabilityQuestion, OrderLine};

/// SHA-256 over everything that may change the answer. Line ids are not in it: the same products in another quote are the same question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a question. Neither the order of its lines nor the spelling of its numbers counts.
    #[must_use]
    pub fn of(question: &AvailabilityQuestion) -> Self {
        let mut lines: Vec<(&str, String, Option<&str>)> = question.lines.iter().map(line).collect();
        lines.sort_unstable();
        let mut hasher = Sha256::new();
        let mut field = |text: Option<&str>| {
            // Absent is not empty, and the length before the text keeps neighbours from running into each other.
            hasher.update([u8::from(text.is_some())]);
            hasher.update((text.map_or(0, str::len) as u64).to_be_bytes());
            hasher.update(text.unwrap_or_default().as_bytes());
        };
        field(Some("availability v1"));
        field(Some(&question.tenant.to_string()));
        field(Some(question.source.as_str()));
        field(question.customer.as_deref());
        field(question.location.as_deref());
        field(question.channel.as_deref());
        for (product, quantity, place) in lines {
            field(Some(product));
            field(Some(&quantity));
            field(place);
        }
        Self(hasher.finalize().into())
    }

    /// A fingerprint that was kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn line(line: &OrderLine) -> (&str, String, Option<&str>) {
    (line.product_offering.as_str(), line.quantity.to_string(), line.location.as_deref())
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{OrderLineId, Quantity, SourceName, TenantId};
    use uuid::Uuid;

    fn order_line(n: u128, product: &str, quantity: &str, location: Option<&str>) -> OrderLine {
        OrderLine {
            order_line: OrderLineId(Uuid::from_u128(n)),
            product_offering: product.into(),
            quantity: Quantity::parse(quantity).unwrap(),
            location: location.map(str::to_owned),
        }
    }

    fn question(lines: Vec<OrderLine>) -> AvailabilityQuestion {
        AvailabilityQuestion {
            tenant: TenantId(Uuid::from_u128(1)),
            source: SourceName::parse("main").unwrap(),
            lines,
            customer: None,
            location: None,
            channel: None,
        }
    }

    #[test]
    fn the_order_of_lines_their_ids_and_the_spelling_of_numbers_do_not_change_the_fingerprint() {
        let one = question(vec![order_line(1, "PHONE", "1", None), order_line(2, "SIM", "2", Some("BER"))]);
        let other = question(vec![order_line(9, "SIM", "2.0", Some("BER")), order_line(8, "PHONE", "1.00", None)]);
        assert_eq!(Fingerprint::of(&one), Fingerprint::of(&other));
    }

    #[test]
    fn whatever_may_change_the_answer_changes_the_fingerprint() {
        let base = question(vec![order_line(1, "PHONE", "1", None)]);
        let mut all = vec![Fingerprint::of(&base)];
        let mut with = |change: &dyn Fn(&mut AvailabilityQuestion)| {
            let mut question = base.clone();
            change(&mut question);
            all.push(Fingerprint::of(&question));
        };
        with(&|q| q.tenant = TenantId(Uuid::from_u128(2)));
        with(&|q| q.source = SourceName::parse("other").unwrap());
        with(&|q| q.customer = Some("C".into()));
        with(&|q| q.customer = Some(String::new()));
        with(&|q| q.location = Some("C".into()));
        with(&|q| q.channel = Some("C".into()));
        with(&|q| q.lines[0].location = Some("C".into()));
        with(&|q| q.lines[0].quantity = Quantity::parse("2").unwrap());
        with(&|q| q.lines[0].product_offering = "PHON".into());
        with(&|q| q.lines.push(order_line(2, "PHONE", "1", None)));
        with(&|q| q.lines.push(order_line(2, "PHONE", "2", None)));
        let before = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), before);
    }

    fn lines() -> impl Strategy<Value = Vec<OrderLine>> {
        let line = ("[A-C]{1,3}", 1..40_i64, proptest::option::of("[x-z]{0,2}"), any::<u128>());
        let line = line.prop_map(|(product, quantity, place, id)| order_line(id, &product, &quantity.to_string(), place.as_deref()));
        proptest::collection::vec(line, 1..6)
    }

    proptest! {
        #[test]
        fn two_tenants_never_share_a_fingerprint(lines in lines(), one in any::<u128>(), other in any::<u128>()) {
            prop_assume!(one != other);
            let of = |tenant| Fingerprint::of(&AvailabilityQuestion { tenant: TenantId(Uuid::from_u128(tenant)), ..question(lines.clone()) });
            prop_assert_ne!(of(one), of(other));
        }

        #[test]
        fn fingerprints_are_equal_exactly_if_the_lines_are_the_same_in_some_order(one in lines(), other in lines(), turn in 0..6_usize) {
            let mut turned = one.clone();
            turned.rotate_left(turn % one.len());
            prop_assert_eq!(Fingerprint::of(&question(one.clone())), Fingerprint::of(&question(turned)));
            let sorted = |lines: &[OrderLine]| {
                let mut keys: Vec<_> = lines.iter().map(|l| (l.product_offering.clone(), l.quantity, l.location.clone())).collect();
                keys.sort();
                keys
            };
            let same = sorted(&one) == sorted(&other);
            prop_assert_eq!(Fingerprint::of(&question(one)) == Fingerprint::of(&question(other)), same);
        }
    }
}
