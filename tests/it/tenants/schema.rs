//! What the schema promises, read from the database's own catalogue.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::database::Database;

/// Each query finds what must not be, as a sentence.
const OFFENCES: [&str; 9] = [
    "select c.relname || ' has a tenant_id, but row-level security is ' || case when c.relrowsecurity then 'not forced' else 'off' end
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'tenant'
     and not (c.relrowsecurity and c.relforcerowsecurity)",
    "select c.relname || ' has no policy for all commands that weighs the tenant both ways'
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'tenant' and not exists (
        select from pg_policy p where p.polrelid = c.oid and p.polcmd = '*' and p.polroles = '{0}'
        and pg_get_expr(p.polqual, c.oid) like '%tenant_id = ANY%holdfast_tenants%'
        and pg_get_expr(p.polwithcheck, c.oid) like '%tenant_id = ANY%holdfast_tenants%')",
    "select polname || ' on ' || polrelid::regclass || ' is one policy too many: any that lets a row through is enough'
     from pg_policy where polpermissive and polrelid in (select polrelid from pg_policy where polpermissive group by 1 having count(*) > 1)",
    "select c.relname || ' has ' || a.attname || ', but says not whose it is'
     from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
     and a.attname in ('reservation_id', 'order_id', 'quote_id', 'customer_id', 'evidence_id', 'external_reservation_ref', 'payload', 'idempotency_key')
     and not exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped)",
    "select attname || ' is in the list of tenants, which everybody may read' from pg_attribute
     where attrelid = 'tenant'::regclass and attnum > 0 and not attisdropped and attname not in ('tenant_id', 'first_seen_at')",
    "select rolname || ' is too strong' from pg_roles where rolname in ('holdfast_runtime', 'holdfast_test')
     and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
    "select c.relname || ' is owned by ' || pg_get_userbyid(c.relowner) || ', which could switch its policies off' from pg_class c
     where pg_get_userbyid(c.relowner) in ('holdfast_runtime', 'holdfast_test')
     union all select proname || ' is a function of ' || pg_get_userbyid(proowner) from pg_proc where pg_get_userbyid(proowner) in ('holdfast_runtime', 'holdfast_test')
     union all select proname || ' runs with its owner''s rights' from pg_proc where prosecdef and pronamespace = 'public'::regnamespace",
    "select table_name || ' may be ' || lower(privilege_type) || 'd by ' || grantee || ', past all policies' from information_schema.role_table_grants
     where grantee in ('holdfast_runtime', 'holdfast_test', 'PUBLIC') and table_schema = 'public'
     and privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')",
    "select c.relname || ' is a view, and shows what its owner may see' from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('v', 'm') and not coalesce(c.reloptions @> '{security_invoker=true}', false)",
];

async fn offences(pool: &PgPool) -> Vec<String> {
    let mut found = Vec::new();
    for query in OFFENCES {
        found.extend(sqlx::query_scalar::<_, String>(query).fetch_all(pool).await.unwrap());
    }
    found
}

#[tokio::test]
async fn every_table_with_a_tenants_data_is_forced_and_the_daemons_role_can_do_nothing_about_it() {
    let database = Database::fresh().await;
    assert_eq!(offences(database.pool()).await, Vec::<String>::new());
    println!("{} tables are forced", super::tables(database.pool()).await.len());
}

#[tokio::test]
async fn each_offence_is_seen() {
    let database = Database::fresh().await;
    for (planted, seen) in [
        ("alter table outbox no force row level security", "outbox has a tenant_id, but row-level security is not forced"),
        ("alter table supplier_call disable row level security", "supplier_call has a tenant_id, but row-level security is off"),
        ("drop policy engine_task_tenant on engine_task", "engine_task has no policy"),
        ("create policy open on reservation for select using (true)", "one policy too many"),
        ("create table note (order_id uuid)", "note has order_id, but says not whose it is"),
        ("create table leak (tenant_id uuid)", "leak has a tenant_id, but row-level security is off"),
        ("alter table tenant add column name text", "name is in the list of tenants"),
        ("grant truncate on reservation to holdfast_runtime", "reservation may be truncated by holdfast_runtime"),
        ("create view everything as select * from reservation", "everything is a view"),
        (
            "create function peek() returns bigint language sql security definer as 'select count(*) from reservation'",
            "peek runs with its owner",
        ),
        ("alter table inbox_marker owner to holdfast_runtime", "inbox_marker is owned by holdfast_runtime"),
    ] {
        if planted.contains("inbox_marker") {
            database.pool().execute("create table inbox_marker (at timestamptz)").await.unwrap();
            database.pool().execute("grant create on schema public to holdfast_runtime").await.unwrap();
        }
        database.pool().execute(AssertSqlSafe(planted.to_owned())).await.unwrap();
        let found = offences(database.pool()).await;
        assert!(found.iter().any(|offence| offence.contains(seen)), "{planted}: {found:?}");
    }
}
