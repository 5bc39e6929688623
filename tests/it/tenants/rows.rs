//! What the daemon's role sees and may write, asked table by table with rows of two tenants in all of them.

use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use super::{Neighbours, as_the_daemon, tables};
use crate::support::daemon::Daemon;

/// The database's code for an error; none if there was no error.
fn code(done: Result<impl Sized, sqlx::Error>) -> Option<String> {
    match done {
        Ok(_) => None,
        Err(sqlx::Error::Database(error)) => error.code().map(|code| code.into_owned()),
        Err(other) => panic!("{other}"),
    }
}

async fn count(pool: &PgPool, table: &str, tenant: &str) -> i64 {
    let sql = format!("select count(*) from {table} where tenant_id = '{tenant}'");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
}

async fn columns(pool: &PgPool, table: &str) -> Vec<String> {
    let sql = "select column_name::text from information_schema.columns
        where table_schema = 'public' and table_name = $1 and is_identity = 'NO' and is_generated = 'NEVER' order by ordinal_position";
    sqlx::query_scalar(sql).bind(table).fetch_all(pool).await.unwrap()
}

/// Two tenants with rows in the tables, and no daemon any more.
async fn lived_in() -> Neighbours {
    let neighbours = Neighbours::move_in().await;
    let daemon = Daemon::start_with(&neighbours.shop, &[neighbours.both()]).await;
    for order in &neighbours.orders().await {
        order.is_reserved().await;
    }
    daemon.stop().await;
    neighbours
}

#[tokio::test]
async fn without_naming_its_tenants_no_statement_reads_or_writes_anything() {
    let neighbours = lived_in().await;
    let (all, runtime) = (neighbours.shop.database.pool(), as_the_daemon(&neighbours.shop).await);
    let mut tried = 0;
    for set_before in [false, true] {
        if set_before {
            // Gone with its transaction: a connection goes from tenant to tenant.
            let mut tx = runtime.begin().await.unwrap();
            let tenants = format!("{{{}}}", neighbours.tenants()[0]);
            sqlx::query("select set_config('holdfast.tenants', $1, true)").bind(tenants).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        for table in tables(all).await {
            let insert = format!("insert into {table} (tenant_id) values (gen_random_uuid())");
            let mut statements = vec![insert];
            // A policy weighs rows: where there are none, there is nothing to refuse.
            if count(all, &table, neighbours.tenants()[0]).await > 0 {
                statements.extend([
                    format!("select * from {table}"),
                    format!("select count(*) from {table}"),
                    format!("update {table} set tenant_id = tenant_id"),
                    format!("delete from {table}"),
                ]);
            }
            for statement in statements {
                let code = code(runtime.execute(AssertSqlSafe(statement.clone())).await);
                // Never set, set to nothing any more, or not granted at all.
                assert!(matches!(code.as_deref(), Some("42704" | "22P02" | "42501")), "{statement}: {code:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
    println!("{tried} statements that named no tenants were refused");
}

#[tokio::test]
async fn a_tenant_sees_its_own_rows_in_every_table_and_can_neither_change_nor_make_anothers() {
    let neighbours = lived_in().await;
    let (all, runtime) = (neighbours.shop.database.pool(), as_the_daemon(&neighbours.shop).await);
    let [ours, theirs] = neighbours.tenants();
    let (mut with_rows, mut tried) = (0, 0);
    for table in tables(all).await {
        let (our_rows, their_rows) = (count(all, &table, ours).await, count(all, &table, theirs).await);
        with_rows += usize::from(our_rows > 0 && their_rows > 0);

        let mut tx = runtime.begin().await.unwrap();
        sqlx::query("select set_config('holdfast.tenants', $1, true)").bind(format!("{{{ours}}}")).execute(&mut *tx).await.unwrap();
        let seen: Vec<PgRow> =
            sqlx::query(AssertSqlSafe(format!("select tenant_id::text from {table}"))).fetch_all(&mut *tx).await.unwrap();
        assert!(seen.iter().all(|row| row.get::<String, _>(0) == ours), "{table}");
        assert_eq!(seen.len() as i64, our_rows, "{table}");
        for statement in [
            format!("update {table} set tenant_id = '{theirs}' where tenant_id = '{ours}'"),
            format!("update {table} set tenant_id = '{ours}' where tenant_id = '{theirs}'"),
            format!("delete from {table} where tenant_id = '{theirs}'"),
        ] {
            sqlx::query("savepoint before").execute(&mut *tx).await.unwrap();
            match sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut *tx).await {
                // Their rows are not there to be changed; ours cannot be given away.
                Ok(done) => assert!(
                    done.rows_affected() == 0 && !(our_rows > 0 && statement.contains(&format!("where tenant_id = '{ours}'"))),
                    "{statement}"
                ),
                Err(error) => assert_eq!(code(Err::<(), _>(error)).as_deref(), Some("42501"), "{statement}"),
            }
            sqlx::query("rollback to savepoint before").execute(&mut *tx).await.unwrap();
            tried += 1;
        }
        tx.rollback().await.unwrap();

        // A row of theirs, made anew by us, word for word.
        let columns = columns(all, &table).await.join(", ");
        let stolen: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(t)::text from {table} t where tenant_id = '{theirs}' limit 1")))
                .fetch_optional(all)
                .await
                .unwrap();
        if let Some(row) = stolen {
            let mut tx = runtime.begin().await.unwrap();
            sqlx::query("select set_config('holdfast.tenants', $1, true)").bind(format!("{{{ours}}}")).execute(&mut *tx).await.unwrap();
            let insert = format!("insert into {table} ({columns}) select {columns} from jsonb_populate_record(null::{table}, $1::jsonb)");
            let made = sqlx::query(AssertSqlSafe(insert)).bind(&row).execute(&mut *tx).await;
            assert_eq!(code(made).as_deref(), Some("42501"), "{table}");
            tried += 1;
        }
        assert_eq!((count(all, &table, ours).await, count(all, &table, theirs).await), (our_rows, their_rows), "{table}");
    }
    assert!(with_rows >= 5, "only {with_rows} tables had rows of both tenants");
    println!("{tried} attempts on another tenant's rows changed nothing; {with_rows} tables had rows of both");
}
