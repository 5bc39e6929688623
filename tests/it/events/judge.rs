//! What must be true of a topic, judged from the topic and the database alone.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::support::kafka::Read;

/// What a topic came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Facts, each counted once.
    pub(crate) facts: usize,
    /// Messages that repeat one that was there before.
    pub(crate) repeated: usize,
    pub(crate) aggregates: usize,
}

/// Every aggregate's facts are there from the first to the last number without a gap, each first told after the one before it;
/// repetitions repeat what was told. All facts of an aggregate are in one partition.
pub(crate) fn judge(topic: &[Read]) -> Verdict {
    let mut highest: BTreeMap<String, i64> = BTreeMap::new();
    let mut partitions: BTreeMap<String, i32> = BTreeMap::new();
    let mut ids: BTreeMap<(String, i64), String> = BTreeMap::new();
    let mut repeated = 0;
    for read in topic {
        let event = read.json();
        let text = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("{name} in {event}")).to_owned();
        let (aggregate, sequence) = (text("aggregateId"), event["sequence"].as_i64().unwrap());
        let last = highest.entry(aggregate.clone()).or_default();
        assert!(sequence <= *last + 1, "fact {sequence} of {aggregate} came after {last}: {event}");
        if sequence <= *last {
            repeated += 1;
        }
        *last = (*last).max(sequence);
        assert_eq!(*partitions.entry(aggregate.clone()).or_insert(read.partition), read.partition, "{event}");
        let id = ids.entry((aggregate, sequence)).or_insert_with(|| text("eventId"));
        assert_eq!(*id, text("eventId"), "the same fact has one id");
    }
    Verdict { facts: ids.len(), repeated, aggregates: highest.len() }
}

/// The facts in the topic are those that the database says have become true, and no others.
pub(crate) async fn is_what_happened(topic: &[Read], pool: &PgPool) {
    // Evidence that has expired was told twice: as it was made, and as it expired.
    let wanted: Vec<(Uuid, i64)> = sqlx::query_as(
        "select reservation_id, event_sequence from reservation where event_sequence > 0
        union all select evidence_id, case when expiry_told_at is null then 1 else 2 end from availability_evidence",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let wanted: BTreeSet<(String, i64)> =
        wanted.into_iter().flat_map(|(id, last)| (1..=last).map(move |sequence| (id.to_string(), sequence))).collect();
    let told: BTreeSet<(String, i64)> = topic
        .iter()
        .map(Read::json)
        .filter(|event| event["aggregateType"] == "Reservation" || event["aggregateType"] == "AvailabilityEvidence")
        .map(|event| (event["aggregateId"].as_str().unwrap().to_owned(), event["sequence"].as_i64().unwrap()))
        .collect();
    assert_eq!(told.difference(&wanted).collect::<Vec<_>>(), Vec::<&(String, i64)>::new(), "told, and never true");
    assert_eq!(wanted.difference(&told).collect::<Vec<_>>(), Vec::<&(String, i64)>::new(), "true, and never told");
}

/// How many rows wait in the outbox.
pub(crate) async fn waiting(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from outbox").fetch_one(pool).await.unwrap()
}
