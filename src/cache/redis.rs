//! The cache that replicas share. Every command has a short time-out and stands behind a breaker; none of them can fail a caller.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, ErrorKind, FromRedisValue, RedisError, Script, cmd};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;

use crate::cache::breaker::Breaker;
use crate::cache::keys::Key;
use crate::cache::{CacheError, CacheOptions, Mark, Marked, RedisOptions, Turn, Turns, evidence};
use crate::clock::SharedClock;
use crate::domain::{AvailabilityEvidence, Fingerprint, TenantId};
use crate::{cryptography, metrics};

/// Takes a mark away only from whoever set it.
const UNMARK: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";

/// Takes the next turn: the calls let through so far take their time until an instant, which runs ahead of the clock by about a
/// second's worth of calls at the most. A value that is none, or that lies beyond all patience, is thrown away.
const TURN: &str = "
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local period, ahead, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.pcall('get', KEYS[1])
if type(found) == 'table' then
  redis.call('del', KEYS[1])
  found = nil
end
local spent = found and tonumber(found)
if not spent or spent < now or spent > now + ahead + period + 60000000 then
  spent = now
end
local wait = spent - now - ahead
if wait < 0 then wait = 0 end
if wait > patience then return {0, math.ceil(wait)} end
spent = spent + period
redis.call('set', KEYS[1], string.format('%.0f', spent), 'px', math.ceil((spent - now) / 1000) + 1000)
return {1, math.ceil(wait)}";

/// What a command came to, for the metrics.
enum Outcome {
    Done,
    /// Redis answered, and refused: it is full, or something of another type is under the key.
    Refused,
    /// Redis did not answer in time, or cannot be reached.
    Away,
    /// Redis is being left alone.
    Skipped,
}

/// Redis, at arm's length.
pub struct RedisCache {
    options: CacheOptions,
    client: Client,
    timeout: Duration,
    breaker: Breaker,
    clock: SharedClock,
    connection: Mutex<Option<ConnectionManager>>,
    unmark: Script,
    turn: Script,
}

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisCache").field("options", &self.options).field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

impl RedisCache {
    pub(super) fn new(options: CacheOptions, redis: &RedisOptions, clock: SharedClock) -> Result<Self, CacheError> {
        // For rediss://.
        cryptography::install();
        Ok(Self {
            options,
            client: client(redis)?,
            timeout: redis.timeout,
            breaker: Breaker::new(redis.failures_to_pause, redis.pause),
            clock,
            connection: Mutex::default(),
            unmark: Script::new(UNMARK),
            turn: Script::new(TURN),
        })
    }

    pub(super) async fn evidence(&self, tenant: TenantId, fingerprint: Fingerprint, now: DateTime<Utc>) -> Option<AvailabilityEvidence> {
        let key = Key::Evidence(tenant, fingerprint);
        let bytes: Option<Vec<u8>> = match self.run("get_evidence", cmd("GET").arg(key.to_string())).await {
            Ok(bytes) => bytes,
            // Something of another type lies there, and might lie there for good.
            Err(Outcome::Refused) => {
                self.forget_evidence(tenant, fingerprint).await;
                return None;
            }
            Err(Outcome::Done | Outcome::Away | Outcome::Skipped) => return None,
        };
        let Some(bytes) = bytes else {
            metrics::cache_call("get_evidence", "miss");
            return None;
        };
        let found = evidence::read(&String::from_utf8_lossy(&bytes), tenant, fingerprint, now, self.options.evidence_for);
        metrics::cache_call("get_evidence", if found.is_some() { "hit" } else { "distrusted" });
        found
    }

    pub(super) async fn keep_evidence(&self, evidence: &Arc<AvailabilityEvidence>, now: DateTime<Utc>) {
        let lives = self.options.evidence_for.min(evidence.expires_at - now).num_milliseconds();
        if lives < 1 {
            return;
        }
        let Some(text) = evidence::write(evidence, now) else { return };
        let key = Key::Evidence(evidence.tenant, evidence.fingerprint).to_string();
        let _: Result<(), Outcome> = self.run("put_evidence", cmd("SET").arg(key).arg(text).arg("PX").arg(lives)).await;
    }

    pub(super) async fn forget_evidence(&self, tenant: TenantId, fingerprint: Fingerprint) {
        let key = Key::Evidence(tenant, fingerprint).to_string();
        let _: Result<i64, Outcome> = self.run("forget_evidence", cmd("DEL").arg(key)).await;
    }

    pub(super) async fn mark(&self, tenant: TenantId, fingerprint: Fingerprint, by: String, at_most: Duration) -> Mark {
        let key = Key::InFlight(tenant, fingerprint);
        let name = key.to_string();
        let most = u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX).max(1);
        let set: Result<Option<String>, Outcome> = self.run("mark", cmd("SET").arg(&name).arg(&by).arg("NX").arg("PX").arg(most)).await;
        match set {
            Ok(Some(_)) => Mark::Mine(Marked { key, by }),
            Ok(None) => {
                let left: Result<i64, Outcome> = self.run("mark_left", cmd("PTTL").arg(&name)).await;
                match left.map(|left| (left, u64::try_from(left))) {
                    // The mark expired between the two commands.
                    Ok((-2, _)) => Mark::Others(Duration::ZERO),
                    Ok((_, Ok(left))) if left <= most => Mark::Others(Duration::from_millis(left)),
                    // A mark without an expiry, or with one too far away, was not set by us.
                    Ok(_) => {
                        let _: Result<i64, Outcome> = self.run("unmark", cmd("DEL").arg(&name)).await;
                        Mark::Untold
                    }
                    Err(_) => Mark::Untold,
                }
            }
            Err(_) => Mark::Untold,
        }
    }

    pub(super) async fn unmark(&self, marked: Marked) {
        let Marked { key, by } = marked;
        let invocation =
            async |mut connection: ConnectionManager| self.unmark.key(key.to_string()).arg(by).invoke_async::<i64>(&mut connection).await;
        // If this fails, the mark expires by itself.
        let _: Result<i64, Outcome> = self.guarded("unmark", invocation).await;
    }

    pub(super) async fn turn(&self, turns: &Turns<'_>) -> Option<Turn> {
        let period = 1_000_000.0 / turns.per_second;
        if !(period.is_finite() && period > 0.0) {
            return None;
        }
        let key = Key::Turns(turns.tenant, turns.source.clone()).to_string();
        let ahead = (1_000_000.0 - period).max(0.0);
        let patience = turns.patience.as_micros() as f64;
        let invocation = |mut connection: ConnectionManager| async move {
            self.turn
                .key(key)
                .arg(format!("{period:.0}"))
                .arg(format!("{ahead:.0}"))
                .arg(format!("{patience:.0}"))
                .invoke_async::<(i64, u64)>(&mut connection)
                .await
        };
        match self.guarded("turn", invocation).await.ok()? {
            (1, wait) => Some(Turn::After(Duration::from_micros(wait))),
            (_, wait) => Some(Turn::TooFar(Duration::from_micros(wait))),
        }
    }

    pub(super) async fn health(&self) -> (bool, String) {
        let answered: Result<String, Outcome> = self.run("ping", &cmd("PING")).await;
        match answered {
            Ok(_) => (true, "answers".to_owned()),
            Err(Outcome::Skipped) => (false, "is left alone after several failures; nothing but time is lost".to_owned()),
            Err(_) => (false, "does not answer; nothing but time is lost".to_owned()),
        }
    }

    async fn run<T: FromRedisValue + Send>(&self, operation: &'static str, command: &Cmd) -> Result<T, Outcome> {
        self.guarded(operation, |mut connection: ConnectionManager| async move { command.query_async::<T>(&mut connection).await }).await
    }

    /// Runs something within the time-out, unless Redis is being left alone.
    async fn guarded<T, Acting>(&self, operation: &'static str, act: impl FnOnce(ConnectionManager) -> Acting) -> Result<T, Outcome>
    where
        Acting: Future<Output = Result<T, RedisError>> + Send,
    {
        if !self.breaker.admits(self.now()) {
            return Err(self.told(operation, Outcome::Skipped));
        }
        let acting = async {
            let connection = self.connection()?;
            act(connection).await
        };
        let answer = tokio::time::timeout(self.timeout, acting).await;
        let (outcome, why) = match answer {
            Ok(Ok(value)) => {
                self.note(true);
                self.told(operation, Outcome::Done);
                return Ok(value);
            }
            Ok(Err(error)) if is_answer(&error) => (Outcome::Refused, error.to_string()),
            Ok(Err(error)) => (Outcome::Away, error.to_string()),
            Err(_) => (Outcome::Away, format!("no answer within {} ms", self.timeout.as_millis())),
        };
        tracing::debug!(operation, why, "Redis did not do what it was asked for");
        self.note(matches!(outcome, Outcome::Refused));
        Err(self.told(operation, outcome))
    }

    fn told(&self, operation: &'static str, outcome: Outcome) -> Outcome {
        let label = match outcome {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Away => "away",
            Outcome::Skipped => "skipped",
        };
        metrics::cache_call(operation, label);
        outcome
    }

    fn note(&self, well: bool) {
        match self.breaker.note(well, self.now()) {
            Some(true) => tracing::warn!("Redis does not answer and is left alone for a while; decisions are the same, and slower"),
            Some(false) => tracing::info!("Redis answers again"),
            None => {}
        }
        if !well && self.breaker.is_open() {
            // A connection whose other end has vanished would keep us waiting for as long as TCP does.
            self.lock().take();
        }
    }

    fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let mut held = self.lock();
        if let Some(connection) = held.as_ref() {
            return Ok(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(self.timeout.max(Duration::from_millis(250))))
            .set_response_timeout(Some(self.timeout));
        let connection = ConnectionManager::new_lazy_with_config(self.client.clone(), config)?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ConnectionManager>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        self.clock.instant()
    }
}

/// Reads the address; connects to nothing.
pub(super) fn client(redis: &RedisOptions) -> Result<Client, CacheError> {
    Client::open(redis.url.expose_secret()).map_err(CacheError::BadUrl)
}

/// Redis answered, if only with an error of its own, or with something of another kind than was asked for.
fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType)
}
