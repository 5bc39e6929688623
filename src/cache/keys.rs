//! Every key: its shape, what is under it, and how long it lives. Each begins with the tenant.

use std::fmt;
use std::time::Duration;

use crate::domain::{Fingerprint, SourceName, TenantId};

/// A kind of key, as the documentation lists it.
#[derive(Debug, Clone, Copy)]
pub struct KeyShape {
    /// How it is spelled.
    pub shape: &'static str,
    /// What is under it.
    pub value: &'static str,
    /// How long it lives.
    pub lives: &'static str,
}

/// The list.
pub const KEYS: &[KeyShape] = &[
    KeyShape {
        shape: "cpq:{tenantId}:availability:evidence:{fingerprint}",
        value: "JSON: the evidence, and when it was put there",
        lives: "`cache.evidence_for_ms`, never beyond the evidence's expiry",
    },
    KeyShape {
        shape: "cpq:{tenantId}:availability:inflight:{fingerprint}",
        value: "text: who asks",
        lives: "the source's `check_timeout_ms` and a second; taken away when the answer is on record",
    },
    KeyShape {
        shape: "cpq:{tenantId}:ratelimit:{source}",
        value: "integer: until when, in microseconds, the calls let through so far take their time; `all` for the tenant counts all tenants",
        lives: "until then, and a second",
    },
];

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Recent evidence for a question.
    Evidence(TenantId, Fingerprint),
    /// A question is under way.
    InFlight(TenantId, Fingerprint),
    /// The calls of a tenant, or of all, to a source.
    Turns(Option<TenantId>, SourceName),
}

/// How much longer than the call a mark lives: enough to put the answer on record.
pub(crate) const MARK_GRACE: Duration = Duration::from_secs(1);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evidence(tenant, fingerprint) => write!(f, "cpq:{tenant}:availability:evidence:{fingerprint}"),
            Self::InFlight(tenant, fingerprint) => write!(f, "cpq:{tenant}:availability:inflight:{fingerprint}"),
            Self::Turns(Some(tenant), source) => write!(f, "cpq:{tenant}:ratelimit:{source}"),
            Self::Turns(None, source) => write!(f, "cpq:all:ratelimit:{source}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn keys_have_the_shapes_that_the_list_promises() {
        let tenant = TenantId(Uuid::from_u128(1));
        let print = Fingerprint::from_bytes([0xab; 32]);
        let source = SourceName::parse("main").unwrap();
        let keys = [Key::Evidence(tenant, print), Key::InFlight(tenant, print), Key::Turns(Some(tenant), source)];
        for (key, shape) in keys.iter().zip(KEYS) {
            let shaped = shape.shape.replace("{tenantId}", &tenant.to_string()).replace("{fingerprint}", &print.to_string());
            assert_eq!(key.to_string(), shaped.replace("{source}", "main"));
        }
    }

    #[test]
    fn no_two_tenants_and_no_two_kinds_share_a_key() {
        let print = Fingerprint::from_bytes([1; 32]);
        let source = SourceName::parse("main").unwrap();
        let mut all = std::collections::HashSet::new();
        for tenant in [1, 2].map(|n| TenantId(Uuid::from_u128(n))) {
            all.insert(Key::Evidence(tenant, print).to_string());
            all.insert(Key::InFlight(tenant, print).to_string());
            all.insert(Key::Turns(Some(tenant), source.clone()).to_string());
        }
        all.insert(Key::Turns(None, source).to_string());
        assert_eq!(all.len(), 7);
    }
}
