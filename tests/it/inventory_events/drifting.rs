//! Inventories change their form, repeat themselves, get ahead of themselves and send rubbish: what can be used is, the rest is kept.

use serde_json::{Value, json};

use super::feed::{Feed, lives};
use crate::support::command::holdfast;
use crate::support::http::http;
use crate::support::port::free_port;

/// The poison that no parser sees: a number that PostgreSQL does not keep.
const TOO_LARGE: &str = r#"{"eventId":"e-huge","eventTime":"2026-07-01T00:00:00Z","eventType":"ProductCreateEvent","tenantId":"TENANT",
    "event":{"product":{"id":"huge","status":"active","weight":1e200000}}}"#;

#[tokio::test]
async fn duplicates_disorder_and_rubbish_leave_the_fold_of_the_distinct_events() {
    let mut feed = Feed::open().await;
    let _daemon = feed.start().await;
    let events = lives(&feed, "p", 24, 42);
    let (first, second) = events.split_at(events.len() / 2);
    feed.send(first).await;
    let stranger = json!({"eventId": "e-stranger", "eventTime": "2026-07-01T00:00:00Z", "eventType": "ProductCreateEvent",
        "tenantId": uuid::Uuid::new_v4(), "event": {"product": {"id": "theirs", "status": "active"}}});
    let rubbish: Vec<Vec<u8>> = vec![
        b"{".to_vec(),
        vec![0xff, 0xfe, 0x00],
        b"[]".to_vec(),
        stranger.to_string().into_bytes(),
        json!({"eventId": "e-x", "eventType": "ProductCreateEvent", "tenantId": feed.shop.tenant()}).to_string().into_bytes(),
        format!("{}1{}", "[".repeat(400), "]".repeat(400)).into_bytes(),
        TOO_LARGE.replace("TENANT", feed.shop.tenant()).into_bytes(),
    ];
    let dead = rubbish.len();
    feed.send_raw(rubbish.into_iter().enumerate().map(|(at, body)| (format!("rubbish-{at}"), body)).collect()).await;
    let other_resource = json!({"eventId": "e-order", "eventType": "ProductOrderCreateEvent", "event": {"productOrder": {}}});
    feed.send_raw(vec![("order".to_owned(), other_resource.to_string().into_bytes())]).await;
    feed.send(second).await;
    feed.send_elsewhere(first).await;
    feed.all_taken_in().await;
    feed.judge(i64::try_from(dead).unwrap()).await;

    let mut reasons: Vec<(String, i32)> = sqlx::query_as("select reason_code, attempts from dead_letter order by reason_code")
        .fetch_all(feed.shop.database.pool())
        .await
        .unwrap();
    reasons.sort_unstable();
    let codes: Vec<&str> = reasons.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["event_time", "gave_up", "tenant_not_served", "unreadable", "unreadable", "unreadable", "unreadable"]);
    let gave_up = reasons.iter().find(|(code, _)| code == "gave_up").unwrap();
    assert!(gave_up.1 > 5, "it was tried often enough: {}", gave_up.1);
}

#[tokio::test]
async fn drift_is_understood_kept_and_counted() {
    let mut feed = Feed::open().await;
    let mut settings = feed.settings();
    let address = format!("127.0.0.1:{}", free_port());
    settings.push(("admin.listen", address.as_str().into()));
    let _daemon = crate::support::daemon::Process::start_with(&feed.shop, &settings).await;
    let drifted = json!({
        "id": 4711, "status": "ON_HOLD", "productOffering": {"id": 12}, "relatedParty": {"id": 99, "role": "CUSTOMER"},
        "startDate": 1_782_993_600_000_i64, "colour": {"hue": 0.50, "names": ["red", null]}, "note": "a\u{0}b",
    });
    let event = feed.event("e-1", 1, "ProductAttributeValueChangeEvent", drifted);
    feed.send_raw(vec![("p".to_owned(), event.to_string().into_bytes())]).await;
    feed.all_taken_in().await;
    type Row = (String, String, String, String, String, Value);
    let row: Row = sqlx::query_as(
        "select customer_product_id, customer_id, product_offering_id, status, activation_date::timestamp::text, payload_json
         from customer_product_projection",
    )
    .fetch_one(feed.shop.database.pool())
    .await
    .unwrap();
    assert_eq!((row.0.as_str(), row.1.as_str(), row.2.as_str(), row.3.as_str()), ("4711", "99", "12", "ON_HOLD"));
    assert_eq!(row.4, "2026-07-02 12:00:00");
    assert_eq!(row.5["colour"], json!({"hue": 0.50, "names": ["red", null]}), "kept as it came");

    let metrics = http().get(format!("http://{address}/metrics")).send().await.unwrap().text().await.unwrap();
    for (kind, count) in [("unknown_member", 2), ("unknown_status", 1), ("other_form", 5), ("replaced_character", 1)] {
        let line = format!(r#"holdfast_inventory_event_oddities_total{{source="installed-base",kind="{kind}"}} {count}"#);
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn a_dead_letter_is_listed_shown_and_tried_again_from_the_command_line() {
    let mut feed = Feed::open().await;
    let mut daemon = feed.start().await;
    let event = |tenant: Value| {
        json!({"eventId": "e-1", "eventTime": "2026-07-01T00:00:00Z", "eventType": "ProductCreateEvent", "tenantId": tenant,
            "event": {"product": {"id": "p-1", "status": "active", "productOffering": {"id": "FIBRE"},
                "relatedParty": [{"id": "c-1", "role": "customer"}]}}})
    };
    // The inventory forgot the tenant; its feed can be told.
    feed.send_raw(vec![("p-1".to_owned(), event(Value::Null).to_string().into_bytes())]).await;
    feed.all_taken_in().await;
    daemon.kill();
    let config = feed.shop.config_file(&feed.settings());
    let listed = holdfast(&config, &["events", "dead-letters", "list", "--json"]).await;
    let letters = listed.json();
    assert_eq!((letters.as_array().unwrap().len(), &letters[0]["reasonCode"]), (1, &json!("tenant_missing")));
    let id = letters[0]["deadLetterId"].as_str().unwrap();
    let shown = holdfast(&config, &["events", "dead-letters", "show", id]).await.fine();
    assert!(shown.contains("ProductCreateEvent") && shown.contains("must carry one as `tenantId`"), "{shown}");
    assert!(holdfast(&config, &["events", "dead-letters", "retry", id]).await.refused().contains("tenant_missing"));

    let mut settings = feed.settings();
    let feeds = settings.iter_mut().find(|(key, _)| *key == "inventory_events.feeds").unwrap();
    feeds.1[0].as_table_mut().unwrap().insert("tenant".to_owned(), feed.shop.tenant().into());
    let mended = feed.shop.config_file(&settings);
    assert!(holdfast(&mended, &["events", "dead-letters", "retry", id]).await.fine().contains("created"));
    assert!(holdfast(&mended, &["events", "dead-letters", "retry", id]).await.fine().contains("duplicate"));
    assert!(holdfast(&mended, &["events", "dead-letters", "list"]).await.fine().contains("there are no dead letters"));
    let by_reason = ["events", "dead-letters", "retry", "--reason", "tenant_missing"];
    assert!(holdfast(&mended, &by_reason).await.fine().contains("0 taken in or settled, 0 left"));
    sqlx::query("update dead_letter set retried_at = null, retry_outcome = null").execute(feed.shop.database.pool()).await.unwrap();
    assert!(holdfast(&mended, &by_reason).await.fine().contains("1 taken in or settled, 0 left"));
    let products: i64 =
        sqlx::query_scalar("select count(*) from customer_product_projection").fetch_one(feed.shop.database.pool()).await.unwrap();
    assert_eq!(products, 1);
    assert!(
        holdfast(&mended, &["events", "dead-letters", "show", &uuid::Uuid::nil().to_string()])
            .await
            .refused()
            .contains("there is no dead letter")
    );
}
