//! Turns at an inventory that takes only so many calls: counted together with the other replicas where that can be, else here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::{SourceName, TenantId};

use super::limit::Limit;

/// A count that replicas share.
#[async_trait]
pub trait SharedTurns: Send + Sync {
    /// Takes the next turn: how long to wait for it, or how far away it is if that is beyond the patience and none is taken.
    /// Nothing if the count cannot be had; then each replica counts for itself.
    async fn turn(
        &self,
        tenant: Option<TenantId>,
        source: &SourceName,
        per_second: f64,
        patience: Duration,
    ) -> Option<Result<Duration, Duration>>;
}

/// One limit: for all calls to a source, or for those of each tenant.
pub(super) struct Turns {
    per_second: f64,
    per_tenant: bool,
    shared: Option<Arc<dyn SharedTurns>>,
    local: Mutex<HashMap<Option<TenantId>, Limit>>,
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("per_second", &self.per_second).field("per_tenant", &self.per_tenant).finish_non_exhaustive()
    }
}

impl Turns {
    /// A limit; nothing where the rate is no positive number.
    pub(super) fn new(per_second: f64, per_tenant: bool, shared: Option<Arc<dyn SharedTurns>>) -> Option<Self> {
        Limit::new(per_second).map(|_| Self { per_second, per_tenant, shared, local: Mutex::default() })
    }

    /// Takes the next turn and says how long to wait for it.
    ///
    /// # Errors
    /// How long the wait would be, where that is more than the patience; no turn is taken then.
    pub(super) async fn take(&self, tenant: TenantId, source: &SourceName, now: Instant, patience: Duration) -> Result<Duration, Duration> {
        let whose = self.per_tenant.then_some(tenant);
        if let Some(shared) = &self.shared
            && let Some(turn) = shared.turn(whose, source, self.per_second, patience).await
        {
            return turn;
        }
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = match local.entry(whose) {
            std::collections::hash_map::Entry::Occupied(entry) => Some(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => Limit::new(self.per_second).map(|limit| entry.insert(limit)),
        };
        limit.map_or(Ok(Duration::ZERO), |limit| limit.turn(now, patience))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// A count that says one thing for ever, or nothing.
    struct Fixed(Option<Result<Duration, Duration>>);

    #[async_trait]
    impl SharedTurns for Fixed {
        async fn turn(&self, _: Option<TenantId>, _: &SourceName, _: f64, _: Duration) -> Option<Result<Duration, Duration>> {
            self.0
        }
    }

    async fn take(turns: &Turns, tenant: u128, now: Instant) -> Result<Duration, Duration> {
        turns.take(TenantId(Uuid::from_u128(tenant)), &SourceName::parse("main").unwrap(), now, Duration::ZERO).await
    }

    #[tokio::test]
    async fn each_tenant_has_turns_of_its_own_or_all_have_them_together() {
        let now = Instant::now();
        let each = Turns::new(1.0, true, None).unwrap();
        assert_eq!((take(&each, 1, now).await, take(&each, 2, now).await), (Ok(Duration::ZERO), Ok(Duration::ZERO)));
        assert!(take(&each, 1, now).await.is_err());
        let together = Turns::new(1.0, false, None).unwrap();
        assert!(take(&together, 1, now).await.is_ok());
        assert!(take(&together, 2, now).await.is_err());
    }

    #[tokio::test]
    async fn the_shared_count_rules_where_it_can_be_had_and_each_counts_for_itself_where_it_cannot() {
        let now = Instant::now();
        let far = Err(Duration::from_secs(9));
        let ruled = Turns::new(1.0, false, Some(Arc::new(Fixed(Some(far))))).unwrap();
        assert_eq!(take(&ruled, 1, now).await, far);
        let alone = Turns::new(1.0, false, Some(Arc::new(Fixed(None)))).unwrap();
        assert!(take(&alone, 1, now).await.is_ok());
        assert!(take(&alone, 1, now).await.is_err());
    }
}
