//! Migrations: applied by their own command, only checked by the daemon.

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::store::StoreError;
use crate::store::answered::Answered as _;
use crate::store::pool::connect_options;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to this version, as its owner. Returns how many migrations there are.
///
/// # Errors
/// [`StoreError::BadUrl`], [`StoreError::Away`] or [`StoreError::Migration`].
pub async fn migrate(owner_url: &SecretString) -> Result<usize, StoreError> {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(connect_options(owner_url)?).answered("migrate").await?;
    let migrated = MIGRATIONS.run(&pool).await.map_err(|error| StoreError::Migration(Arc::new(error)));
    pool.close().await;
    migrated.map(|()| MIGRATIONS.iter().count())
}

/// Refuses to run on a schema that is older or newer than this version.
pub(crate) async fn check_schema(pool: &PgPool) -> Result<(), StoreError> {
    let (found, needed) = versions(pool).await?;
    if found == needed { Ok(()) } else { Err(StoreError::WrongSchema { found, needed }) }
}

/// The newest migration that was applied, 0 for none, and the newest that this version carries.
pub(crate) async fn versions(pool: &PgPool) -> Result<(i64, i64), StoreError> {
    let needed = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let newest = sqlx::query_scalar("-- check_schema\nselect max(version) from _sqlx_migrations where success");
    let found = match newest.fetch_one(pool).answered("check_schema").await {
        Ok(version) => Option::<i64>::unwrap_or(version, 0),
        // The table is missing, or this role may not see it: nothing was migrated for us.
        Err(error) if error.is_refused_with(&["42P01", "42501"]) => 0,
        Err(error) => return Err(error),
    };
    Ok((found, needed))
}

/// Every migration as it is written.
#[cfg(test)]
pub(crate) fn texts() -> Vec<String> {
    MIGRATIONS.iter().map(|migration| migration.sql.as_str().to_owned()).collect()
}
