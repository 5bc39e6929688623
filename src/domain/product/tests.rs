//! What is known of a product is the fold of the distinct events, whatever their order.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

type Event = ProductEvent<u8>;

fn stamp(version: Option<u64>, second: i64, event: &str) -> Stamp {
    Stamp {
        count: version.map(Count::Version),
        at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
        event: SourceEventId::parse(event).unwrap(),
    }
}

fn status(text: &str) -> ProductSaid {
    ProductSaid { status: ProductStatus::read(text), ..ProductSaid::default() }
}

fn event(stamp: Stamp, said: ProductSaid) -> Event {
    ProductEvent { stamp, said, members: BTreeMap::new() }
}

fn created() -> ProductSaid {
    ProductSaid {
        customer: Some(CustomerId::parse("c-1").unwrap()),
        offering: Some("FIBRE-1000".to_owned()),
        status: ProductStatus::read("created"),
        ..ProductSaid::default()
    }
}

fn fold(events: &[Event]) -> ProductRecord<u8> {
    let mut record = ProductRecord::default();
    for event in events {
        record.hear(event.clone());
    }
    record
}

#[test]
fn a_late_event_does_not_take_back_what_a_later_one_said() {
    let mut record = fold(&[event(stamp(None, 1, "a"), created()), event(stamp(None, 3, "c"), status("active"))]);
    let before = record.clone();
    assert_eq!(record.hear(event(stamp(None, 2, "b"), status("pendingActive"))), ProductChange::Nothing);
    assert_eq!(record, before);
}

#[test]
fn a_late_event_still_tells_what_nobody_else_has_spoken_of() {
    let mut record = fold(&[event(stamp(None, 3, "c"), status("active"))]);
    assert!(!record.is_complete(), "nobody has said whose it is");
    assert_eq!(record.hear(event(stamp(None, 1, "a"), created())), ProductChange::Altered);
    assert!(record.is_complete());
    assert_eq!(record.status.unwrap().value.as_str(), "active");
}

#[test]
fn the_same_event_again_changes_nothing() {
    let event = event(stamp(None, 1, "a"), created());
    let mut record = fold(std::slice::from_ref(&event));
    assert_eq!(record.hear(event), ProductChange::Nothing);
}

#[test]
fn what_is_said_again_later_is_fresher_and_no_other_product() {
    let mut record = fold(&[event(stamp(None, 1, "a"), created())]);
    assert_eq!(record.hear(event(stamp(None, 2, "b"), created())), ProductChange::SaidAgain);
    assert_eq!(record.last_event_at, Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(2)));
}

#[test]
fn a_version_goes_before_the_clock() {
    let mut record = fold(&[event(stamp(Some(2), 1, "b"), status("active"))]);
    assert_eq!(record.hear(event(stamp(Some(1), 9, "a"), status("created"))), ProductChange::SaidAgain, "only its time is the newest");
    assert_eq!(record.status.unwrap().value.as_str(), "active");
}

#[test]
fn what_was_counted_before_does_not_stand_in_the_way_of_what_is_ordered_otherwise_now() {
    let counted = |count, second, event| Stamp { count, ..stamp(None, second, event) };
    let (version, sequence) = (Some(Count::Version(7)), Some(Count::Sequence(3)));
    for (before, after) in [(version, None), (None, version), (version, sequence), (sequence, version)] {
        let mut record = fold(&[event(counted(before, 2, "b"), created())]);
        assert_eq!(record.hear(event(counted(after, 1, "a"), status("cancelled"))), ProductChange::Nothing, "it happened before");
        assert_eq!(record.hear(event(counted(after, 3, "c"), status("active"))), ProductChange::Altered, "{before:?} {after:?}");
        assert_eq!(record.status.unwrap().value.as_str(), "active");
    }
}

#[test]
fn states_are_known_however_they_are_spelt_and_unknown_ones_are_kept() {
    for (said, kept) in [("aborted ", "aborted"), ("PENDING_ACTIVE", "pendingActive"), ("Active", "active"), (" on hold ", "on hold")] {
        assert_eq!(ProductStatus::read(said).unwrap().as_str(), kept);
    }
    assert!(ProductStatus::read("active").unwrap().is_known());
    assert!(!ProductStatus::read("on hold").unwrap().is_known());
    assert!(ProductStatus::read("  ").is_none() && ProductStatus::read(&"x".repeat(65)).is_none());
}

fn said() -> impl Strategy<Value = ProductSaid> {
    let name = || "[ab]".prop_map(|text: String| text);
    let instant = || proptest::option::of(0..3i64).prop_map(|at| at.map(|at| DateTime::UNIX_EPOCH + TimeDelta::days(at)));
    (
        proptest::option::of(name()),
        proptest::option::of(name()),
        proptest::option::of(proptest::option::of(name())),
        proptest::option::of(prop_oneof![Just("created"), Just("active"), Just("odd")]),
        proptest::option::of(instant()),
        proptest::option::of(instant()),
        proptest::option::of(name()),
    )
        .prop_map(|(customer, offering, specification, status, activated_at, terminated_at, source_version)| ProductSaid {
            customer: customer.map(|text| CustomerId::parse(&text).unwrap()),
            offering,
            specification,
            status: status.and_then(ProductStatus::read),
            activated_at,
            terminated_at,
            source_version,
        })
}

/// Distinct events of a source that counts its versions or does not, some of the same instant and version, and the order in which
/// they arrive, some of them more than once.
fn arrivals() -> impl Strategy<Value = (Vec<Event>, Vec<usize>)> {
    let event = (0..3u64, 0..6i64, said(), proptest::collection::btree_map("[xyz]", 0..3u8, 0..3));
    (any::<bool>(), proptest::collection::vec(event, 1..12)).prop_flat_map(|(counts, events)| {
        let events: Vec<Event> = events
            .into_iter()
            .enumerate()
            .map(|(number, (version, second, said, members))| ProductEvent {
                stamp: stamp(counts.then_some(version), second, &format!("event-{number}")),
                said,
                members,
            })
            .collect();
        let each_and_some_again: Vec<usize> = (0..events.len()).chain(0..events.len() / 2).collect();
        (Just(events), Just(each_and_some_again).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn the_record_is_the_fold_of_the_distinct_events_whatever_their_order((events, order) in arrivals()) {
        let mut in_order = events.clone();
        in_order.sort_by(|a, b| if a.stamp.is_after(&b.stamp) { Ordering::Greater } else { Ordering::Less });
        let arrived: Vec<Event> = order.iter().map(|at| events[*at].clone()).collect();
        prop_assert_eq!(fold(&arrived), fold(&in_order));
    }

    #[test]
    fn in_order_the_last_word_counts((events, _) in arrivals()) {
        let mut in_order = events;
        in_order.sort_by(|a, b| if a.stamp.is_after(&b.stamp) { Ordering::Greater } else { Ordering::Less });
        let record = fold(&in_order);
        let last = |pick: fn(&ProductSaid) -> Option<String>| in_order.iter().rev().find_map(|event| pick(&event.said));
        prop_assert_eq!(record.status.map(|r| r.value.as_str().to_owned()), last(|said| said.status.as_ref().map(|s| s.as_str().to_owned())));
        prop_assert_eq!(record.offering.map(|r| r.value), last(|said| said.offering.clone()));
        prop_assert_eq!(record.customer.map(|r| r.value.to_string()), last(|said| said.customer.as_ref().map(ToString::to_string)));
        prop_assert_eq!(record.last_event_at, in_order.iter().map(|event| event.stamp.at).max());
    }

    #[test]
    fn nothing_is_changed_where_nothing_is_said_to_change((events, order) in arrivals()) {
        let mut record = ProductRecord::default();
        for at in order {
            let before = record.clone();
            let change = record.hear(events[at].clone());
            prop_assert_eq!(change == ProductChange::Nothing, before == record);
        }
    }
}
