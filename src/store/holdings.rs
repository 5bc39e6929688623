//! What a comparison with an inventory needs: our reservations in bulk, and calls for holds that have none.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row as _, Transaction};
use uuid::Uuid;

use crate::domain::{
    AnswerClass, CallId, Evidence, ExternalReference, LineRecord, Operation, OrderId, Ours, Reservation, ReservationId, SourceName,
    TenantId,
};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError, rows};

/// Rows and names per statement.
const AT_ONCE: usize = 2_000;

const LIVE: &str = "\
-- live_holdings
select * from reservation
where source_system = $1 and reservation_id > $2
    and status in ('REQUESTED', 'UNKNOWN', 'RESERVED', 'CONFIRMED', 'RELEASE_REQUESTED', 'RELEASE_UNKNOWN')
order by reservation_id limit $3";

const BY_KEYS: &str = "\
-- holdings_by_key
select * from reservation where idempotency_key = any ($1)";

const RIVALS: &str = "\
-- rivals
select * from reservation
where tenant_id = $1 and source_system = $2 and order_id = $3 and reservation_id <> $4 and external_reservation_ref is null
    and status in ('REQUESTED', 'UNKNOWN', 'RELEASE_REQUESTED', 'RELEASE_UNKNOWN')";

const BY_REFERENCES: &str = "\
-- holdings_by_reference
select * from reservation where source_system = $1 and external_reservation_ref = any ($2)";

/// A call about a hold that is not made through a reservation.
#[derive(Debug, Clone)]
pub struct LooseCall {
    /// Its id.
    pub call: CallId,
    /// Whose hold it is.
    pub tenant: TenantId,
    /// The inventory.
    pub source: SourceName,
    /// The reservation that the hold is too many for, and the version that it must still have.
    pub reservation: Option<(ReservationId, i64)>,
    /// The hold's key; where there is no reservation, there must still be none under it.
    pub key: String,
    /// What is asked.
    pub operation: Operation,
}

impl Store {
    /// All reservations with an inventory that are not at an end, with their lines.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn list_live_holdings(&self, tenants: &[TenantId], source: &SourceName) -> Result<Vec<Ours>, StoreError> {
        let during = "list_live_holdings";
        let (mut all, mut after) = (Vec::new(), Uuid::nil());
        loop {
            let mut tx = begin(&self.pool, during, tenants).await?;
            let found = sqlx::query(LIVE)
                .bind(source.as_str())
                .bind(after)
                .bind(i64::try_from(AT_ONCE).unwrap_or(i64::MAX))
                .fetch_all(&mut *tx)
                .answered(during)
                .await?;
            let page = with_lines(&mut tx, &found).await?;
            tx.commit().answered(during).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.row.id.0;
            let full = page.len() == AT_ONCE;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    /// The reservations under these keys, whatever their inventory and state.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn list_holdings_by_key(&self, tenants: &[TenantId], keys: &[String]) -> Result<Vec<Ours>, StoreError> {
        let during = "list_holdings_by_key";
        let mut all = Vec::new();
        for keys in keys.chunks(AT_ONCE) {
            let mut tx = begin(&self.pool, during, tenants).await?;
            let found = sqlx::query(BY_KEYS).bind(keys).fetch_all(&mut *tx).answered(during).await?;
            all.extend(with_lines(&mut tx, &found).await?);
            tx.commit().answered(during).await?;
        }
        Ok(all)
    }

    /// The reservations that an inventory's references lead to, whatever their state.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn list_holdings_by_reference(
        &self,
        tenants: &[TenantId],
        source: &SourceName,
        references: &[ExternalReference],
    ) -> Result<Vec<Ours>, StoreError> {
        let during = "list_holdings_by_reference";
        let mut all = Vec::new();
        for references in references.chunks(AT_ONCE) {
            let references: Vec<&str> = references.iter().map(ExternalReference::as_str).collect();
            let mut tx = begin(&self.pool, during, tenants).await?;
            let query = sqlx::query(BY_REFERENCES).bind(source.as_str()).bind(references);
            let found = query.fetch_all(&mut *tx).answered(during).await?;
            all.extend(with_lines(&mut tx, &found).await?);
            tx.commit().answered(during).await?;
        }
        Ok(all)
    }

    /// The other reservations of an order with an inventory that may hold without knowing what their hold is called.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn list_rivals(
        &self,
        tenant: TenantId,
        source: &SourceName,
        order: OrderId,
        except: ReservationId,
    ) -> Result<Vec<Reservation>, StoreError> {
        let during = "list_rivals";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        let query = sqlx::query(RIVALS).bind(tenant.0).bind(source.as_str()).bind(order.0).bind(except.0);
        let found = query.fetch_all(&mut *tx).answered(during).await?;
        let rivals = with_lines(&mut tx, &found).await?;
        tx.commit().answered(during).await?;
        Ok(rivals.into_iter().map(|ours| ours.row).collect())
    }

    /// Marks a hold as not wanted any more and due at once, whatever state its reservation is in; false if that is not the version
    /// any more, and nothing was written.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn want_release_at(&self, tenant: TenantId, id: ReservationId, version: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let during = "want_release_at";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        let done = sqlx::query(
            "-- want_release_at
update reservation set release_wanted = true, next_check_at = $3, updated_at = $3, version = version + 1
where reservation_id = $1 and version = $2",
        )
        .bind(id.0)
        .bind(version)
        .bind(now)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts a call on record that is about to be made for a hold beside our reservations; false if what it was planned on is not so
    /// any more, and nothing was written.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn open_loose_call(&self, call: &LooseCall, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let during = "open_loose_call";
        let mut tx = begin(&self.pool, during, &[call.tenant]).await?;
        let as_planned: bool = match call.reservation {
            Some((id, version)) => {
                let found: Option<i64> =
                    sqlx::query_scalar("-- loose_call_version\nselect version from reservation where reservation_id = $1 for update")
                        .bind(id.0)
                        .fetch_optional(&mut *tx)
                        .answered(during)
                        .await?;
                found == Some(version)
            }
            None => {
                sqlx::query_scalar(
                    "-- loose_call_key\nselect not exists (select from reservation where source_system = $1 and idempotency_key = $2)",
                )
                .bind(call.source.as_str())
                .bind(&call.key)
                .fetch_one(&mut *tx)
                .answered(during)
                .await?
            }
        };
        if !as_planned {
            return Ok(false);
        }
        sqlx::query(
            "-- open_loose_call
insert into supplier_call (call_id, tenant_id, reservation_id, source_system, operation, sequence, session_id, started_at)
values ($1, $2, $3, $4, $5, 0, $6, $7)",
        )
        .bind(call.call.0)
        .bind(call.tenant.0)
        .bind(call.reservation.map(|(id, _)| id.0))
        .bind(call.source.as_str())
        .bind(call.operation.as_str())
        .bind(self.session.0)
        .bind(now)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        Ok(true)
    }

    /// Writes what came of such a call. One that has its end already keeps it.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn end_loose_call(
        &self,
        tenant: TenantId,
        call: CallId,
        class: AnswerClass,
        note: &str,
        evidence: &Evidence,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let during = "end_loose_call";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        sqlx::query(
            "-- end_loose_call
update supplier_call set ended_at = $2, answer_class = $3, note = $4, http_status = $5, evidence = $6
where call_id = $1 and ended_at is null",
        )
        .bind(call.0)
        .bind(now)
        .bind(class.as_str())
        .bind(note)
        .bind(evidence.http_status.map(i32::from))
        .bind(&evidence.excerpt)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await
    }

    /// A name for this database, by which a plan that was made on another is told.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn identity(&self) -> Result<String, StoreError> {
        sqlx::query_scalar(
            "-- identity
select current_database() || ', migrated ' || to_char(min(installed_on) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from _sqlx_migrations",
        )
        .fetch_one(&self.pool)
        .answered("identity").await
    }
}

async fn with_lines(tx: &mut Transaction<'static, Postgres>, found: &[PgRow]) -> Result<Vec<Ours>, StoreError> {
    let mut all = Vec::with_capacity(found.len());
    for row in found {
        let updated_at = row.try_get("updated_at").map_err(StoreError::during("read_holdings"))?;
        all.push(Ours { row: rows::reservation(row)?, updated_at });
    }
    let ids: Vec<Uuid> = all.iter().map(|ours| ours.row.id.0).collect();
    let found = sqlx::query("-- holdings_lines\nselect * from reservation_line where reservation_id = any ($1) order by order_line_id")
        .bind(ids)
        .fetch_all(&mut **tx)
        .answered("read_holdings")
        .await?;
    let mut lines: HashMap<ReservationId, Vec<LineRecord>> = HashMap::new();
    for row in &found {
        let (id, line) = rows::line(row)?;
        lines.entry(id).or_default().push(line);
    }
    for ours in &mut all {
        ours.row.lines = lines.remove(&ours.row.id).unwrap_or_default();
    }
    Ok(all)
}
