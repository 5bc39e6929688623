//! Lets the rate limits of inventories be counted in the shared cache. It stands here because the rooms `cache` and `supplier` may not
//! import each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::cache::{Cache, Turn, Turns};
use crate::domain::{SourceName, TenantId};
use crate::supplier::SharedTurns;

struct CountedTogether(Cache);

/// The count of a cache that replicas share; nothing for one that they do not.
pub(super) fn shared(cache: &Cache) -> Option<Arc<dyn SharedTurns>> {
    match cache {
        Cache::Redis(_) => Some(Arc::new(CountedTogether(cache.clone()))),
        Cache::Memory(_) | Cache::Off => None,
    }
}

#[async_trait]
impl SharedTurns for CountedTogether {
    async fn turn(
        &self,
        tenant: Option<TenantId>,
        source: &SourceName,
        per_second: f64,
        patience: Duration,
    ) -> Option<Result<Duration, Duration>> {
        Some(match self.0.turn(&Turns { tenant, source, per_second, patience }).await? {
            Turn::After(wait) => Ok(wait),
            Turn::TooFar(wait) => Err(wait),
        })
    }
}
