//! What is answered is on record, reads as stale past its end, and answers again only for as long as it may.

use chrono::TimeDelta;
use holdfast::cache::Cache;
use holdfast::domain::{AvailabilityEvidence, AvailabilityStatus, EvidenceId, OrderId, QuoteId, Subject, TenantId};
use holdfast::operations::{CheckAvailability, Provenance};
use holdfast::simulator::Fault;
use holdfast::store::Store;
use serde_json::json;
use sqlx::Executor as _;
use uuid::Uuid;

use crate::support::counter::{Counter, cache_options, line};

#[tokio::test]
async fn an_answer_is_on_record_line_by_line_with_its_source_its_time_and_its_end() {
    let counter = Counter::open_with("evidence_ttl_s = 60").await;
    counter.stock("phone", 1);
    let replica = counter.replica(Cache::Off).await;
    let mut check = counter.quote();
    (check.customer, check.channel, check.request) = (Some("C-1".into()), Some("web".into()), Some("R-1".into()));
    let told = replica.check_availability(check.clone()).await.unwrap();
    assert_eq!((told.status, told.from), (AvailabilityStatus::PartiallyAvailable, Provenance::Fresh));
    let kept = replica.evidence(counter.tenant, told.evidence.id).await.unwrap().unwrap();
    assert_eq!(kept.evidence, told.evidence, "what is read back is what was told");
    let evidence = kept.evidence.as_ref();
    assert_eq!(evidence.expires_at - evidence.checked_at, TimeDelta::seconds(60));
    assert_eq!((evidence.source.as_str(), evidence.source_reference.clone()), ("main", Some(evidence.id.to_string())));
    assert_eq!((evidence.customer.as_deref(), evidence.request.as_deref()), (Some("C-1"), Some("R-1")));
    let lines: Vec<_> = evidence.lines.iter().map(|l| (l.order_line, l.status, l.available.map(|a| a.to_string()))).collect();
    assert_eq!(lines[0], (check.lines[0].order_line, AvailabilityStatus::PartiallyAvailable, Some("1".into())));
    assert_eq!(lines[1], (check.lines[1].order_line, AvailabilityStatus::Available, Some("1000".into())));
}

#[tokio::test]
async fn that_a_check_was_answered_is_told_in_the_same_transaction() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::Off).await;
    let told = replica.check_availability(counter.quote()).await.unwrap();
    let facts = counter.facts().await;
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].0, "AvailabilityEvidenceCreated");
    assert_eq!((&facts[0].1["status"], &facts[0].1["subjectType"]), (&json!("AVAILABLE"), &json!("QUOTE")));
    assert_eq!(facts[0].1["lines"].as_array().unwrap().len(), 2);

    // Where the fact cannot be written, there is no evidence either, and nobody is told anything.
    counter.database.pool().execute("revoke insert on outbox from holdfast_runtime").await.unwrap();
    let refused = replica.check_availability(counter.quote()).await;
    assert!(refused.is_err(), "an answer that cannot be kept is no answer: {refused:?}");
    assert_eq!(counter.rows().await, 1);
    assert_eq!(told.evidence.lines.len(), 2);
}

#[tokio::test]
async fn evidence_reads_as_stale_from_its_expiry_on_and_a_quote_nobody_asked_about_as_not_checked() {
    let counter = Counter::open_with("evidence_ttl_s = 60").await;
    let replica = counter.replica(Cache::Off).await;
    let check = counter.quote();
    let Subject::Quote(quote, _) = check.subject else { unreachable!() };
    let status = async || replica.quote_evidence(counter.tenant, quote, None).await.unwrap().status;
    assert_eq!(status().await, AvailabilityStatus::NotChecked);
    let id = replica.check_availability(check).await.unwrap().evidence.id;
    let read = async || replica.evidence(counter.tenant, id).await.unwrap().unwrap();
    counter.pass(59);
    assert_eq!((read().await.status, status().await), (AvailabilityStatus::Available, AvailabilityStatus::Available));
    counter.pass(1);
    assert_eq!((read().await.status, status().await), (AvailabilityStatus::Stale, AvailabilityStatus::Stale));
    assert_eq!(read().await.evidence.status, AvailabilityStatus::Available, "what was said stays on record");
}

#[tokio::test]
async fn of_a_quote_the_newest_evidence_of_the_revision_that_is_asked_for_is_shown() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::Off).await;
    let quote = QuoteId(Uuid::new_v4());
    let mut told = Vec::new();
    for (revision, quantity) in [(1, "1"), (2, "2"), (2, "3")] {
        counter.pass(1);
        let check = counter.check(Subject::Quote(quote, revision), vec![line("phone", quantity)]);
        told.push(replica.check_availability(check).await.unwrap().evidence.id);
    }
    let shown = async |revision| {
        let found = replica.quote_evidence(counter.tenant, quote, revision).await.unwrap();
        found.evidence.iter().map(|view| view.evidence.id).collect::<Vec<_>>()
    };
    assert_eq!(shown(None).await, [told[2]]);
    assert_eq!(shown(Some(1)).await, [told[0]]);
    assert_eq!(shown(Some(3)).await, []);
}

#[tokio::test]
async fn of_a_quote_the_newest_answer_to_what_was_asked_last_is_shown_whatever_was_written_down_last() {
    let counter = Counter::open_with("evidence_ttl_s = 60").await;
    let replica = counter.replica(Cache::Off).await;
    let check = counter.quote();
    let Subject::Quote(quote, _) = check.subject else { unreachable!() };
    let shown = async || {
        let found = replica.quote_evidence(counter.tenant, quote, None).await.unwrap();
        (found.status, found.evidence[0].evidence.id)
    };
    let first = replica.check_availability(check.clone()).await.unwrap().evidence;
    counter.pass(1);
    counter.stock("phone", 0);
    let second = replica.recheck(counter.tenant, first.id, None).await.unwrap().unwrap().fresh.evidence;
    counter.pass(1);
    let copy = AvailabilityEvidence { id: EvidenceId(Uuid::new_v4()), copied_from: Some(first.id), ..first.as_ref().clone() };
    let store = Store::connect(&counter.database.store_options()).await.unwrap();
    store.put_evidence(copy, counter.shared_clock().now()).await.unwrap();
    assert_eq!(shown().await, (AvailabilityStatus::PartiallyAvailable, second.id), "the copy is of an older answer");

    // What was told of other lines says nothing of these.
    let silent = counter.arm(Some(1), Fault::ErrorBefore { status: 500, retry_after: None });
    counter.pass(1);
    let other = CheckAvailability { lines: vec![line("phone", "9")], ..check.clone() };
    let unknown = replica.check_availability(other).await.unwrap().evidence;
    assert_eq!(shown().await, (AvailabilityStatus::Unknown, unknown.id));
    assert_eq!(counter.fired(silent), 1);
    counter.pass(60);
    assert_eq!(shown().await, (AvailabilityStatus::Stale, unknown.id));
}

#[tokio::test]
async fn a_tenant_never_sees_another_tenants_evidence_nor_is_answered_from_it() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    let check = counter.quote();
    let told = replica.check_availability(check.clone()).await.unwrap();
    let other = TenantId(Uuid::new_v4());
    assert!(replica.evidence(other, told.evidence.id).await.unwrap().is_none());
    assert!(replica.recheck(other, told.evidence.id, None).await.unwrap().is_none());
    let Subject::Quote(quote, _) = check.subject else { unreachable!() };
    assert!(replica.quote_evidence(other, quote, None).await.unwrap().evidence.is_empty());
    let theirs = replica.check_availability(CheckAvailability { tenant: other, ..check }).await.unwrap();
    assert_eq!((theirs.from, counter.calls()), (Provenance::Fresh, 2));
}

#[tokio::test]
async fn recent_evidence_answers_a_quote_without_a_call_for_as_long_as_it_may() {
    let counter = Counter::open_with("evidence_ttl_s = 60\nreuse_for_s = 30").await;
    for cache in [Cache::Off, Cache::memory(cache_options())] {
        counter.pass(1_000);
        let replica = counter.replica(cache).await;
        let check = counter.quote();
        let calls = counter.calls();
        let first = replica.check_availability(check.clone()).await.unwrap();
        let again = async || replica.check_availability(check.clone()).await.unwrap();
        assert_eq!(again().await.evidence, first.evidence);
        counter.pass(30);
        let last = again().await;
        assert_eq!((last.evidence.id, last.from), (first.evidence.id, Provenance::Reused));
        assert_eq!(counter.calls() - calls, 1);
        counter.pass(1);
        assert_eq!((again().await.from, counter.calls() - calls), (Provenance::Fresh, 2));
        counter.pass(10);
        let strict = CheckAvailability { fresh_enough: Some(TimeDelta::seconds(9)), ..check.clone() };
        assert_eq!(replica.check_availability(strict).await.unwrap().from, Provenance::Fresh);
        let generous = CheckAvailability { fresh_enough: Some(TimeDelta::days(9)), ..check.clone() };
        counter.pass(31);
        assert_eq!(
            replica.check_availability(generous).await.unwrap().from,
            Provenance::Fresh,
            "nobody may stretch the source's own limit"
        );
    }
}

#[tokio::test]
async fn availability_cache_expiry_forces_recheck_before_acceptance() {
    let counter = Counter::open_with("evidence_ttl_s = 60").await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    let check = counter.quote();
    let shown = replica.check_availability(check.clone()).await.unwrap();
    assert_eq!(shown.status, AvailabilityStatus::Available);
    counter.stock("phone", 0);
    counter.pass(59);
    assert_eq!(replica.check_availability(check.clone()).await.unwrap().from, Provenance::Reused);
    counter.pass(1);
    assert_eq!(replica.evidence(counter.tenant, shown.evidence.id).await.unwrap().unwrap().status, AvailabilityStatus::Stale);
    let fresh = replica.check_availability(check).await.unwrap();
    assert_eq!((fresh.from, fresh.status), (Provenance::Fresh, AvailabilityStatus::PartiallyAvailable));
    assert_eq!(counter.calls(), 2);
}

#[tokio::test]
async fn an_order_is_never_answered_from_what_a_quote_was_shown_unless_it_says_how_old_that_may_be() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    let quote = counter.quote();
    let shown = replica.check_availability(quote.clone()).await.unwrap();
    let order = CheckAvailability { subject: Subject::Order(OrderId(Uuid::new_v4())), ..quote.clone() };
    assert_eq!(replica.check_availability(order.clone()).await.unwrap().from, Provenance::Fresh);
    counter.pass(5);
    let content = CheckAvailability { fresh_enough: Some(TimeDelta::seconds(10)), ..order };
    let accepted = replica.check_availability(content).await.unwrap();
    assert_eq!((accepted.from, counter.calls()), (Provenance::Reused, 2));
    assert_ne!(accepted.evidence.id, shown.evidence.id);
}

#[tokio::test]
async fn the_same_products_in_another_quote_get_the_same_answer_as_evidence_of_their_own() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::memory(cache_options())).await;
    let (one, other) = (counter.quote(), counter.quote());
    let first = replica.check_availability(one.clone()).await.unwrap().evidence;
    let mut turned = other.clone();
    turned.lines.reverse();
    let second = replica.check_availability(turned.clone()).await.unwrap();
    assert_eq!((second.from, counter.calls()), (Provenance::Reused, 1));
    assert_eq!((second.evidence.copied_from, second.evidence.subject), (Some(first.id), other.subject));
    assert_eq!((second.evidence.checked_at, second.evidence.expires_at), (first.checked_at, first.expires_at));
    let ids: Vec<_> = second.evidence.lines.iter().map(|line| line.order_line).collect();
    assert_eq!(ids, turned.lines.iter().map(|line| line.order_line).collect::<Vec<_>>());
    // Looked at in turns, past what the cache shows again, they do not breed.
    for _ in 0..3 {
        counter.pass(2);
        for (check, id) in [(&one, first.id), (&turned, second.evidence.id)] {
            assert_eq!(replica.check_availability(check.clone()).await.unwrap().evidence.id, id);
        }
    }
    assert_eq!((counter.rows().await, counter.calls()), (2, 1));
}

#[tokio::test]
async fn lines_that_make_no_question_and_an_unknown_source_are_refused_by_name() {
    let counter = Counter::open().await;
    let replica = counter.replica(Cache::Off).await;
    let said = async |check| replica.check_availability(check).await.unwrap_err().to_string();
    let good = counter.quote();
    assert_eq!(said(CheckAvailability { lines: Vec::new(), ..good.clone() }).await, "the lines of the check must have at least one line");
    let twice = vec![good.lines[0].clone(), good.lines[0].clone()];
    assert!(said(CheckAvailability { lines: twice, ..good.clone() }).await.contains("names the order line"));
    let source = holdfast::domain::SourceName::parse("nowhere").unwrap();
    assert!(said(CheckAvailability { source, ..good }).await.contains("find the inventory `nowhere`: the configured ones are main"));
    assert_eq!((counter.calls(), counter.rows().await), (0, 0));
}
