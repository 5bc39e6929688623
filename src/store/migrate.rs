//! Migrations: applied by their own command, only checked by the daemon.

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
    let migrated = MIGRATIONS.run(&pool).await.map_err(StoreError::Migration);
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
    let found: Result<Option<i64>, sqlx::Error> =
        sqlx::query_scalar("-- check_schema\nselect max(version) from _sqlx_migrations where success").fetch_one(pool).await;
    let found = match found {
        Ok(version) => version.unwrap_or(0),
        // The table is missing, or this role may not see it: nothing was migrated for us.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P01" | "42501")) => 0,
        Err(error) => return Err(StoreError::during("check_schema")(error)),
    };
    Ok((found, needed))
}

/// Every migration as it is written.
#[cfg(test)]
pub(crate) fn texts() -> Vec<String> {
    MIGRATIONS.iter().map(|migration| migration.sql.as_str().to_owned()).collect()
}
