//! Asking again, and what changed since: line by line, with a cause.

use holdfast::cache::Cache;
use holdfast::domain::{AvailabilityStatus, ChangeCause, Subject, Trait};
use holdfast::operations::{Provenance, Rechecked};
use uuid::Uuid;

use crate::support::counter::{Counter, cache_options, line};

fn shown(rechecked: &Rechecked) -> Vec<(String, Trait, ChangeCause)> {
    let lines = &rechecked.diff.lines;
    lines.iter().flat_map(|line| line.changes.iter().map(|c| (line.product_offering.clone(), c.what, c.cause))).collect()
}

#[tokio::test]
async fn a_recheck_asks_however_recent_the_evidence_is_and_tells_what_changed_of_which_line() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    let check = counter.quote();
    let before = replica.check_availability(check.clone()).await.unwrap().evidence;
    let same = replica.recheck(counter.tenant, before.id, Some("R-2".into())).await.unwrap().unwrap();
    assert_eq!((same.fresh.from, shown(&same), counter.calls()), (Provenance::Fresh, vec![], 2));
    assert_eq!((same.fresh.evidence.subject, same.fresh.evidence.request.as_deref()), (before.subject, Some("R-2")));

    counter.stock("phone", 1);
    let fell = replica.recheck(counter.tenant, before.id, None).await.unwrap().unwrap();
    assert_eq!(
        shown(&fell),
        [("phone".into(), Trait::Status, ChangeCause::StockFell), ("phone".into(), Trait::Quantity, ChangeCause::StockFell)]
    );
    assert_eq!((fell.diff.status_before, fell.diff.status_after), (AvailabilityStatus::Available, AvailabilityStatus::PartiallyAvailable));
    assert!(fell.diff.is_worse() && !fell.diff.had_expired);
    // Whoever looks at the quote now is shown the newer answer, without a call.
    let looked = replica.check_availability(check).await.unwrap();
    assert_eq!((looked.evidence.id, looked.from), (fell.fresh.evidence.id, Provenance::Reused));

    counter.stock("phone", 7);
    let rose = replica.recheck(counter.tenant, fell.fresh.evidence.id, None).await.unwrap().unwrap();
    assert!(shown(&rose).contains(&("phone".into(), Trait::Status, ChangeCause::StockRose)));
    assert!(!rose.diff.is_worse());
}

#[tokio::test]
async fn a_recheck_of_expired_evidence_says_that_it_had_expired() {
    let counter = Counter::open_with("evidence_ttl_s = 10").await;
    let replica = counter.replica(Cache::Off).await;
    let check = counter.check(Subject::Operational(Uuid::new_v4()), vec![line("phone", "1")]);
    let before = replica.check_availability(check).await.unwrap().evidence;
    counter.pass(10);
    let rechecked = replica.recheck(counter.tenant, before.id, None).await.unwrap().unwrap();
    assert!(rechecked.diff.had_expired);
    assert_eq!(rechecked.fresh.status, AvailabilityStatus::Available);
}

#[tokio::test]
async fn evidence_that_is_not_there_cannot_be_rechecked_and_nobody_is_asked() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::Off).await;
    let id = holdfast::domain::EvidenceId(Uuid::new_v4());
    assert!(replica.recheck(counter.tenant, id, None).await.unwrap().is_none());
    assert_eq!(counter.calls(), 0);
}
