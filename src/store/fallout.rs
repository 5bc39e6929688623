//! Questions to humans and what they said. The settling statement opens and closes the cases; here they are read and answered.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{FromRow as _, Row as _};
use uuid::Uuid;

use crate::domain::{CaseId, Decision, Inadmissible, Reservation, ReservationId, TenantId, admit};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::reservations::{Find, Locked, read_locked};
use crate::store::{Store, StoreError};

const CASES: &str = "\
-- fallout_cases
select c.*, r.status, r.source_system, r.idempotency_key, r.version from fallout_case c join reservation r using (reservation_id)
where $1 or (c.closed_at is null and c.given_up_at is null)
order by c.opened_at, c.case_id limit $2";

const CASE: &str = "\
-- fallout_case
select c.*, r.status, r.source_system, r.idempotency_key, r.version from fallout_case c join reservation r using (reservation_id)
where c.case_id = $1 or c.reservation_id = $1
order by (c.closed_at is null) desc, c.opened_at desc limit 1";

const OWNER: &str = "\
-- hold_owner
select reservation_id from reservation
where source_system = $1 and external_reservation_ref = $2 and reservation_id <> $3 limit 1";

const PUT_DECISION: &str = "\
-- put_decision
insert into fallout_decision (decision_id, tenant_id, reservation_id, case_id, posted_as, decision, external_reservation_ref, comment,
    decided_by, via, decided_at, reservation_status, reservation_version, refused_because)
values (gen_random_uuid(), $1, $2, (select case_id from fallout_case where reservation_id = $2 and closed_at is null), $3, $4, $5, $6,
    $7, $8, $9, $10, $11, $12)
on conflict (tenant_id, posted_as) do nothing";

const OPEN_CASE: &str = "\
-- open_case
with asked as (
    update reservation set manual_since = coalesce(manual_since, $3), updated_at = $3, version = version + 1
    where reservation_id = $1 and (status in ('UNKNOWN', 'RELEASE_UNKNOWN') or pending_operation is not null)
    returning reservation_id, tenant_id, order_id, status, pending_operation
)
insert into fallout_case (case_id, tenant_id, reservation_id, order_id, question, why, opened_at, asked_in)
select gen_random_uuid(), tenant_id, reservation_id, order_id,
    case status when 'UNKNOWN' then 'RESERVE' when 'RELEASE_UNKNOWN' then 'RELEASE' else pending_operation end, $4, $3, $2
from asked
on conflict (reservation_id) where closed_at is null do update set asked_in = excluded.asked_in, why = excluded.why";

/// One question to a human, with where its reservation stands.
#[derive(Debug, Clone)]
pub struct FalloutCase {
    /// Its id.
    pub id: CaseId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The reservation.
    pub reservation: ReservationId,
    /// The order's id.
    pub order: Uuid,
    /// What is not known: `RESERVE`, `RELEASE`, `CONFIRM` or `EXTEND`.
    pub question: String,
    /// Why it could not be found out.
    pub why: Option<String>,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// The process instance in which a user task asks.
    pub asked_in: Option<String>,
    /// When a human chose not to wait.
    pub given_up_at: Option<DateTime<Utc>>,
    /// When the outcome was known.
    pub closed_at: Option<DateTime<Utc>>,
    /// The state of the reservation at that moment.
    pub outcome: Option<String>,
    /// Who or what found out.
    pub closed_by: Option<String>,
    /// The state of the reservation now.
    pub status: String,
    /// The inventory.
    pub source: String,
    /// The key under which the inventory should know the hold.
    pub key: String,
    /// The version of the reservation, for a decision that counts only if nothing has changed.
    pub version: i64,
}

/// What a human said.
#[derive(Debug, Clone)]
pub struct Word {
    /// Whose reservation.
    pub tenant: TenantId,
    /// Which.
    pub find: Find,
    /// What.
    pub decision: Decision,
    /// The version that it was said of; any, if nobody says.
    pub seen: Option<i64>,
    /// How they know.
    pub comment: Option<String>,
    /// Who.
    pub by: String,
    /// How it reached us: `form`, `cli` or `http`.
    pub via: &'static str,
    /// The same for the same word: a word that is delivered twice is one.
    pub posted_as: String,
    /// When.
    pub now: DateTime<Utc>,
}

/// Whether a word counts.
#[derive(Debug)]
pub enum Heard {
    /// There is no such reservation.
    NotFound,
    /// It does not.
    Refused(Box<Reservation>, Inadmissible),
    /// It does, and is on record.
    Counts(Box<Reservation>),
}

/// A question whose answer has been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredCase {
    /// The case.
    pub id: CaseId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The process instance that asks.
    pub asked_in: String,
}

impl Store {
    /// The cases, oldest first: those that wait for a human, or all of them.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_cases(&self, tenants: &[TenantId], all: bool, limit: i64) -> Result<Vec<FalloutCase>, StoreError> {
        let during = "list_cases";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let rows = sqlx::query(CASES).bind(all).bind(limit).fetch_all(&mut *tx).answered(during).await?;
        tx.commit().answered(during).await?;
        rows.iter().map(case).collect()
    }

    /// A case by its id or by its reservation's: the open one, else the newest.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn get_case(&self, tenants: &[TenantId], id: Uuid) -> Result<Option<FalloutCase>, StoreError> {
        let during = "get_case";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let row = sqlx::query(CASE).bind(id).fetch_optional(&mut *tx).answered(during).await?;
        tx.commit().answered(during).await?;
        row.as_ref().map(case).transpose()
    }

    /// Puts a human's word on record, with the reservation locked, and says whether it counts.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`]; nothing is on record then.
    pub async fn put_decision(&self, word: &Word) -> Result<Heard, StoreError> {
        let during = "put_decision";
        let mut tx = begin(&self.pool, during, &[word.tenant]).await?;
        let Some(Locked { row, .. }) = read_locked(&mut tx, word.tenant, &word.find).await? else { return Ok(Heard::NotFound) };
        let owner: Option<Uuid> = match word.decision.reference() {
            Some(reference) => {
                sqlx::query_scalar(OWNER)
                    .bind(row.source.as_str())
                    .bind(reference.as_str())
                    .bind(row.id.0)
                    .fetch_optional(&mut *tx)
                    .answered(during)
                    .await?
            }
            None => None,
        };
        let admitted = admit(&row, &word.decision, word.seen, owner.map(ReservationId));
        sqlx::query(PUT_DECISION)
            .bind(word.tenant.0)
            .bind(row.id.0)
            .bind(&word.posted_as)
            .bind(word.decision.as_str())
            .bind(word.decision.reference().map(crate::domain::ExternalReference::as_str))
            .bind(&word.comment)
            .bind(&word.by)
            .bind(word.via)
            .bind(word.now)
            .bind(row.status.as_str())
            .bind(row.version)
            .bind(admitted.as_ref().err().map(ToString::to_string))
            .execute(&mut *tx)
            .answered(during)
            .await?;
        if admitted.is_ok() && word.decision == Decision::GiveUp {
            sqlx::query("-- give_up\nupdate fallout_case set given_up_at = coalesce(given_up_at, $2) where reservation_id = $1 and closed_at is null")
                .bind(row.id.0)
                .bind(word.now)
                .execute(&mut *tx)
                .answered(during).await?;
        }
        tx.commit().answered(during).await?;
        let row = Box::new(row);
        Ok(match admitted {
            Ok(()) => Heard::Counts(row),
            Err(why) => Heard::Refused(row, why),
        })
    }

    /// Puts on record that a process asks a human about a reservation whose outcome is open; nothing if it is known meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn open_case(
        &self,
        tenant: TenantId,
        reservation: ReservationId,
        instance: &str,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let during = "open_case";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        sqlx::query(OPEN_CASE).bind(reservation.0).bind(instance).bind(now).bind(why).execute(&mut *tx).answered(during).await?;
        tx.commit().answered(during).await
    }

    /// The questions in processes whose answer was found before an instant, and that were not withdrawn yet. Where there are more than
    /// asked for, chance picks: those that cannot be withdrawn must not stand before all others for ever.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_answered_cases(
        &self,
        tenants: &[TenantId],
        closed_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<AnsweredCase>, StoreError> {
        let during = "list_answered_cases";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let rows: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
            "-- answered_cases
select case_id, tenant_id, asked_in from fallout_case
where closed_at < $1 and withdrawn_at is null and asked_in is not null order by random() limit $2",
        )
        .bind(closed_before)
        .bind(limit)
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(rows.into_iter().map(|(id, tenant, asked_in)| AnsweredCase { id: CaseId(id), tenant: TenantId(tenant), asked_in }).collect())
    }

    /// Marks the question of a case as withdrawn.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn withdraw_case(&self, tenant: TenantId, case: CaseId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let during = "withdraw_case";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        sqlx::query("-- withdraw_case\nupdate fallout_case set withdrawn_at = $2 where case_id = $1")
            .bind(case.0)
            .bind(now)
            .execute(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await
    }
}

#[derive(sqlx::FromRow)]
struct Raw {
    case_id: Uuid,
    tenant_id: Uuid,
    reservation_id: Uuid,
    order_id: Uuid,
    question: String,
    why: Option<String>,
    opened_at: DateTime<Utc>,
    asked_in: Option<String>,
    given_up_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    closed_by: Option<String>,
    status: String,
    source_system: String,
    idempotency_key: String,
}

fn case(row: &PgRow) -> Result<FalloutCase, StoreError> {
    let raw = Raw::from_row(row).map_err(StoreError::during("read_case"))?;
    Ok(FalloutCase {
        id: CaseId(raw.case_id),
        tenant: TenantId(raw.tenant_id),
        reservation: ReservationId(raw.reservation_id),
        order: raw.order_id,
        question: raw.question,
        why: raw.why,
        opened_at: raw.opened_at,
        asked_in: raw.asked_in,
        given_up_at: raw.given_up_at,
        closed_at: raw.closed_at,
        outcome: raw.outcome,
        closed_by: raw.closed_by,
        status: raw.status,
        source: raw.source_system,
        key: raw.idempotency_key,
        version: row.try_get("version").map_err(StoreError::during("read_case"))?,
    })
}
