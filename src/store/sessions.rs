//! Sessions: one row for each boot, a lease that is renewed every second, and what becomes of a session that stops renewing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::domain::SessionId;
use crate::store::answered::Answered as _;
use crate::store::{Store, StoreError};

/// How long a lease lasts after it was renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// Until when this boot may act, by its own monotonic clock.
///
/// The lease is counted from before its renewal was asked for, so that it always ends here before it ends in the database.
#[derive(Debug)]
pub struct SessionLease {
    zero: Instant,
    until_ms: AtomicU64,
}

impl SessionLease {
    pub(crate) fn starting(zero: Instant) -> Self {
        Self { zero, until_ms: AtomicU64::new(0) }
    }

    /// The instant after which nothing may be sent in this session's name.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.zero + Duration::from_millis(self.until_ms.load(Ordering::Acquire))
    }

    fn renewed(&self, asked_at: Instant) {
        let until = (asked_at + LEASE).saturating_duration_since(self.zero);
        self.until_ms.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }
}

/// A session whose lease ran out, or that said goodbye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadSession {
    /// The session.
    pub session: SessionId,
    /// The worker id that its loops' worker ids begin with.
    pub worker_id: String,
}

impl Store {
    /// Puts this boot on record and takes its first lease.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn open_session(&self, worker_id: &str, host: &str, version: &str) -> Result<SessionLease, StoreError> {
        let asked_at = Instant::now();
        let lease = SessionLease::starting(asked_at);
        let opening = async |connection: &mut PgConnection| {
            sqlx::query(
                "-- open_session
insert into worker_session (session_id, worker_id, host, software_version, started_at, lease_until)
values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp() + make_interval(secs => $5))",
            )
            .bind(self.session.0)
            .bind(worker_id)
            .bind(host)
            .bind(version)
            .bind(LEASE.as_secs_f64())
            .execute(connection)
            .await
        };
        self.lease.run("open_session", opening).await?;
        lease.renewed(asked_at);
        Ok(lease)
    }

    /// Renews the lease. False if it ran out before: whoever saw that may have taken over, so that this boot must end.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`]; the lease is then as it was.
    pub async fn renew_session(&self, lease: &SessionLease) -> Result<bool, StoreError> {
        let asked_at = Instant::now();
        let renewing = async |connection: &mut PgConnection| {
            sqlx::query(
                "-- renew_session
update worker_session set lease_until = clock_timestamp() + make_interval(secs => $2)
where session_id = $1 and ended_at is null and lease_until > clock_timestamp()",
            )
            .bind(self.session.0)
            .bind(LEASE.as_secs_f64())
            .execute(connection)
            .await
        };
        let done = self.lease.run("renew_session", renewing).await?;
        let renewed = done.rows_affected() == 1;
        if renewed {
            lease.renewed(asked_at);
        }
        Ok(renewed)
    }

    /// Says goodbye: every claim of this boot is over.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn end_session(&self) -> Result<(), StoreError> {
        let ending = async |connection: &mut PgConnection| {
            sqlx::query("-- end_session\nupdate worker_session set ended_at = clock_timestamp() where session_id = $1 and ended_at is null")
                .bind(self.session.0)
                .execute(connection)
                .await
        };
        self.lease.run("end_session", ending).await.map(drop)
    }

    /// Begins the time anew for which the engine locks of a dead session are looked for.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn rescue_anew(&self, dead: SessionId) -> Result<(), StoreError> {
        sqlx::query("-- rescue_anew\nupdate worker_session set rescued_until = null where session_id = $1")
            .bind(dead.0)
            .execute(&self.pool)
            .answered("rescue_anew")
            .await
            .map(drop)
    }

    /// The dead sessions whose engine locks are to be undone now, each for one replica at a time. A session found dead for the first
    /// time is swept for `sweep_for`, since so long may the engine still lock tasks for its parked long poll: at every call for
    /// `often_for`, then every three seconds.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_dead_sessions(&self, often_for: Duration, sweep_for: Duration) -> Result<Vec<DeadSession>, StoreError> {
        let rows = sqlx::query(
            "-- list_dead_sessions
update worker_session set
    ended_at = coalesce(ended_at, clock_timestamp()),
    rescued_until = coalesce(rescued_until, clock_timestamp() + make_interval(secs => $2)),
    swept_at = clock_timestamp()
where session_id <> $1
    and (ended_at is not null or lease_until <= clock_timestamp())
    and (rescued_until is null or rescued_until > clock_timestamp())
    and (swept_at is null or swept_at <= clock_timestamp() - case
        when ended_at > clock_timestamp() - make_interval(secs => $3) then interval '400 milliseconds'
        else interval '3 seconds'
    end)
returning session_id, worker_id",
        )
        .bind(self.session.0)
        .bind(sweep_for.as_secs_f64())
        .bind(often_for.as_secs_f64())
        .fetch_all(&self.pool)
        .answered("list_dead_sessions")
        .await?;
        rows.iter()
            .map(|row| {
                let session: Uuid = row.try_get("session_id").map_err(StoreError::during("list_dead_sessions"))?;
                let worker_id = row.try_get("worker_id").map_err(StoreError::during("list_dead_sessions"))?;
                Ok(DeadSession { session: SessionId(session), worker_id })
            })
            .collect()
    }

    /// Forgets sessions that ended before an instant; what they did stays on record under their ids.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn forget_sessions(&self, ended_before: DateTime<Utc>) -> Result<u64, StoreError> {
        let done = sqlx::query("-- forget_sessions\ndelete from worker_session where ended_at < $1 and rescued_until < clock_timestamp()")
            .bind(ended_before)
            .execute(&self.pool)
            .answered("forget_sessions")
            .await?;
        Ok(done.rows_affected())
    }
}
