//! Requests under an idempotency key: begun once at a time, answered once, replayed until they expire.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, Postgres, Transaction};
use uuid::Uuid;

use crate::domain::TenantId;
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError, tenants};

/// Which request is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestName {
    /// Whose it is.
    pub tenant: TenantId,
    /// The operation, as method and route.
    pub operation: &'static str,
    /// The caller's key, 1 to 255 characters.
    pub key: String,
}

/// The right to work on a request and to answer it.
#[derive(Debug, Clone)]
pub struct RequestAttempt {
    /// Which request.
    pub name: RequestName,
    /// Stays the same however often the work is begun anew.
    pub record: Uuid,
    number: i64,
}

/// An answer, to be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Headers by name, as a JSON object of texts.
    pub headers: Value,
    /// The body.
    pub body: String,
}

/// Whether the work may begin.
#[derive(Debug)]
pub enum Begun {
    /// It may, now.
    Yes(RequestAttempt),
    /// Somebody living works on it.
    InProgress,
    /// The key belongs to another request.
    OtherRequest,
    /// It was answered before.
    Answered(KeptAnswer),
}

/// A request that is to be begun.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Which request.
    pub name: RequestName,
    /// What its work is to be called, unless that was begun before.
    pub record: Uuid,
    /// SHA-256 over what is asked for: under one name it is always the same.
    pub fingerprint: [u8; 32],
    /// Until when nobody else may begin it anew while this session lives.
    pub busy_until: DateTime<Utc>,
    /// Until when its answer is kept.
    pub expires_at: DateTime<Utc>,
}

/// The transaction that begins a request.
const BEGIN: &str = "begin_request";

#[derive(FromRow)]
struct Raw {
    record_id: Uuid,
    fingerprint: Vec<u8>,
    attempt: i64,
    busy: bool,
    answer_status: Option<i32>,
    answer_headers: Option<Json<Value>>,
    answer_body: Option<String>,
    expires_at: DateTime<Utc>,
}

impl Raw {
    /// What keeps the work from being begun, if anything does.
    fn standing(&self, fingerprint: &[u8; 32]) -> Option<Begun> {
        if self.fingerprint != fingerprint {
            return Some(Begun::OtherRequest);
        }
        if let (Some(status), Some(headers), Some(body)) = (self.answer_status, &self.answer_headers, &self.answer_body) {
            let status = u16::try_from(status).unwrap_or(500);
            return Some(Begun::Answered(KeptAnswer { status, headers: headers.0.clone(), body: body.clone() }));
        }
        self.busy.then_some(Begun::InProgress)
    }
}

impl Store {
    /// Begins the work on a request, unless it is being worked on or was answered. The row is written before the work begins.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn begin_request(&self, request: &NewRequest, now: DateTime<Utc>) -> Result<Begun, StoreError> {
        let mut tx = begin(&self.pool, BEGIN, &[request.name.tenant]).await?;
        tenants::know(&mut tx, request.name.tenant, now).await?;
        let attempt = if self.insert(&mut tx, request, now).await? {
            RequestAttempt { name: request.name.clone(), record: request.record, number: 1 }
        } else {
            let found = look(&mut tx, &request.name, now).await?;
            if found.expires_at <= now {
                // Its time is over: the name is free for another request.
                self.begin_anew(&mut tx, request, request.record, found.attempt + 1, request.expires_at).await?
            } else {
                if let Some(standing) = found.standing(&request.fingerprint) {
                    return Ok(standing);
                }
                // Nobody is at it any more.
                self.begin_anew(&mut tx, request, found.record_id, found.attempt + 1, found.expires_at).await?
            }
        };
        tx.commit().answered(BEGIN).await?;
        Ok(Begun::Yes(attempt))
    }

    /// Writes the row of a request, unless its name has one.
    async fn insert(&self, tx: &mut Transaction<'static, Postgres>, request: &NewRequest, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let inserted = sqlx::query(
            "-- begin_request
insert into idempotency_record (tenant_id, operation, idempotency_key, record_id, fingerprint, attempt, session_id, busy_until, created_at, expires_at)
values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9)
on conflict (tenant_id, operation, idempotency_key) do nothing",
        )
        .bind(request.name.tenant.0)
        .bind(request.name.operation)
        .bind(&request.name.key)
        .bind(request.record)
        .bind(request.fingerprint.as_slice())
        .bind(self.session.0)
        .bind(request.busy_until)
        .bind(now)
        .bind(request.expires_at)
        .execute(&mut **tx)
        .answered(BEGIN)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Takes the row of a request over, whose answer is forgotten.
    async fn begin_anew(
        &self,
        tx: &mut Transaction<'static, Postgres>,
        request: &NewRequest,
        record: Uuid,
        number: i64,
        expires_at: DateTime<Utc>,
    ) -> Result<RequestAttempt, StoreError> {
        sqlx::query(
            "-- begin_request_anew
update idempotency_record set record_id = $4, fingerprint = $5, attempt = $6, session_id = $7, busy_until = $8, expires_at = $9,
    answer_status = null, answer_headers = null, answer_body = null, finished_at = null
where tenant_id = $1 and operation = $2 and idempotency_key = $3",
        )
        .bind(request.name.tenant.0)
        .bind(request.name.operation)
        .bind(&request.name.key)
        .bind(record)
        .bind(request.fingerprint.as_slice())
        .bind(number)
        .bind(self.session.0)
        .bind(request.busy_until)
        .bind(expires_at)
        .execute(&mut **tx)
        .answered(BEGIN)
        .await?;
        Ok(RequestAttempt { name: request.name.clone(), record, number })
    }

    /// Keeps the answer of a request; false if somebody else has begun it anew.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn answer_request(&self, attempt: &RequestAttempt, answer: &KeptAnswer, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let during = "answer_request";
        let mut tx = begin(&self.pool, during, &[attempt.name.tenant]).await?;
        let done = sqlx::query(
            "-- answer_request
update idempotency_record set answer_status = $5, answer_headers = $6, answer_body = $7, finished_at = $8, session_id = null
where tenant_id = $1 and operation = $2 and idempotency_key = $3 and attempt = $4 and answer_status is null",
        )
        .bind(attempt.name.tenant.0)
        .bind(attempt.name.operation)
        .bind(&attempt.name.key)
        .bind(attempt.number)
        .bind(i32::from(answer.status))
        .bind(Json(&answer.headers))
        .bind(&answer.body)
        .bind(now)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets a request go without an answer, so that it may be begun anew at once.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn abandon_request(&self, attempt: &RequestAttempt) -> Result<(), StoreError> {
        let during = "abandon_request";
        let mut tx = begin(&self.pool, during, &[attempt.name.tenant]).await?;
        sqlx::query(
            "-- abandon_request
update idempotency_record set session_id = null
where tenant_id = $1 and operation = $2 and idempotency_key = $3 and attempt = $4 and answer_status is null",
        )
        .bind(attempt.name.tenant.0)
        .bind(attempt.name.operation)
        .bind(&attempt.name.key)
        .bind(attempt.number)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await
    }
}

/// Reads the row of a request and keeps others from it.
async fn look(tx: &mut Transaction<'static, Postgres>, name: &RequestName, now: DateTime<Utc>) -> Result<Raw, StoreError> {
    sqlx::query_as(
        "-- begin_request_look
select i.*, i.busy_until > $4 and exists (
    select from worker_session s where s.session_id = i.session_id and s.ended_at is null and s.lease_until > clock_timestamp()
) as busy
from idempotency_record i where tenant_id = $1 and operation = $2 and idempotency_key = $3 for update of i",
    )
    .bind(name.tenant.0)
    .bind(name.operation)
    .bind(&name.key)
    .bind(now)
    .fetch_one(&mut **tx)
    .answered(BEGIN)
    .await
}
