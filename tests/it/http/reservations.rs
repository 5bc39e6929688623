//! Reading reservations.

use crate::support::shop::Shop;
use uuid::Uuid;

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
    assert_eq!(entries[0]["what"], "REQUESTED");
    assert!(entries.iter().any(|entry| entry["kind"] == "answer" && entry["what"] == "reserve: DONE"), "{timeline}");
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_not_there_and_what_is_somebody_elses_are_answered_alike() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[("engine.tenants", toml::Value::Array(Vec::new()))]).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let stranger = caller.as_tenant(Some(&Uuid::new_v4().to_string()));
    let theirs = stranger.get(&format!("/reservations/{}", order.row().await.reservation_id)).await;
    let nobodys = stranger.get(&format!("/reservations/{}", Uuid::new_v4())).await;
    assert_eq!(theirs.problem(404), "not-found");
    assert_eq!(theirs.text, nobodys.text);
    daemon.stop().await;
}
