//! Which tenants there are.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};

use crate::domain::TenantId;
use crate::store::StoreError;
use crate::store::answered::Answered as _;

/// Each tenant once, in order, so that every transaction names the same ones alike.
pub(crate) fn distinct(tenants: impl Iterator<Item = TenantId>) -> Vec<TenantId> {
    let mut tenants: Vec<TenantId> = tenants.collect();
    tenants.sort_unstable();
    tenants.dedup();
    tenants
}

/// Remembers a tenant, so that loops without a caller look at its rows.
pub(crate) async fn know(tx: &mut Transaction<'static, Postgres>, tenant: TenantId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "-- know_tenant
insert into tenant (tenant_id, first_seen_at) select $1, $2 where not exists (select from tenant where tenant_id = $1)
on conflict do nothing",
    )
    .bind(tenant.0)
    .bind(now)
    .execute(&mut **tx)
    .answered("know_tenant")
    .await
    .map(drop)
}
