//! Not knowing: a time-out, a circuit that is open, an answer that cannot be read. Never "unavailable", and never an answer again.

use std::time::Duration;

use holdfast::cache::Cache;
use holdfast::domain::{AvailabilityStatus, Subject};
use holdfast::operations::Provenance;
use holdfast::simulator::Fault;
use uuid::Uuid;

use crate::support::counter::{Counter, cache_options, line};

/// An inventory that has a third of a second to answer.
const IMPATIENT: &str = "check_timeout_ms = 300\ntimeout_ms = 300\nlinger_ms = 1000";

#[tokio::test]
async fn a_timed_out_check_is_unknown_with_a_time_to_ask_again_and_never_unavailable() {
    let counter = Counter::open_with(IMPATIENT).await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    let silent = counter.arm(Some(1), Fault::SwallowAnswer);
    let told = replica.check_availability(counter.quote()).await.unwrap();
    assert_eq!(counter.fired(silent), 1);
    assert_eq!((told.status, told.evidence.explanation.as_deref()), (AvailabilityStatus::Unknown, Some("SOURCE_DID_NOT_ANSWER")));
    assert!(told.evidence.lines.iter().all(|line| line.status == AvailabilityStatus::Unknown && line.available.is_none()));
    assert!(told.evidence.recheck_after.unwrap() > told.evidence.checked_at);
    let kept = replica.evidence(counter.tenant, told.evidence.id).await.unwrap().unwrap();
    assert_eq!(kept.evidence, told.evidence);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_unknown_and_its_beginning_is_kept_for_whoever_looks_into_it() {
    let counter = Counter::open_with(IMPATIENT).await;
    let replica = counter.replica(Cache::Off).await;
    for fault in [Fault::GarbageBody, Fault::ErrorBefore { status: 500, retry_after: None }, Fault::Html502 { acted: false }] {
        counter.arm(Some(1), fault.clone());
        let told = replica.check_availability(counter.quote()).await.unwrap();
        assert_eq!(
            (told.status, told.evidence.explanation.as_deref()),
            (AvailabilityStatus::Unknown, Some("ANSWER_NOT_USABLE")),
            "{fault:?}"
        );
        assert!(told.evidence.http_status.is_some() && told.evidence.why.is_some() && told.evidence.excerpt.is_some(), "{told:?}");
    }
}

#[tokio::test]
async fn what_the_inventory_refuses_to_say_is_unknown_under_its_own_code() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::Off).await;
    counter.arm(Some(1), Fault::Refuse { code: "UNKNOWN_PRODUCT".to_owned(), status: 422 });
    let told = replica.check_availability(counter.quote()).await.unwrap();
    assert_eq!((told.status, told.evidence.explanation.as_deref()), (AvailabilityStatus::Unknown, Some("UNKNOWN_PRODUCT")));
}

#[tokio::test]
async fn with_an_open_circuit_nobody_is_asked_and_the_answer_says_when_to_come_again() {
    let counter = Counter::open_with(&format!("{IMPATIENT}\nbreaker = {{ failures = 2, pause_ms = 60000 }}")).await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    counter.inventory.down(None).await;
    let check = async || {
        let question = counter.check(Subject::Operational(Uuid::new_v4()), vec![line("phone", "1")]);
        replica.check_availability(question).await.unwrap().evidence
    };
    for _ in 0..2 {
        assert_eq!(check().await.explanation.as_deref(), Some("SOURCE_NOT_REACHED"));
    }
    let told = check().await;
    assert_eq!((told.status, told.explanation.as_deref()), (AvailabilityStatus::Unknown, Some("CIRCUIT_OPEN")));
    let wait = told.recheck_after.unwrap() - told.checked_at;
    assert!(wait.num_seconds() > 30, "the circuit stays open for a minute: {wait}");
    assert_eq!(counter.calls(), 0);
}

#[tokio::test]
async fn what_is_not_known_answers_no_later_question_and_unseats_no_earlier_answer() {
    let counter = Counter::open_with(&format!("{IMPATIENT}\nevidence_ttl_s = 60\nreuse_for_s = 30")).await;
    for cache in [Cache::Off, Cache::memory(cache_options())] {
        counter.pass(1_000);
        let replica = counter.replica(cache).await;
        let check = counter.quote();
        let silent = counter.arm(Some(1), Fault::SwallowAnswer);
        assert_eq!(replica.check_availability(check.clone()).await.unwrap().status, AvailabilityStatus::Unknown);
        let known = replica.check_availability(check.clone()).await.unwrap();
        assert_eq!((known.status, known.from), (AvailabilityStatus::Available, Provenance::Fresh));
        counter.pass(2);
        let again = counter.arm(Some(1), Fault::SwallowAnswer);
        let rechecked = replica.recheck(counter.tenant, known.evidence.id, None).await.unwrap().unwrap();
        assert_eq!((rechecked.fresh.status, counter.fired(silent), counter.fired(again)), (AvailabilityStatus::Unknown, 1, 1));
        let still = replica.check_availability(check.clone()).await.unwrap();
        assert_eq!((still.evidence.id, still.from), (known.evidence.id, Provenance::Reused), "an older answer counts until its end");
        let Subject::Quote(quote, _) = check.subject else { unreachable!() };
        let shown = replica.quote_evidence(counter.tenant, quote, None).await.unwrap();
        assert_eq!(
            (shown.status, shown.evidence[0].evidence.id),
            (AvailabilityStatus::Available, known.evidence.id),
            "and is what is shown"
        );
    }
}

#[tokio::test]
async fn a_database_that_is_away_makes_no_answer_and_is_told_apart_from_a_bad_question() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::Off).await;
    // The table is held, so that nothing can be written.
    let mut holding = counter.database.pool().begin().await.unwrap();
    sqlx::query("lock table availability_evidence in access exclusive mode").execute(&mut *holding).await.unwrap();
    let asking = replica.check_availability(counter.check(Subject::Operational(Uuid::new_v4()), vec![line("phone", "1")]));
    let waited = tokio::time::timeout(Duration::from_millis(700), asking).await;
    assert!(waited.is_err(), "nothing is answered that is not on record: {waited:?}");
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'holdfast_test'")
        .execute(&mut *holding)
        .await
        .unwrap();
    holding.rollback().await.unwrap();
}
