//! Requests under an idempotency key: begun once at a time, answered once, replayed until they expire.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
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

impl Store {
    /// Begins the work on a request, unless it is being worked on or was answered. The row is written before the work begins.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn begin_request(
        &self,
        name: &RequestName,
        fresh: Uuid,
        fingerprint: &[u8; 32],
        now: DateTime<Utc>,
        busy_until: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Begun, StoreError> {
        let during = "begin_request";
        let mut tx = begin(&self.pool, during, &[name.tenant]).await?;
        tenants::know(&mut tx, name.tenant, now).await?;
        let inserted = sqlx::query(
            "-- begin_request
insert into idempotency_record (tenant_id, operation, idempotency_key, record_id, fingerprint, attempt, session_id, busy_until, created_at, expires_at)
values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9)
on conflict (tenant_id, operation, idempotency_key) do nothing",
        )
        .bind(name.tenant.0)
        .bind(name.operation)
        .bind(&name.key)
        .bind(fresh)
        .bind(fingerprint.as_slice())
        .bind(self.session.0)
        .bind(busy_until)
        .bind(now)
        .bind(expires_at)
        .execute(&mut *tx)
        .answered(during).await?;
        if inserted.rows_affected() == 1 {
            tx.commit().answered(during).await?;
            return Ok(Begun::Yes(RequestAttempt { name: name.clone(), record: fresh, number: 1 }));
        }
        let raw: Raw = sqlx::query_as(
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
        .fetch_one(&mut *tx)
        .answered(during)
        .await?;
        let expired = raw.expires_at <= now;
        if !expired {
            if raw.fingerprint != fingerprint {
                return Ok(Begun::OtherRequest);
            }
            if let (Some(status), Some(headers), Some(body)) = (raw.answer_status, raw.answer_headers, raw.answer_body) {
                return Ok(Begun::Answered(KeptAnswer { status: u16::try_from(status).unwrap_or(500), headers: headers.0, body }));
            }
            if raw.busy {
                return Ok(Begun::InProgress);
            }
        }
        // Nobody is at it any more: the work is begun anew, under the same name unless it is another request by now.
        let attempt = RequestAttempt { name: name.clone(), record: if expired { fresh } else { raw.record_id }, number: raw.attempt + 1 };
        sqlx::query(
            "-- begin_request_anew
update idempotency_record set record_id = $4, fingerprint = $5, attempt = $6, session_id = $7, busy_until = $8, expires_at = $9,
    answer_status = null, answer_headers = null, answer_body = null, finished_at = null
where tenant_id = $1 and operation = $2 and idempotency_key = $3",
        )
        .bind(name.tenant.0)
        .bind(name.operation)
        .bind(&name.key)
        .bind(attempt.record)
        .bind(fingerprint.as_slice())
        .bind(attempt.number)
        .bind(self.session.0)
        .bind(busy_until)
        .bind(if expired { expires_at } else { raw.expires_at })
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(Begun::Yes(attempt))
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
