//! Looks the database over for `holdfast doctor`: what the daemon's role can do, and whether its tenants are kept apart.
//!
//! Unlike [`Store::connect`](crate::store::Store::connect) it refuses nothing: what is wrong is what it is here to say.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::FromRow;
use sqlx::postgres::PgPoolOptions;

use crate::store::StoreError;
use crate::store::answered::Answered as _;
use crate::store::migrate::versions;
use crate::store::pool::connect_options;

/// What the daemon may do to each table, and needs to; the migrations grant it. A test compares it with them.
pub(crate) const GRANTS: &[(&str, &[&str])] = &[
    ("availability_evidence", &["SELECT", "INSERT", "UPDATE (EXPIRY_TOLD_AT)", "DELETE"]),
    ("availability_evidence_line", &["SELECT", "INSERT", "DELETE"]),
    ("consumer_offset", &["SELECT", "INSERT", "UPDATE"]),
    ("customer_product_incomplete", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("customer_product_projection", &["SELECT", "INSERT", "UPDATE"]),
    ("dead_letter", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("engine_command", &["SELECT", "INSERT", "UPDATE"]),
    ("engine_task", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("fallout_case", &["SELECT", "INSERT", "UPDATE"]),
    ("fallout_decision", &["SELECT", "INSERT"]),
    ("idempotency_record", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("inbox", &["SELECT", "INSERT", "DELETE"]),
    ("outbox", &["SELECT", "INSERT", "DELETE"]),
    ("outbox_relay", &["SELECT", "INSERT", "DELETE"]),
    ("outbox_set_aside", &["SELECT", "INSERT", "DELETE"]),
    ("outbox_shard", &["SELECT", "UPDATE"]),
    ("reservation", &["SELECT", "INSERT", "UPDATE"]),
    ("reservation_line", &["SELECT", "INSERT", "UPDATE"]),
    ("reservation_transition", &["SELECT", "INSERT"]),
    ("supplier_call", &["SELECT", "INSERT", "UPDATE"]),
    ("tenant", &["SELECT", "INSERT"]),
    ("webhook_notice", &["SELECT", "INSERT", "DELETE"]),
    ("worker_session", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
];

/// What was found.
#[derive(Debug, Clone)]
pub struct Checkup {
    /// The server's version.
    pub server_version: String,
    /// The database's clock, at the moment of asking.
    pub clock: DateTime<Utc>,
    /// The role that the daemon connects as.
    pub role: Role,
    /// The newest migration that was applied; 0 for none.
    pub schema_found: i64,
    /// The newest migration that this version carries.
    pub schema_needed: i64,
    /// The tables of the schema, by name.
    pub tables: Vec<Table>,
    /// What the role may do to each table, by name.
    pub rights: Vec<Rights>,
    /// How many connections the server takes, and how many there are.
    pub connections: Connections,
}

/// The role that the daemon connects as.
#[derive(Debug, Clone, FromRow)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Row-level security does not bind it.
    pub superuser: bool,
    /// Row-level security does not bind it.
    pub bypasses: bool,
    /// It can make itself stronger.
    pub creates_roles: bool,
    /// It can change the schema.
    pub creates_in_schema: bool,
}

/// One table.
#[derive(Debug, Clone, FromRow)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// It holds rows of tenants.
    pub of_tenants: bool,
    /// Row-level security is on.
    pub secured: bool,
    /// Also for the table's owner.
    pub forced: bool,
    /// How many policies say whose rows are seen.
    pub policies: i64,
    /// The daemon's role owns it, itself or by membership, and could switch all that off.
    pub owned: bool,
}

/// What the role may do to one table.
#[derive(Debug, Clone)]
pub struct Rights {
    /// The table.
    pub table: &'static str,
    /// What the daemon needs and the role lacks.
    pub missing: Vec<String>,
    /// What the role has and the daemon never needs.
    pub surplus: Vec<String>,
}

/// The server's connections.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Connections {
    /// The most that it takes.
    pub most: i64,
    /// How many there are.
    pub used: i64,
}

const TABLES: &str = "\
-- checkup_tables
select c.relname::text as name, c.relrowsecurity as secured, c.relforcerowsecurity as forced,
    exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
        and c.relname <> 'tenant' as of_tenants,
    (select count(*) from pg_policy p where p.polrelid = c.oid) as policies,
    pg_has_role(c.relowner, 'MEMBER') as owned
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname not like '\\_sqlx%'
order by 1";

const RIGHTS: &str = "\
-- checkup_rights
select p.name from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) as p(name)
where to_regclass($1) is not null and has_table_privilege(to_regclass($1), p.name)
union all
-- a right to single columns counts where there is none to the whole table
select upper(p.name || ' (' || a.attname || ')') from unnest(array['SELECT', 'INSERT', 'UPDATE']) as p(name)
join pg_attribute a on a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
where not has_table_privilege(a.attrelid, p.name) and has_column_privilege(a.attrelid, a.attnum, p.name)";

/// Connects once, looks, and leaves.
///
/// # Errors
/// [`StoreError::BadUrl`], [`StoreError::Away`] or [`StoreError::Refused`].
pub async fn check_up(url: &SecretString) -> Result<Checkup, StoreError> {
    let during = "checkup";
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(std::time::Duration::from_secs(5))
        .connect_with(connect_options(url)?)
        .answered("connect")
        .await?;
    let server_version =
        sqlx::query_scalar("-- checkup_version\nselect current_setting('server_version')").fetch_one(&pool).answered(during).await?;
    let role = sqlx::query_as(
        "-- checkup_role
select rolname::text as name, rolsuper as superuser, rolbypassrls as bypasses, rolcreaterole as creates_roles,
    has_schema_privilege('public', 'CREATE') as creates_in_schema
from pg_roles where rolname = current_user",
    )
    .fetch_one(&pool)
    .answered(during)
    .await?;
    let connections = sqlx::query_as(
        "-- checkup_connections
select current_setting('max_connections')::bigint as most, (select count(*) from pg_stat_activity where backend_type = 'client backend') as used",
    )
    .fetch_one(&pool)
    .answered(during).await?;
    let tables = sqlx::query_as(TABLES).fetch_all(&pool).answered(during).await?;
    let mut rights = Vec::new();
    for (table, needed) in GRANTS {
        let has: Vec<String> = sqlx::query_scalar(RIGHTS).bind(format!("public.{table}")).fetch_all(&pool).answered(during).await?;
        let missing = needed.iter().filter(|right| !has.iter().any(|has| has == *right)).map(|right| (*right).to_owned()).collect();
        let surplus = has.into_iter().filter(|has| !needed.contains(&has.as_str())).collect();
        rights.push(Rights { table, missing, surplus });
    }
    let (schema_found, schema_needed) = versions(&pool).await?;
    // Asked last, so that little time passes until it is compared.
    let clock = sqlx::query_scalar("-- checkup_clock\nselect clock_timestamp()").fetch_one(&pool).answered(during).await?;
    pool.close().await;
    Ok(Checkup { server_version, clock, role, schema_found, schema_needed, tables, rights, connections })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrate;

    /// What the migrations grant to `holdfast_runtime`, read from their text.
    fn granted() -> Vec<(String, Vec<String>)> {
        let mut granted = std::collections::BTreeMap::<String, Vec<String>>::new();
        for sql in migrate::texts() {
            for statement in sql.split(';') {
                let Some(rest) = statement.trim().strip_prefix("grant ").and_then(|rest| rest.strip_suffix(" to holdfast_runtime")) else {
                    continue;
                };
                let Some((rights, tables)) = rest.split_once(" on ") else { continue };
                for table in tables
                    .split(',')
                    .map(str::trim)
                    .filter(|table| !table.starts_with("schema") && !table.starts_with("sequence") && *table != "_sqlx_migrations")
                {
                    granted.entry(table.to_owned()).or_default().extend(rights.split(',').map(|right| right.trim().to_uppercase()));
                }
            }
        }
        granted.into_iter().collect()
    }

    #[test]
    fn the_rights_that_are_looked_for_are_those_that_the_migrations_grant() {
        let known: Vec<(String, Vec<String>)> =
            GRANTS.iter().map(|(table, rights)| ((*table).to_owned(), rights.iter().map(|right| (*right).to_owned()).collect())).collect();
        assert_eq!(granted(), known);
    }
}
