//! The issuer's keys as they are kept here: fetched when they are needed, renewed by one caller at a time, never in a stampede.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::issuer::Issuer;
use super::keys::{Key, Keys};
use super::settings::KeyPolicy;
use crate::chain::chain;
use crate::clock::SharedClock;
use crate::metrics;

/// How long keys count beyond their time while the issuer cannot be asked: an issuer that is away for an hour stops nobody, and a
/// key that was withdrawn does not live on for ever.
const GRACE: Duration = Duration::from_secs(3_600);

/// Why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has no key of this id.
    Unknown,
    /// The issuer cannot be asked, and there are no keys that still count.
    IssuerAway,
}

/// The keys, and when they were fetched.
#[derive(Debug, Clone)]
pub(super) struct KeyRing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: Issuer,
    clock: SharedClock,
    good_for: Duration,
    pause: Duration,
    kept: RwLock<Kept>,
    /// Held by the one caller that asks the issuer.
    asking: Arc<Mutex<()>>,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    keys: Arc<Keys>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
}

/// How far the kept keys can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    /// They count, but are to be renewed.
    Due,
    /// They do not count any more, or never were there.
    Over,
}

impl KeyRing {
    pub(super) fn new(issuer: Issuer, policy: &KeyPolicy, clock: SharedClock) -> Self {
        let (good_for, pause) = (policy.good_for, policy.pause);
        Self(Arc::new(Inner { issuer, clock, good_for, pause, kept: RwLock::default(), asking: Arc::default() }))
    }

    /// The key of this id. The issuer is asked where the keys are old or the id is new, at most once in a pause.
    pub(super) async fn key(&self, id: &str) -> Result<Key, NoKey> {
        let seen = self.0.kept();
        match self.0.age(&seen) {
            Age::Fresh => {
                if let Some(key) = seen.keys.get(id) {
                    return Ok(key.clone());
                }
                self.renewed_since(&seen).await;
            }
            // One caller renews them; the others go on with what is there.
            Age::Due => {
                if self.0.asking.try_lock().is_ok() || seen.keys.get(id).is_none() {
                    self.renewed_since(&seen).await;
                }
            }
            Age::Over => self.renewed_since(&seen).await,
        }
        let kept = self.0.kept();
        match self.0.age(&kept) {
            Age::Over => Err(NoKey::IssuerAway),
            Age::Fresh | Age::Due => kept.keys.get(id).cloned().ok_or(NoKey::Unknown),
        }
    }

    /// Returns once somebody has asked the issuer since the keys were looked at, or nobody may ask yet.
    async fn renewed_since(&self, seen: &Kept) {
        let asking = Arc::clone(&self.0.asking).lock_owned().await;
        let kept = self.0.kept();
        if kept.tried_at != seen.tried_at || !self.0.may_ask(&kept) {
            return;
        }
        let inner = Arc::clone(&self.0);
        // On a task of its own: a caller that hangs up must not take the answer away from the others.
        let asked = tokio::spawn(async move {
            let _one_at_a_time = asking;
            inner.ask().await;
        });
        let _ = asked.await;
    }
}

impl Inner {
    fn kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn age(&self, kept: &Kept) -> Age {
        let Some(fetched_at) = kept.fetched_at else { return Age::Over };
        let age = self.clock.instant().saturating_duration_since(fetched_at);
        if age < self.good_for {
            Age::Fresh
        } else if age < self.good_for + GRACE {
            Age::Due
        } else {
            Age::Over
        }
    }

    fn may_ask(&self, kept: &Kept) -> bool {
        kept.tried_at.is_none_or(|tried_at| self.clock.instant().saturating_duration_since(tried_at) >= self.pause)
    }

    async fn ask(&self) {
        // Counted from before the question: the answer cannot be older than that.
        let asked_at = self.clock.instant();
        self.keep(|kept| kept.tried_at = Some(asked_at));
        let answer = self.issuer.keys().await;
        metrics::http_key_fetch(if answer.is_ok() { "ok" } else { "error" });
        match answer {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the issuer's keys were fetched");
                self.keep(|kept| {
                    kept.keys = Arc::new(keys);
                    kept.fetched_at = Some(asked_at);
                });
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the issuer's keys could not be fetched; those that are here count on for a while")
            }
        }
    }
}
