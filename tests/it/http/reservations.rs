//! Reading reservations.

use serde_json::json;
use uuid::Uuid;

use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

#[tokio::test]
async fn a_reservation_is_shown_as_engine_database_and_inventory_have_it() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let row = order.row().await;

    let answer = caller.get(&format!("/reservations/{}", row.reservation_id)).await;
    let shown = answer.ok();
    assert_eq!(shown["status"], "RESERVED");
    assert_eq!(shown["orderId"], order.id.to_string());
    assert_eq!(shown["externalReservationRef"], order.holds()[0].reference.as_str());
    assert_eq!(shown["processInstanceId"], order.instance.as_str());
    assert_eq!(shown["lines"][0]["requestedQuantity"], "2");
    assert_eq!(shown["outcomeOpen"], false);
    assert_eq!(answer.headers["etag"], format!("\"{}\"", shown["version"]).as_str());

    let timeline = caller.get(&format!("/reservations/{}/timeline", row.reservation_id)).await.ok();
    let entries = timeline["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["kind"] == "move" && entry["what"] == "REQUESTED -> RESERVED"), "{timeline}");
    assert!(entries.iter().any(|entry| entry["kind"] == "answer" && entry["what"] == "reserve: DONE"), "{timeline}");
    daemon.stop().await;
}

#[tokio::test]
async fn the_reservations_of_an_order_are_listed_page_by_page() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let path = format!("/orders/{}/reservations", order.id);
    let other = json!({
        "lines": [{ "orderLineId": Uuid::new_v4(), "productOfferingId": "phone", "quantity": "1.5" }], "reservationStep": "second",
    });
    caller.command(&path, &other).await;
    until_true("both steps hold", BY_ITSELF, async || order.rows().await.iter().filter(|row| row.says_held()).count() == 2).await;

    let first = caller.get(&format!("{path}?limit=1")).await.ok();
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&first["items"][0]["reservationStep"], &first["items"][0]["lines"][0]["productOfferingId"]),
        (&json!("reserve"), &json!("router"))
    );
    let second = caller.get(&format!("{path}?limit=1&after={}", first["next"].as_str().unwrap())).await.ok();
    assert_eq!(
        (&second["items"][0]["reservationStep"], &second["items"][0]["lines"][0]["requestedQuantity"]),
        (&json!("second"), &json!("1.5"))
    );
    assert_eq!(second["next"], json!(null));
    assert_eq!(caller.get(&format!("/orders/{}/reservations", Uuid::new_v4())).await.ok()["items"], json!([]));
    assert_eq!(caller.get(&format!("{path}?limit=101")).await.problem(400), "validation");
    assert_eq!(caller.get(&format!("{path}?page=2")).await.problem(400), "validation");
    daemon.stop().await;
}

#[tokio::test]
async fn a_timeline_is_read_page_by_page_without_a_gap_and_without_anything_twice() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let id = order.row().await.reservation_id;
    // A row that was looked at often, and many times within one moment.
    sqlx::query(
        "insert into reservation_transition (tenant_id, reservation_id, to_status, actor, cause, claim_epoch, moved_at)
         select r.tenant_id, r.reservation_id, 'RESERVED', 'a test', 'look ' || n, 0, now() + make_interval(secs => n / 40)
         from reservation r, generate_series(1, 120) n where r.reservation_id = $1",
    )
    .bind(id)
    .execute(shop.database.pool())
    .await
    .unwrap();

    let path = format!("/reservations/{id}/timeline");
    let (mut read, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = caller.get(&format!("{path}?limit=7{after}")).await.ok();
        let entries = page["entries"].as_array().unwrap().clone();
        assert!(entries.len() <= 7 && !entries.is_empty(), "{page}");
        read.extend(entries);
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let looks = |entries: &[serde_json::Value]| entries.iter().filter(|entry| entry["by"] == "a test").count();
    assert_eq!((looks(&read), pages), (120, read.len().div_ceil(7)), "{read:?}");
    let first = caller.get(&path).await.ok();
    assert_eq!(first["entries"].as_array().unwrap()[..], read[..50], "fifty, where nothing else is said");
    let whole = caller.get(&format!("{path}?limit=100")).await.ok();
    assert_eq!(whole["entries"].as_array().unwrap()[..], read[..100]);
    for wrong in ["limit=0", "limit=101", "after=x", "after=", "cursor=1"] {
        assert_eq!(caller.get(&format!("{path}?{wrong}")).await.problem(400), "validation", "{wrong}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_not_there_and_what_is_somebody_elses_are_answered_alike() {
    let shop = Shop::open().await;
    let (daemon, _, stranger) = super::serve_with_a_stranger(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let theirs = stranger.get(&format!("/reservations/{}", order.row().await.reservation_id)).await;
    let nobodys = stranger.get(&format!("/reservations/{}", Uuid::new_v4())).await;
    assert_eq!(theirs.problem(404), "not-found");
    assert_eq!(theirs.text, nobodys.text);
    daemon.stop().await;
}
