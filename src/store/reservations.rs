//! Reading reservations, and the marks that make them due or put them off.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row as _, Transaction};
use uuid::Uuid;

use crate::domain::{
    AttemptGroup, IdempotencyKey, LineRecord, OrderId, Reservation, ReservationId, ReservationStep, SessionId, SourceName, TenantId,
};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError, rows};

/// A hold, and the process instance that wanted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledHold {
    /// Whose it is.
    pub tenant: TenantId,
    /// The reservation.
    pub id: ReservationId,
    /// The process instance.
    pub process_instance: String,
}

/// How long after it was asked for a settled hold may at the most be untold: the engine may have been away.
const TOLD_WITHIN_S: f64 = 60.0;

/// How a reservation is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Find {
    /// By its id.
    Id(ReservationId),
    /// By the key that its request makes.
    Key(SourceName, IdempotencyKey),
    /// One attempt group of an order step.
    Group(OrderId, ReservationStep, AttemptGroup),
    /// The newest attempt group of an order step.
    Newest(OrderId, ReservationStep),
}

/// A reservation with the session whose claim on it is alive, found by a condition.
macro_rules! reservation_where {
    ($name:literal, $condition:literal) => {
        concat!(
            "-- ",
            $name,
            "
select r.*, (
    select s.session_id from worker_session s
    where s.session_id = r.claim_session and s.ended_at is null and s.lease_until > clock_timestamp()
) as claimed_by
from reservation r where ",
            $condition
        )
    };
}

const BY_ID: &str = reservation_where!("reservation_by_id", "tenant_id = $1 and reservation_id = $2");
const BY_KEY: &str = reservation_where!("reservation_by_key", "tenant_id = $1 and source_system = $2 and idempotency_key = $3");
const BY_GROUP: &str =
    reservation_where!("reservation_by_group", "tenant_id = $1 and order_id = $2 and reservation_step = $3 and attempt_group = $4");
const NEWEST: &str = reservation_where!(
    "reservation_newest",
    "tenant_id = $1 and order_id = $2 and reservation_step = $3 order by attempt_group desc limit 1"
);
const LOCK: &str = "\
-- reservation_by_id_locked
select from reservation where tenant_id = $1 and reservation_id = $2 for update";

fn query(find: &Find, tenant: TenantId) -> Query<'static, Postgres, PgArguments> {
    match find {
        Find::Id(id) => sqlx::query(BY_ID).bind(tenant.0).bind(id.0),
        Find::Key(source, key) => sqlx::query(BY_KEY).bind(tenant.0).bind(source.as_str().to_owned()).bind(key.as_str().to_owned()),
        Find::Group(order, step, group) => {
            sqlx::query(BY_GROUP).bind(tenant.0).bind(order.0).bind(step.as_str().to_owned()).bind(group.number())
        }
        Find::Newest(order, step) => sqlx::query(NEWEST).bind(tenant.0).bind(order.0).bind(step.as_str().to_owned()),
    }
}

/// A row that nobody else writes before this transaction ends.
pub(crate) struct Locked {
    /// The row, with its lines.
    pub(crate) row: Reservation,
    /// The session that has a claim on it which is alive.
    pub(crate) claimed_by: Option<SessionId>,
}

/// Finds one row, with its lines.
pub(crate) async fn read(
    tx: &mut Transaction<'static, Postgres>,
    tenant: TenantId,
    find: &Find,
) -> Result<Option<Reservation>, StoreError> {
    Ok(read_with_claim(tx, tenant, find).await?.map(|(row, _)| row))
}

/// Finds one row, with its lines, and locks it.
///
/// It is locked by its id, as what the first look found by other columns may have changed meanwhile, and read by a statement of its own:
/// one that had to wait for the lock would tell whether the claim is alive from before it waited.
pub(crate) async fn read_locked(
    tx: &mut Transaction<'static, Postgres>,
    tenant: TenantId,
    find: &Find,
) -> Result<Option<Locked>, StoreError> {
    let during = "read_locked";
    let id = match find {
        Find::Id(id) => *id,
        find => match query(find, tenant).fetch_optional(&mut **tx).answered(during).await? {
            Some(row) => rows::reservation(&row)?.id,
            None => return Ok(None),
        },
    };
    sqlx::query(LOCK).bind(tenant.0).bind(id.0).execute(&mut **tx).answered(during).await?;
    let found = read_with_claim(tx, tenant, &Find::Id(id)).await?;
    Ok(found.map(|(row, claimed_by)| Locked { row, claimed_by }))
}

async fn read_with_claim(
    tx: &mut Transaction<'static, Postgres>,
    tenant: TenantId,
    find: &Find,
) -> Result<Option<(Reservation, Option<SessionId>)>, StoreError> {
    let during = "read_reservation";
    let Some(found) = query(find, tenant).fetch_optional(&mut **tx).answered(during).await? else { return Ok(None) };
    let mut row = rows::reservation(&found)?;
    row.lines = lines(tx, row.id).await?;
    let claimed_by: Option<Uuid> = found.try_get("claimed_by").map_err(StoreError::during(during))?;
    Ok(Some((row, claimed_by.map(SessionId))))
}

async fn lines(tx: &mut Transaction<'static, Postgres>, id: ReservationId) -> Result<Vec<LineRecord>, StoreError> {
    let rows = sqlx::query("-- lines\nselect * from reservation_line where reservation_id = $1 order by order_line_id")
        .bind(id.0)
        .fetch_all(&mut **tx)
        .answered("read_lines")
        .await?;
    rows.iter().map(|row| rows::line(row).map(|(_, line)| line)).collect()
}

impl Store {
    /// Reads one reservation with its lines.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn get_reservation(&self, tenant: TenantId, find: &Find) -> Result<Option<Reservation>, StoreError> {
        let mut tx = begin(&self.pool, "get_reservation", &[tenant]).await?;
        let found = read(&mut tx, tenant, find).await?;
        tx.commit().answered("get_reservation").await?;
        Ok(found)
    }

    /// Reservations, oldest first, without their lines; of one order if it is named.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn list_reservations(
        &self,
        tenants: &[TenantId],
        order: Option<OrderId>,
        limit: i64,
    ) -> Result<Vec<Reservation>, StoreError> {
        let mut tx = begin(&self.pool, "list_reservations", tenants).await?;
        let found = sqlx::query(
            "-- list_reservations
select * from reservation where ($1::uuid is null or order_id = $1) order by created_at, attempt_group limit $2",
        )
        .bind(order.map(|order| order.0))
        .bind(limit)
        .fetch_all(&mut *tx)
        .answered("list_reservations")
        .await?;
        tx.commit().answered("list_reservations").await?;
        found.iter().map(rows::reservation).collect()
    }

    /// One page of an order's reservations with their lines, oldest first: those after this one.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::Unreadable`].
    pub async fn list_order_reservations(
        &self,
        tenant: TenantId,
        order: OrderId,
        after: Option<ReservationId>,
        limit: i64,
    ) -> Result<Vec<Reservation>, StoreError> {
        let during = "list_order_reservations";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        let found = sqlx::query(
            "-- list_order_reservations
select * from reservation where tenant_id = $1 and order_id = $2 and ($3::uuid is null or reservation_id > $3)
order by reservation_id limit $4",
        )
        .bind(tenant.0)
        .bind(order.0)
        .bind(after.map(|after| after.0))
        .bind(limit)
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        let mut reservations = found.iter().map(rows::reservation).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<Uuid> = reservations.iter().map(|row| row.id.0).collect();
        let lines = sqlx::query("-- lines_of\nselect * from reservation_line where reservation_id = any($1) order by order_line_id")
            .bind(ids)
            .fetch_all(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await?;
        for line in &lines {
            let (id, line) = rows::line(line)?;
            if let Some(reservation) = reservations.iter_mut().find(|row| row.id == id) {
                reservation.lines.push(line);
            }
        }
        Ok(reservations)
    }

    /// The rows that are due to be looked at and that nobody living works on, most overdue first. A claim of this very session on which
    /// nobody works is such a row: its commit was not answered, and whoever made it has given up.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_due(
        &self,
        tenants: &[TenantId],
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<(TenantId, ReservationId)>, StoreError> {
        let mut tx = begin(&self.pool, "list_due", tenants).await?;
        let due: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "-- list_due
select r.tenant_id, r.reservation_id from reservation r
where r.next_check_at <= $1 and not exists (
    select from worker_session s
    where s.session_id = r.claim_session and s.session_id <> $3 and s.ended_at is null and s.lease_until > clock_timestamp()
) and r.reservation_id <> all ($4)
order by r.next_check_at limit $2",
        )
        .bind(now)
        .bind(limit)
        .bind(self.session.0)
        .bind(self.live.ids())
        .fetch_all(&mut *tx)
        .answered("list_due")
        .await?;
        tx.commit().answered("list_due").await?;
        Ok(due.into_iter().map(|(tenant, id)| (TenantId(tenant), ReservationId(id))).collect())
    }

    /// Marks a hold as not wanted any more and due at once: its order is gone.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn want_release(&self, tenant: TenantId, id: ReservationId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = begin(&self.pool, "want_release", &[tenant]).await?;
        sqlx::query(
            "-- want_release
update reservation set release_wanted = true, next_check_at = $2, updated_at = $2, version = version + 1
where reservation_id = $1 and not release_wanted and status in ('REQUESTED', 'UNKNOWN', 'RESERVED', 'CONFIRMED', 'RELEASE_REQUESTED', 'RELEASE_UNKNOWN')",
        )
        .bind(id.0)
        .bind(now)
        .execute(&mut *tx)
        .answered("want_release").await?;
        tx.commit().answered("want_release").await
    }

    /// The holds that a session settled or looked at shortly before it died. The process instance of one may have been deleted before
    /// the session could be told so, and nobody else will be.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_settled_by(&self, dead: SessionId, tenants: &[TenantId]) -> Result<Vec<SettledHold>, StoreError> {
        let during = "list_settled_by";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let rows: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
            "-- list_settled_by
select distinct r.tenant_id, r.reservation_id, r.process_instance_id
from worker_session s
join supplier_call c on c.session_id = s.session_id and c.started_at > s.lease_until - make_interval(secs => $2)
join reservation r using (reservation_id)
where s.session_id = $1 and r.status in ('RESERVED', 'CONFIRMED') and r.claim_session is null and r.process_instance_id is not null
    -- once it was looked at, it is as good as any other
    and (r.last_reconciled_at is null or r.last_reconciled_at < s.ended_at)",
        )
        .bind(dead.0)
        .bind(TOLD_WITHIN_S)
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        let hold = |(tenant, id, process_instance)| SettledHold { tenant: TenantId(tenant), id: ReservationId(id), process_instance };
        Ok(rows.into_iter().map(hold).collect())
    }

    /// Has the reconciler look at a hold at that time, unless it would earlier.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn make_due(&self, tenant: TenantId, id: ReservationId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = begin(&self.pool, "make_due", &[tenant]).await?;
        sqlx::query(
            "-- make_due
update reservation set next_check_at = $2
where reservation_id = $1 and claim_session is null and (next_check_at is null or next_check_at > $2)",
        )
        .bind(id.0)
        .bind(at)
        .execute(&mut *tx)
        .answered("make_due")
        .await?;
        tx.commit().answered("make_due").await
    }

    /// Puts off the next look at a row about which nothing could be done. Does nothing if the row was written or made due since it was
    /// read: a wish or a notice may have come in. A notice from before that look counts as dealt with.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn put_off(
        &self,
        tenant: TenantId,
        id: ReservationId,
        seen_version: i64,
        seen_at: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let mut tx = begin(&self.pool, "put_off", &[tenant]).await?;
        sqlx::query(
            "-- put_off
update reservation set next_check_at = $3, noticed_epoch = case when open_call_id is not null then noticed_epoch end
where reservation_id = $1 and version = $2 and (next_check_at is null or next_check_at <= $4)",
        )
        .bind(id.0)
        .bind(seen_version)
        .bind(until)
        .bind(seen_at)
        .execute(&mut *tx)
        .answered("put_off")
        .await?;
        tx.commit().answered("put_off").await
    }

    /// The tenants that have rows here.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn list_tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let found: Vec<Uuid> = sqlx::query_scalar("-- list_tenants\nselect tenant_id from tenant order by tenant_id")
            .fetch_all(&self.pool)
            .answered("list_tenants")
            .await?;
        Ok(found.into_iter().map(TenantId).collect())
    }
}
