//! The inbox of notices: what an inventory sent word of becomes due, once for each message.

use chrono::{DateTime, Utc};
use sqlx::Row as _;

use crate::domain::{ExternalReference, IdempotencyKey, SourceName, TenantId};
use crate::fault_points::fault_point;
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError};

/// The most reservations that one notice makes due: tenants of one inventory may share its references.
const MOST_NAMED: i64 = 16;

/// The call that is open on a row is left its time: should its worker vanish, the row must stay due.
const ACCEPT_NOTICE: &str = "\
-- accept_notice
with named as (
    select tenant_id, reservation_id from (
        select tenant_id, reservation_id from reservation where source_system = $1 and external_reservation_ref = $2
        union
        select tenant_id, reservation_id from reservation where source_system = $1 and idempotency_key = $3
    ) as either limit $4
), noted as (
    insert into webhook_notice (tenant_id, source_system, webhook_id, reservation_id, received_at)
    select tenant_id, $1, $5, reservation_id, $6 from named
    on conflict do nothing
    returning reservation_id
), hinted as (
    update reservation r set
        noticed_epoch = r.claim_epoch,
        next_check_at = case when r.open_call_id is null then $6 else r.next_check_at end
    from noted where r.reservation_id = noted.reservation_id
    returning r.reservation_id
)
select (select count(*) from named) as named, (select count(*) from hinted) as hinted";

/// A verified notice, as far as it matters: which holds it names.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The inventory that sent it.
    pub source: SourceName,
    /// Its own id of the message.
    pub id: String,
    /// What it calls the hold.
    pub reference: Option<ExternalReference>,
    /// The key under which it was asked for.
    pub key: Option<IdempotencyKey>,
}

/// How many reservations a notice names, and how many of them it made due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) named: i64,
    pub(crate) hinted: i64,
}

impl Store {
    /// Puts a notice on record and makes due what it names and had not named before, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub(crate) async fn accept_notice(&self, tenants: &[TenantId], notice: &Notice, now: DateTime<Utc>) -> Result<Noted, StoreError> {
        let during = "accept_notice";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let row = sqlx::query(ACCEPT_NOTICE)
            .bind(notice.source.as_str())
            .bind(notice.reference.as_ref().map(ExternalReference::as_str))
            .bind(notice.key.as_ref().map(IdempotencyKey::as_str))
            .bind(MOST_NAMED)
            .bind(&notice.id)
            .bind(now)
            .fetch_one(&mut *tx)
            .answered(during)
            .await?;
        fault_point!("notice.written");
        tx.commit().answered(during).await?;
        let count = |name| row.try_get(name).map_err(StoreError::during(during));
        Ok(Noted { named: count("named")?, hinted: count("hinted")? })
    }
}
