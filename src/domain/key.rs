//! The idempotency key: which hold this is, and nothing about how often it was tried.

use std::fmt;

use uuid::Uuid;

use crate::domain::{OrderId, ReservationStep, SourceName, TenantId};

/// The namespace of keys sent to inventories that want a UUID.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_4a0e_94b3_5c0c_9d3a_5a1e_7c2b_40f7);

/// Counts deliberate new attempts of one order step; starts at 1 and is raised by the process model alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptGroup(i32);

impl AttemptGroup {
    /// The group of an order step that was never started anew.
    pub const FIRST: Self = Self(1);

    /// Takes a number from 1 on; anything lower is no attempt group.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        i32::try_from(number).ok().filter(|n| *n >= 1).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }
}

/// `orderId:reservationStep:attemptGroup`, unique with tenant and source.
///
/// It is never made of a task id, a retry count, a worker or the time: those change while the hold stays the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of one hold.
    #[must_use]
    pub fn derive(order: OrderId, step: &ReservationStep, group: AttemptGroup) -> Self {
        Self(format!("{order}:{step}:{}", group.number()))
    }

    /// A key as it was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// What a key of ours is made of; nothing if the text is none.
    #[must_use]
    pub fn parts(text: &str) -> Option<(OrderId, ReservationStep, AttemptGroup)> {
        let mut parts = text.split(':');
        let order = OrderId::parse(parts.next()?).ok()?;
        let step = ReservationStep::parse(parts.next()?).ok()?;
        let group = AttemptGroup::new(parts.next()?.parse().ok()?)?;
        // Compared with the derived text, so that only keys in our own spelling are accepted: no capitals, leading zeros or fourth part.
        (Self::derive(order, &step, group).as_str() == text).then_some((order, step, group))
    }

    /// The key verbatim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key for inventories that accept only UUIDs: version 5 over tenant, source and key, so that it is the same on every call.
    #[must_use]
    pub fn as_uuid(&self, tenant: TenantId, source: &SourceName) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{tenant}|{source}|{}", self.0).as_bytes())
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: AttemptGroup) -> IdempotencyKey {
        let order = OrderId(Uuid::from_u128(7));
        ReservationStep::parse("reserve")
            .map_or_else(|_| IdempotencyKey::stored(String::new()), |step| IdempotencyKey::derive(order, &step, group))
    }

    #[test]
    fn the_key_is_order_step_and_attempt_group() {
        assert_eq!(key(AttemptGroup::FIRST).as_str(), "00000000-0000-0000-0000-000000000007:reserve:1");
    }

    #[test]
    fn only_a_text_that_is_made_here_is_a_key_of_ours() {
        let ours = "00000000-0000-0000-0000-00000000000a:reserve:1";
        let (order, step, group) = IdempotencyKey::parts(ours).unwrap();
        assert_eq!(IdempotencyKey::derive(order, &step, group).as_str(), ours);
        for other in [
            "",
            "A-1",
            "00000000-0000-0000-0000-00000000000A:reserve:1",
            "00000000-0000-0000-0000-00000000000a:reserve:01",
            "00000000-0000-0000-0000-00000000000a:reserve:+1",
            "00000000-0000-0000-0000-00000000000a:reserve:0",
            "00000000-0000-0000-0000-00000000000a:reserve:1:2",
            "00000000-0000-0000-0000-00000000000a:res erve:1",
            "00000000-0000-0000-0000-00000000000a::1",
        ] {
            assert_eq!(IdempotencyKey::parts(other), None, "{other}");
        }
    }

    #[test]
    fn the_uuid_form_is_stable_and_differs_by_tenant_source_and_group() {
        let source = |name: &str| SourceName::parse(name).unwrap();
        let tenant = |n| TenantId(Uuid::from_u128(n));
        let second = AttemptGroup::new(2).unwrap();
        let of = |t, s: &str, g| key(g).as_uuid(tenant(t), &source(s));
        assert_eq!(of(1, "main", AttemptGroup::FIRST), of(1, "main", AttemptGroup::FIRST));
        assert_ne!(of(1, "main", AttemptGroup::FIRST), of(2, "main", AttemptGroup::FIRST));
        assert_ne!(of(1, "main", AttemptGroup::FIRST), of(1, "other", AttemptGroup::FIRST));
        assert_ne!(of(1, "main", AttemptGroup::FIRST), of(1, "main", second));
    }

    #[test]
    fn attempt_groups_start_at_one() {
        assert_eq!(AttemptGroup::new(0), None);
        assert_eq!(AttemptGroup::new(1), Some(AttemptGroup::FIRST));
        assert_eq!(AttemptGroup::new(i64::MAX), None);
    }
}
