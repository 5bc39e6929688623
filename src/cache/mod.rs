//! What may be forgotten at any time: copies of recent evidence, marks of questions under way, and counted calls.
//!
//! **Invariant:** losing, slowing down or falsifying all of this changes no decision. A cached answer is shown again only for the
//! very question and subject that it was given for, for a moment, and never to an order; everything else is read from its row.
//! **Invariant:** no call here fails. What cannot be had in time is not there.

mod breaker;
mod evidence;
mod keys;
mod memory;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use crate::cache::keys::Key;
use crate::cache::memory::MemoryCache;
use crate::cache::redis::RedisCache;
use crate::clock::SharedClock;
use crate::domain::{AvailabilityEvidence, Fingerprint, SourceName, TenantId};

pub(crate) use keys::MARK_GRACE;
pub use keys::{KEYS, KeyShape};

/// How a cache is to be.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// How long cached evidence is shown again without a look at its row.
    pub evidence_for: TimeDelta,
    /// The most evidence that a process keeps in its memory.
    pub most_entries: usize,
}

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// `redis://` or, with TLS, `rediss://`.
    pub url: SecretString,
    /// How long one command may take. Past it, Redis is as good as not there.
    pub timeout: Duration,
    /// After so many commands in a row that failed, Redis is left alone for the pause.
    pub failures_to_pause: u32,
    /// For how long.
    pub pause: Duration,
}

/// Which cache there is to be.
#[derive(Debug, Clone)]
pub enum CachePlan {
    /// Shared with the other replicas.
    Redis(CacheOptions, RedisOptions),
    /// This process's own.
    Memory(CacheOptions),
    /// None.
    Off,
}

impl RedisOptions {
    /// Looks whether the address is one; connects to nothing.
    ///
    /// # Errors
    /// [`CacheError::BadUrl`].
    pub fn check(&self) -> Result<(), CacheError> {
        redis::client(self).map(drop)
    }
}

/// Why a cache cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The address is none. The address itself is not shown: it may hold a password.
    #[error("the address of Redis cannot be read: it must be such as redis://host:6379/0 or, with TLS, rediss://host:6380/0")]
    BadUrl(#[source] ::redis::RedisError),
}

/// The cache of this process.
#[derive(Debug, Clone)]
pub enum Cache {
    /// Shared with the other replicas.
    Redis(Arc<RedisCache>),
    /// This process's own.
    Memory(Arc<MemoryCache>),
    /// None.
    Off,
}

/// Whether a question is under way elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// It is marked as ours now; give the mark back to [`Cache::unmark`].
    Mine(Marked),
    /// Somebody else asks at this moment; the mark ends by itself after this long.
    Others(Duration),
    /// The cache does not say.
    Untold,
}

/// A mark that this process has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    key: Key,
    by: String,
}

impl Cache {
    /// Makes a cache; connects to nothing.
    ///
    /// # Errors
    /// [`CacheError::BadUrl`].
    pub fn build(plan: CachePlan, clock: SharedClock) -> Result<Self, CacheError> {
        match plan {
            CachePlan::Redis(options, redis) => Self::redis(options, &redis, clock),
            CachePlan::Memory(options) => Ok(Self::memory(options)),
            CachePlan::Off => Ok(Self::Off),
        }
    }

    /// A cache in this process's memory.
    #[must_use]
    pub fn memory(options: CacheOptions) -> Self {
        Self::Memory(Arc::new(MemoryCache::new(options)))
    }

    /// A cache in Redis. Connects to nothing yet: a Redis that is down keeps no daemon from starting.
    ///
    /// # Errors
    /// [`CacheError::BadUrl`].
    pub fn redis(options: CacheOptions, redis: &RedisOptions, clock: SharedClock) -> Result<Self, CacheError> {
        Ok(Self::Redis(Arc::new(RedisCache::new(options, redis, clock)?)))
    }

    /// Evidence that was kept for a question a moment ago.
    pub async fn evidence(&self, tenant: TenantId, fingerprint: Fingerprint, now: DateTime<Utc>) -> Option<AvailabilityEvidence> {
        match self {
            Self::Redis(cache) => cache.evidence(tenant, fingerprint, now).await,
            Self::Memory(cache) => cache.evidence(tenant, fingerprint, now),
            Self::Off => None,
        }
    }

    /// Keeps evidence for a moment, and never beyond its expiry.
    pub async fn keep_evidence(&self, evidence: &Arc<AvailabilityEvidence>, now: DateTime<Utc>) {
        match self {
            Self::Redis(cache) => cache.keep_evidence(evidence, now).await,
            Self::Memory(cache) => cache.keep_evidence(evidence, now),
            Self::Off => {}
        }
    }

    /// Forgets the evidence of a question, because it is being asked anew.
    pub async fn forget_evidence(&self, tenant: TenantId, fingerprint: Fingerprint) {
        match self {
            Self::Redis(cache) => cache.forget_evidence(tenant, fingerprint).await,
            Self::Memory(cache) => cache.forget_evidence(tenant, fingerprint),
            Self::Off => {}
        }
    }

    /// Marks a question as under way, for at most this long. `by` tells this mark from every other.
    pub async fn mark(&self, tenant: TenantId, fingerprint: Fingerprint, by: String, at_most: Duration) -> Mark {
        match self {
            Self::Redis(cache) => cache.mark(tenant, fingerprint, by, at_most).await,
            // Within a process, equal questions wait for each other anyway.
            Self::Memory(_) | Self::Off => Mark::Untold,
        }
    }

    /// Takes a mark back, if it is still ours.
    pub async fn unmark(&self, marked: Marked) {
        if let Self::Redis(cache) = self {
            cache.unmark(marked).await;
        }
    }

    /// Takes a turn at a source that takes only so many calls per second from all replicas together; how long to wait for it.
    /// Nothing if the cache does not say: then each replica counts for itself.
    pub async fn turn(&self, turns: &Turns<'_>) -> Option<Turn> {
        match self {
            Self::Redis(cache) => cache.turn(turns).await,
            Self::Memory(_) | Self::Off => None,
        }
    }

    /// What there is to say of its health: whether it is well, and in words. Nothing for a cache that cannot be ill.
    pub async fn health(&self) -> Option<(bool, String)> {
        match self {
            Self::Redis(cache) => Some(cache.health().await),
            Self::Memory(_) | Self::Off => None,
        }
    }
}

/// Whose turn is wanted, and how many there are.
#[derive(Debug, Clone, Copy)]
pub struct Turns<'a> {
    /// The tenant whose calls are counted; nothing for those of all tenants together.
    pub tenant: Option<TenantId>,
    /// The inventory.
    pub source: &'a SourceName,
    /// How many calls a second.
    pub per_second: f64,
    /// How long the caller would wait.
    pub patience: Duration,
}

/// Whether there is a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// After this wait; the turn is taken.
    After(Duration),
    /// The wait would be this long, which is more than the caller's patience; no turn is taken.
    TooFar(Duration),
}
