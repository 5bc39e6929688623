//! The cache of a single process: recent evidence in memory, a bounded number of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::cache::CacheOptions;
use crate::domain::{AvailabilityEvidence, Fingerprint, TenantId};
use crate::metrics;

struct Kept {
    evidence: Arc<AvailabilityEvidence>,
    until: DateTime<Utc>,
}

/// Recent evidence by its question.
pub struct MemoryCache {
    options: CacheOptions,
    kept: Mutex<HashMap<(TenantId, Fingerprint), Kept>>,
}

impl std::fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryCache").field("options", &self.options).finish_non_exhaustive()
    }
}

impl MemoryCache {
    pub(super) fn new(options: CacheOptions) -> Self {
        Self { options, kept: Mutex::default() }
    }

    pub(super) fn evidence(&self, tenant: TenantId, fingerprint: Fingerprint, now: DateTime<Utc>) -> Option<AvailabilityEvidence> {
        let found = self.list().get(&(tenant, fingerprint)).filter(|kept| now < kept.until).map(|kept| Arc::clone(&kept.evidence));
        metrics::cache_call("get_evidence", if found.is_some() { "hit" } else { "miss" });
        found.map(|evidence| evidence.as_ref().clone())
    }

    pub(super) fn keep_evidence(&self, evidence: &Arc<AvailabilityEvidence>, now: DateTime<Utc>) {
        let until = evidence.expires_at.min(now + self.options.evidence_for);
        if until <= now || self.options.most_entries == 0 {
            return;
        }
        let mut list = self.list();
        let key = (evidence.tenant, evidence.fingerprint);
        if list.get(&key).is_some_and(|kept| now < kept.until && kept.evidence.checked_at > evidence.checked_at) {
            return;
        }
        if list.len() >= self.options.most_entries && !list.contains_key(&key) {
            list.retain(|_, kept| now < kept.until);
            // Everything in it is from this very moment: better to forget all than to grow, and nothing is lost by it.
            if list.len() >= self.options.most_entries {
                list.clear();
            }
        }
        list.insert(key, Kept { evidence: Arc::clone(evidence), until });
    }

    pub(super) fn forget_evidence(&self, tenant: TenantId, fingerprint: Fingerprint) {
        self.list().remove(&(tenant, fingerprint));
    }

    fn list(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, Fingerprint), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::sample_evidence;

    fn cache(most_entries: usize) -> MemoryCache {
        MemoryCache::new(CacheOptions { evidence_for: TimeDelta::seconds(10), most_entries })
    }

    #[test]
    fn cached_evidence_lives_for_a_moment_and_never_beyond_its_expiry() {
        let (cache, evidence) = (cache(10), Arc::new(sample_evidence()));
        let (tenant, print, start) = (evidence.tenant, evidence.fingerprint, evidence.checked_at);
        let at = |seconds| start + TimeDelta::seconds(seconds);
        cache.keep_evidence(&evidence, start);
        assert!(cache.evidence(tenant, print, at(9)).is_some());
        assert!(cache.evidence(tenant, print, at(10)).is_none());
        cache.keep_evidence(&evidence, at(55));
        assert!(cache.evidence(tenant, print, at(59)).is_some());
        assert!(cache.evidence(tenant, print, at(60)).is_none(), "expired evidence is not shown, however recently it was cached");
        cache.keep_evidence(&evidence, at(61));
        assert!(cache.list().values().all(|kept| kept.until <= at(60)));
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_the_newer_of_two() {
        let (cache, evidence) = (cache(2), sample_evidence());
        let now = evidence.checked_at;
        for n in 0..10 {
            let print = Fingerprint::from_bytes([n; 32]);
            cache.keep_evidence(&Arc::new(AvailabilityEvidence { fingerprint: print, ..evidence.clone() }), now);
            assert!(cache.evidence(evidence.tenant, print, now).is_some());
            assert!(cache.list().len() <= 2);
        }
        let older = AvailabilityEvidence { checked_at: now - TimeDelta::seconds(5), ..evidence.clone() };
        cache.keep_evidence(&Arc::new(evidence.clone()), now);
        cache.keep_evidence(&Arc::new(older), now);
        assert_eq!(cache.evidence(evidence.tenant, evidence.fingerprint, now), Some(evidence));
    }
}
