//! Taking batches in, against the real database: once, in any order, behind the fence, and never another tenant's.

use holdfast::domain::TenantId;
use holdfast::events::OrderBy;
use holdfast::store::{DeadLetterFilter, NOBODY, Taken, TakenIn};
use serde_json::json;
use uuid::Uuid;

use super::oracle::fold;
use super::shelf::{Shelf, connect, done, now, partition, reader_by};

fn full(id: &str, status: &str) -> serde_json::Value {
    json!({"id": id, "status": status, "productOffering": {"id": "FIBRE"}, "relatedParty": [{"id": "c-1", "role": "customer"}]})
}

#[tokio::test]
async fn events_in_any_order_and_more_than_once_make_the_same_projection_and_gapless_facts() {
    let shelf = Shelf::fresh().await;
    let events = [
        shelf.event("e-3", 30, json!({"id": "p-1", "status": "active", "startDate": "2026-07-02T12:00:00Z"})),
        shelf.event("e-1", 10, full("p-1", "created")),
        shelf.event("e-2", 20, json!({"id": "p-1", "status": "pendingActive", "colour": "red"})),
        shelf.event("e-1", 10, full("p-1", "created")),
        shelf.event("e-4", 40, json!({"id": "p-1", "status": "active"})),
        shelf.event("e-0", 5, json!({"id": "p-1", "status": "cancelled"})),
    ];
    let taken = shelf.take_in_first(&events).await;
    assert_eq!(taken, [Taken::Incomplete, Taken::Created, Taken::Updated, Taken::Duplicate, Taken::SaidAgain, Taken::Late]);
    assert_eq!(shelf.products().await, fold(&events));
    let facts = shelf.facts("InventoryProductInstance").await;
    assert_eq!(facts, [("InventoryProductInstanceCreated".to_owned(), 1), ("InventoryProductInstanceUpdated".to_owned(), 2)]);
    let left: i64 = sqlx::query_scalar("select count(*) from customer_product_incomplete").fetch_one(shelf.database.pool()).await.unwrap();
    assert_eq!(left, 0, "what is complete is incomplete no longer");

    // One by one, each in a transaction of its own and in another order, it comes to the same.
    let singly = Shelf { tenant: TenantId(Uuid::new_v4()), ..Shelf::fresh().await };
    singly.store.open_partition(&partition(0), 0, now()).await.unwrap();
    let events: Vec<_> = [5, 1, 4, 0, 2, 3]
        .map(|at| {
            let mut event = events[at].clone();
            event["tenantId"] = json!(singly.tenant.to_string());
            event
        })
        .into();
    for (offset, event) in (0..).zip(&events) {
        done(singly.take_in(offset, vec![singly.message(offset, event)]).await);
    }
    assert_eq!(singly.products().await, fold(&events));
}

#[tokio::test]
async fn a_message_that_cannot_be_used_is_on_record_and_told_and_the_partition_moves_on() {
    let shelf = Shelf::fresh().await;
    shelf.store.open_partition(&partition(0), 0, now()).await.unwrap();
    let mut broken = shelf.message(0, &json!(null));
    broken.body = Some(b"{\"eventId\": \0".to_vec());
    broken.headers.push(("odd".to_owned(), "a\0b".to_owned()));
    let nameless = shelf.message(1, &shelf.event("e-1", 1, json!({"status": "active"})));
    let good = shelf.message(2, &shelf.event("e-2", 2, full("p-1", "active")));
    let taken = done(shelf.take_in(0, vec![broken.clone(), nameless, good]).await);
    assert_eq!(taken, [Taken::Dead("unreadable"), Taken::Dead("product"), Taken::Created]);

    let letters =
        shelf.store.list_dead_letters(&[NOBODY, shelf.tenant], &DeadLetterFilter { limit: 10, ..Default::default() }).await.unwrap();
    let mut found: Vec<_> =
        letters.iter().map(|letter| (letter.message_offset, letter.reason_code.as_str(), TenantId(letter.tenant_id))).collect();
    found.sort_unstable();
    assert_eq!(found, [(0, "unreadable", NOBODY), (1, "product", shelf.tenant)]);
    let first = letters.iter().find(|letter| letter.message_offset == 0).unwrap();
    assert_eq!(first.message().unwrap().body, broken.body, "as it came");
    let told = shelf.facts("DeadLetter").await;
    assert_eq!(told, [("InventoryEventDeadLettered".to_owned(), 1), ("InventoryEventDeadLettered".to_owned(), 1)]);
    assert_eq!(shelf.store.list_progress("tests").await.unwrap()[0].next_offset, 3);

    // Whoever may see only one tenant sees only its letters.
    let theirs = shelf.store.list_dead_letters(&[shelf.tenant], &DeadLetterFilter { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(theirs.len(), 1);
}

#[tokio::test]
async fn a_consumer_that_lost_its_partition_changes_nothing() {
    let shelf = Shelf::fresh().await;
    shelf.take_in_first(&[shelf.event("e-1", 1, full("p-1", "created"))]).await;
    let late = shelf.message(0, &shelf.event("e-2", 2, full("p-2", "active")));
    assert_eq!(shelf.take_in(0, vec![late]).await, TakenIn::Fenced);
    assert_eq!(shelf.products().await.len(), 1);
    let inbox: i64 = sqlx::query_scalar("select count(*) from inbox").fetch_one(shelf.database.pool()).await.unwrap();
    assert_eq!(inbox, 1, "the fenced event may still be taken in by whoever has the partition");
    assert_eq!(shelf.store.count_attempt(&partition(0), 0).await.unwrap(), None);
    assert_eq!(shelf.store.count_attempt(&partition(0), 1).await.unwrap(), Some(1));
    assert_eq!(shelf.store.count_attempt(&partition(0), 1).await.unwrap(), Some(2), "attempts add up until it moves on");
    done(shelf.take_in(1, vec![shelf.message(1, &shelf.event("e-2", 2, full("p-2", "active")))]).await);
    assert_eq!(shelf.store.count_attempt(&partition(0), 2).await.unwrap(), Some(1));
}

#[tokio::test]
async fn an_event_that_was_forgotten_and_is_replayed_changes_nothing() {
    let shelf = Shelf::fresh().await;
    let events = [
        shelf.event("e-1", 1, full("p-1", "created")),
        shelf.event("e-2", 2, json!({"id": "p-1", "status": "active"})),
        shelf.event("e-3", 3, json!({"id": "p-1", "status": "suspended"})),
    ];
    shelf.take_in_first(&events).await;
    let (products, facts) = (shelf.products().await, shelf.facts("InventoryProductInstance").await);
    sqlx::query("delete from inbox").execute(shelf.database.pool()).await.unwrap();
    for (offset, event) in (3..).zip(&events) {
        assert_eq!(done(shelf.take_in(offset, vec![shelf.message(offset, event)]).await), [Taken::Late]);
    }
    assert_eq!((shelf.products().await, shelf.facts("InventoryProductInstance").await), (products, facts));
}

#[tokio::test]
async fn two_consumers_at_once_take_an_event_in_once() {
    let shelf = Shelf::fresh().await;
    let other = Shelf { store: connect(&shelf.database).await, ..Shelf::fresh().await };
    let event = shelf.event("e-1", 1, full("p-1", "created"));
    // The same event in two partitions, as a source that lost an acknowledgement sends it.
    shelf.store.open_partition(&partition(0), 0, now()).await.unwrap();
    let mut rounds = 0;
    for offset in 0..20 {
        let mut event = event.clone();
        event["eventId"] = json!(format!("e-{offset}"));
        event["event"]["product"]["id"] = json!(format!("p-{offset}"));
        let twice = vec![shelf.message(offset, &event)];
        let (one, two) = tokio::join!(shelf.take_in(offset, twice.clone()), other.take_in(offset, twice));
        rounds += [one, two].into_iter().filter(|taken| *taken == TakenIn::Done(vec![Taken::Created])).count();
    }
    assert_eq!(rounds, 20, "each event is taken in by one of them");
    assert_eq!(shelf.facts("InventoryProductInstance").await.len(), 20);
}

#[tokio::test]
async fn a_products_source_is_not_taken_over_by_another() {
    let shelf = Shelf::fresh().await;
    shelf.take_in_first(&[shelf.event("e-1", 1, full("p-1", "created"))]).await;
    let mut message = shelf.message(1, &shelf.event("e-2", 2, full("p-1", "active")));
    message.partition.topic = "others".to_owned();
    assert_eq!(done(shelf.take_in(1, vec![message]).await), [Taken::Dead("other_source")]);
    assert_eq!(shelf.products().await[0].status, "created");
}

#[tokio::test]
async fn a_dead_letter_is_taken_in_when_it_is_tried_again_and_can_be_used_now() {
    let shelf = Shelf::fresh().await;
    let mut event = shelf.event("e-1", 1, full("p-1", "created"));
    event["eventType"] = json!(null);
    assert_eq!(shelf.take_in_first(&[event]).await, [Taken::Dead("event_type")]);
    let letters = shelf
        .store
        .list_dead_letters(&[shelf.tenant], &DeadLetterFilter { open_only: true, limit: 10, ..Default::default() })
        .await
        .unwrap();
    let letter = &letters[0];

    let again = shelf.retry(letter).await;
    assert_eq!(again, Taken::Dead("event_type"), "nothing has changed");
    let mut mended = letter.clone();
    let body =
        String::from_utf8(mended.message.clone().unwrap()).unwrap().replace("\"eventType\":null", "\"eventType\":\"ProductCreateEvent\"");
    mended.message = Some(body.into_bytes());
    assert_eq!(shelf.retry(&mended).await, Taken::Created);
    assert_eq!(shelf.retry(&mended).await, Taken::Duplicate, "however often");
    assert_eq!(shelf.products().await.len(), 1);
    let open = shelf
        .store
        .list_dead_letters(&[shelf.tenant], &DeadLetterFilter { open_only: true, limit: 10, ..Default::default() })
        .await
        .unwrap();
    assert!(open.is_empty());
}

#[tokio::test]
async fn another_message_in_the_place_of_a_dead_one_dies_for_itself() {
    let shelf = Shelf::fresh().await;
    let poison = |body: &str| {
        let mut message = shelf.message(0, &json!(null));
        message.body = Some(body.as_bytes().to_vec());
        vec![message]
    };
    shelf.store.open_partition(&partition(0), 0, now()).await.unwrap();
    // The topic is made anew twice: with another message in the first place, and with the same one.
    for body in ["{", "[", "["] {
        assert_eq!(done(shelf.take_in(0, poison(body)).await), [Taken::Dead("unreadable")]);
        assert!(shelf.store.rewind_partition(&partition(0), 1, 0, now()).await.unwrap());
    }
    let letters = shelf.store.list_dead_letters(&[NOBODY], &DeadLetterFilter { limit: 10, ..Default::default() }).await.unwrap();
    let bodies: std::collections::BTreeSet<_> = letters.iter().map(|letter| letter.message.as_deref().unwrap()).collect();
    assert_eq!((letters.len(), bodies), (2, [b"{".as_slice(), b"["].into()));
    assert_eq!(shelf.facts("DeadLetter").await.len(), 2);
}

#[tokio::test]
async fn a_dead_letter_that_turns_out_to_be_nothing_for_us_is_settled() {
    let shelf = Shelf::fresh().await;
    let mut event = shelf.event("e-1", 1, full("p-1", "created"));
    event["eventType"] = json!(null);
    assert_eq!(shelf.take_in_first(&[event]).await, [Taken::Dead("event_type")]);
    let ids = async || shelf.store.list_open_dead_letter_ids(&[shelf.tenant], "event_type").await.unwrap();
    let open = ids().await;
    assert_eq!(open.len(), 1);
    let mut letter = shelf.store.get_dead_letter(&[shelf.tenant], open[0]).await.unwrap().unwrap();
    let body = String::from_utf8(letter.message.unwrap()).unwrap();
    letter.message = Some(body.replace("\"eventType\":null", "\"eventType\":\"ServiceCreateEvent\"").into_bytes());
    assert_eq!(shelf.retry(&letter).await, Taken::PassedOver);
    assert!(ids().await.is_empty());
    let filter = DeadLetterFilter { open_only: true, limit: 10, ..Default::default() };
    assert!(shelf.store.list_dead_letters(&[shelf.tenant], &filter).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_with_another_counter_than_its_feed_is_ordered_by_stands_in_nobodys_way() {
    let shelf = Shelf { reader: reader_by(OrderBy::Version), ..Shelf::fresh().await };
    let counted = |id: &str, second, version: serde_json::Value, status: &str| {
        let mut product = full("p-1", status);
        product["version"] = version;
        shelf.event(id, second, product)
    };
    let mut partial = shelf.event("e-2", 2, json!({"id": "p-1", "status": "suspended"}));
    partial["sequence"] = json!("5000");
    let taken = shelf.take_in_first(&[counted("e-1", 1, json!(7), "active"), partial, counted("e-3", 3, json!(8), "terminated")]).await;
    assert_eq!(taken, [Taken::Created, Taken::Dead("version"), Taken::Updated]);
    assert_eq!(shelf.products().await[0].status, "terminated");

    // The source no longer counts: what it has counted so far does not hold up what comes now.
    let shelf = Shelf { reader: reader_by(OrderBy::EventTime), ..shelf };
    let later = shelf.message(3, &shelf.event("e-4", 4, json!({"id": "p-1", "status": "active"})));
    assert_eq!(done(shelf.take_in(3, vec![later]).await), [Taken::Updated]);
    assert_eq!(shelf.products().await[0].status, "active");
}
