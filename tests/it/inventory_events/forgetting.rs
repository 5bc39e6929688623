//! What is old enough is forgotten, in steps, by an index, and nothing else is.

use chrono::TimeDelta;
use holdfast::store::Forgotten;
use serde_json::json;
use sqlx::Row as _;
use uuid::Uuid;

use super::shelf::{Shelf, now};

#[tokio::test]
async fn inbox_rows_are_forgotten_by_age_a_step_at_a_time() {
    let shelf = Shelf::fresh().await;
    for (tenant, age, rows) in [(shelf.tenant.0, 40, 25), (shelf.tenant.0, 10, 5), (Uuid::new_v4(), 40, 3)] {
        sqlx::query("insert into inbox select $1, 'main', 'event-' || $2 || '-' || n, $3 from generate_series(1, $4) n")
            .bind(tenant)
            .bind(age)
            .bind(now() - TimeDelta::days(i64::from(age)))
            .bind(rows)
            .execute(shelf.database.pool())
            .await
            .unwrap();
    }
    let before = now() - TimeDelta::days(30);
    let mut steps = Vec::new();
    for _ in 0..4 {
        steps.push(shelf.store.forget(Forgotten::InboxRow, &[shelf.tenant], before, 10).await.unwrap());
    }
    assert_eq!(steps, [10, 10, 5, 0]);
    let left: i64 = sqlx::query_scalar("select count(*) from inbox").fetch_one(shelf.database.pool()).await.unwrap();
    assert_eq!(left, 8, "the young ones, and those of the tenant that was not named");
}

#[tokio::test]
async fn what_an_inventory_answered_is_forgotten_and_that_it_was_asked_is_not() {
    let shelf = Shelf::fresh().await;
    for age in [100, 100, 10] {
        sqlx::query(
            "insert into supplier_call (call_id, tenant_id, source_system, operation, sequence, session_id, started_at, ended_at, answer_class, evidence)
             values ($1, $2, 'main', 'reserve', 1, $1, $3, $3, 'DONE', '{}')",
        )
        .bind(Uuid::new_v4())
        .bind(shelf.tenant.0)
        .bind(now() - TimeDelta::days(age))
        .execute(shelf.database.pool())
        .await
        .unwrap();
    }
    let before = now() - TimeDelta::days(90);
    assert_eq!(shelf.store.forget(Forgotten::SupplierCallEvidence, &[shelf.tenant], before, 100).await.unwrap(), 2);
    assert_eq!(shelf.store.forget(Forgotten::SupplierCallEvidence, &[shelf.tenant], before, 100).await.unwrap(), 0);
    let counts: (i64, i64) =
        sqlx::query_as("select count(*), count(evidence) from supplier_call").fetch_one(shelf.database.pool()).await.unwrap();
    assert_eq!(counts, (3, 1));
}

#[tokio::test]
async fn evidence_is_forgotten_with_its_lines_and_never_before_its_end_was_told() {
    let shelf = Shelf::fresh().await;
    let pool = shelf.database.pool();
    for (age, expires, told) in [(500, true, true), (500, true, false), (500, false, false), (10, true, true)] {
        let (id, checked_at) = (Uuid::new_v4(), now() - TimeDelta::days(age));
        sqlx::query(
            "insert into availability_evidence (evidence_id, tenant_id, source_system, subject_type, subject_id, status, checked_at, expires_at,
                expiry_told_at)
             values ($1, $2, 'main', 'ORDER', $1, 'UNKNOWN', $3, $4, $5)",
        )
        .bind(id)
        .bind(shelf.tenant.0)
        .bind(checked_at)
        .bind(expires.then_some(checked_at))
        .bind(told.then_some(checked_at))
        .execute(pool)
        .await
        .unwrap();
        sqlx::query(
            "insert into availability_evidence_line (evidence_line_id, tenant_id, evidence_id, line_ref, requested_quantity, status)
             select gen_random_uuid(), $2, $1, n::text, 1, 'UNKNOWN' from generate_series(1, 2) n",
        )
        .bind(id)
        .bind(shelf.tenant.0)
        .execute(pool)
        .await
        .unwrap();
    }
    let before = now() - TimeDelta::days(400);
    assert_eq!(shelf.store.forget(Forgotten::AvailabilityEvidence, &[shelf.tenant], before, 100).await.unwrap(), 2);
    assert_eq!(shelf.store.forget(Forgotten::AvailabilityEvidence, &[shelf.tenant], before, 100).await.unwrap(), 0);
    let left: (i64, i64) =
        sqlx::query_as("select (select count(*) from availability_evidence), (select count(*) from availability_evidence_line)")
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(left, (2, 4), "the young one, and the one of whose end nobody was told yet");
}

#[tokio::test]
async fn dead_letters_are_forgotten_by_age() {
    let shelf = Shelf::fresh().await;
    shelf.take_in_first(&[shelf.event("e-1", 1, json!({"status": "active"}))]).await;
    let old = now() + TimeDelta::days(1);
    assert_eq!(shelf.store.forget(Forgotten::DeadLetter, &[shelf.tenant], now(), 10).await.unwrap(), 0);
    assert_eq!(shelf.store.forget(Forgotten::DeadLetter, &[shelf.tenant], old, 10).await.unwrap(), 1);
}

#[tokio::test]
async fn answers_under_a_key_are_forgotten_once_they_have_expired() {
    let shelf = Shelf::fresh().await;
    for (key, expires_in) in [("over", -1), ("over too", -30), ("still good", 30)] {
        sqlx::query(
            "insert into idempotency_record (tenant_id, operation, idempotency_key, record_id, fingerprint, attempt, busy_until, created_at,
                expires_at)
             values ($1, 'check_availability', $2, gen_random_uuid(), '\\x00', 1, $3, $3, $3)",
        )
        .bind(shelf.tenant.0)
        .bind(key)
        .bind(now() + TimeDelta::minutes(expires_in))
        .execute(shelf.database.pool())
        .await
        .unwrap();
    }
    let mut steps = Vec::new();
    for _ in 0..3 {
        steps.push(shelf.store.forget(Forgotten::IdempotencyRecord, &[shelf.tenant], now(), 1).await.unwrap());
    }
    assert_eq!(steps, [1, 1, 0]);
    let left: String = sqlx::query_scalar("select idempotency_key from idempotency_record").fetch_one(shelf.database.pool()).await.unwrap();
    assert_eq!(left, "still good");
}

#[tokio::test]
async fn each_step_of_forgetting_and_of_expiring_finds_its_rows_by_an_index() {
    let shelf = Shelf::fresh().await;
    let mut connection = shelf.database.pool().acquire().await.unwrap();
    for statement in ["set enable_seqscan = off", "set enable_bitmapscan = off"] {
        sqlx::query(statement).execute(&mut *connection).await.unwrap();
    }
    for (index, statement) in [
        ("inbox_received", "select ctid from inbox where received_at < now() order by received_at limit 10"),
        ("dead_letter_died", "select dead_letter_id from dead_letter where died_at < now() order by died_at limit 10"),
        (
            "supplier_call_with_evidence",
            "select call_id from supplier_call where evidence is not null and ended_at < now() order by ended_at limit 10",
        ),
        ("webhook_notice_received", "select ctid from webhook_notice where received_at < now() order by received_at limit 10"),
        ("idempotency_record_expiry", "select ctid from idempotency_record where expires_at < now() order by expires_at limit 10"),
        (
            "availability_evidence_checked",
            "select evidence_id from availability_evidence where checked_at < now() and (expires_at is null or expiry_told_at is not null) \
             order by checked_at limit 10",
        ),
        (
            "availability_evidence_expiring",
            "select evidence_id from availability_evidence where expiry_told_at is null and expires_at <= now() order by expires_at limit 10",
        ),
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("explain {statement}"))).fetch_all(&mut *connection).await.unwrap();
        let plan: String = plan.iter().map(|row| row.get::<String, _>(0) + "\n").collect();
        assert!(plan.contains(index) && !plan.contains("Sort"), "{plan}");
    }
}
