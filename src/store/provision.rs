//! Makes a database with its roles, for the demo, for tests and for whoever starts from an empty server.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::store::answered::Answered as _;
use crate::store::pool::connect_options;
use crate::store::{StoreError, migrate};

/// What to make.
#[derive(Debug, Clone)]
pub struct Provision {
    /// A superuser's URL; its database part is ignored.
    pub admin_url: SecretString,
    /// The database to make, if it does not exist.
    pub database: String,
    /// The login role that the daemon uses, made if it does not exist.
    pub runtime_role: String,
    /// That role's password.
    pub runtime_password: SecretString,
}

/// Makes the database, migrates it, and makes the runtime role a member of `holdfast_runtime`. Safe to repeat.
///
/// # Errors
/// As [`migrate`](migrate()), and [`StoreError::Refused`] where the administrator may not do this.
pub async fn provision(wanted: &Provision) -> Result<(), StoreError> {
    // The password of the role stands in a statement.
    let options = connect_options(&wanted.admin_url)?.disable_statement_logging();
    let admin = PgPoolOptions::new().max_connections(1).connect_with(options.clone().database("postgres")).answered("provision").await?;
    let database = quote(&wanted.database, '"');
    let created = admin.execute(AssertSqlSafe(format!("-- create_database\ncreate database {database}"))).answered("provision").await;
    tolerate(created.map(drop), &["42P04", "23505"])?;
    let password = quote(wanted.runtime_password.expose_secret(), '\'');
    let role = quote(&wanted.runtime_role, '"');
    let made = admin
        .execute(AssertSqlSafe(format!("-- create_runtime_role\ncreate role {role} login nosuperuser nobypassrls password {password}")))
        .answered("provision")
        .await;
    tolerate(made.map(drop), &["42710", "23505"])?;
    admin.close().await;

    let owner = options.database(&wanted.database);
    let owner_url = SecretString::from(url_of(&wanted.admin_url, &wanted.database));
    migrate(&owner_url).await?;
    let owner = PgPoolOptions::new().max_connections(1).connect_with(owner).answered("provision").await?;
    let granted = owner.execute(AssertSqlSafe(format!("-- grant_runtime\ngrant holdfast_runtime to {role}"))).answered("provision").await;
    // Two provisions at once may both write the same membership row.
    tolerate(granted.map(drop), &["23505", "XX000"])?;
    owner.close().await;
    Ok(())
}

/// Replaces the database part of a connection URL.
fn url_of(url: &SecretString, database: &str) -> String {
    let url = url.expose_secret();
    let (base, options) = url.split_once('?').map_or((url, None), |(base, options)| (base, Some(options)));
    let authority_from = base.find("://").map_or(0, |at| at + 3);
    let base = base[authority_from..].find('/').map_or(base, |slash| &base[..authority_from + slash]);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    format!("{base}/{database}{options}")
}

fn quote(text: &str, with: char) -> String {
    format!("{with}{}{with}", text.replace(with, &format!("{with}{with}")))
}

/// What is already there is what was wanted.
fn tolerate(done: Result<(), StoreError>, codes: &[&str]) -> Result<(), StoreError> {
    done.or_else(|error| if error.is_refused_with(codes) { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_part_of_a_url_is_replaced_and_its_options_stay() {
        let of = |url: &str| url_of(&SecretString::from(url), "new");
        assert_eq!(of("postgres://a:b@h:1/old?sslmode=disable"), "postgres://a:b@h:1/new?sslmode=disable");
        assert_eq!(of("postgres://a:b@h:1"), "postgres://a:b@h:1/new");
    }

    #[test]
    fn names_and_passwords_are_quoted() {
        assert_eq!(quote("a\"b", '"'), "\"a\"\"b\"");
        assert_eq!(quote("it's", '\''), "'it''s'");
    }
}
