//! Evidence that has run out is told of once, whoever looks and however often.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use super::shelf::{Shelf, connect, now};

async fn put(pool: &PgPool, tenant: Uuid, expires_at: Option<DateTime<Utc>>) -> Uuid {
    let id = Uuid::new_v4();
    sqlx::query(
        "insert into availability_evidence (evidence_id, tenant_id, source_system, subject_type, subject_id, status, checked_at, expires_at)
         values ($1, $2, 'main', 'ORDER', $3, 'AVAILABLE', $4, $5)",
    )
    .bind(id)
    .bind(tenant)
    .bind(Uuid::new_v4())
    .bind(now() - TimeDelta::hours(1))
    .bind(expires_at)
    .execute(pool)
    .await
    .unwrap();
    id
}

#[tokio::test]
async fn each_evidence_that_expired_is_told_once_by_however_many_replicas() {
    let shelf = Shelf::fresh().await;
    let pool = shelf.database.pool();
    let mut expired = Vec::new();
    for seconds in 0..30 {
        expired.push(put(pool, shelf.tenant.0, Some(now() - TimeDelta::seconds(seconds))).await);
    }
    put(pool, shelf.tenant.0, Some(now() + TimeDelta::milliseconds(1))).await;
    put(pool, shelf.tenant.0, None).await;
    let elsewhere = put(pool, Uuid::new_v4(), Some(now())).await;

    let replicas = [connect(&shelf.database).await, connect(&shelf.database).await];
    let tenants = [shelf.tenant];
    let rounds = replicas.iter().map(|store| async {
        let mut told = 0;
        // As long as there is some: a step is smaller than what there is.
        loop {
            match store.expire_evidence(&tenants, now(), 4).await.unwrap() {
                0 => return told,
                some => told += some,
            }
        }
    });
    let told: u64 = futures::future::join_all(rounds).await.into_iter().sum();
    assert_eq!(told, 30);
    let mut facts: Vec<(Uuid, i64)> =
        sqlx::query_as("select aggregate_id, sequence from outbox where event_type = 'AvailabilityEvidenceExpired'")
            .fetch_all(pool)
            .await
            .unwrap();
    facts.sort_unstable();
    expired.sort_unstable();
    assert_eq!(facts, expired.iter().map(|id| (*id, 2)).collect::<Vec<_>>());
    assert!(!expired.contains(&elsewhere));
    assert_eq!(replicas[0].expire_evidence(&tenants, now() + TimeDelta::seconds(1), 100).await.unwrap(), 1, "the next one, in its time");
}
