//! What is asked of one reservation over HTTP: released, confirmed, extended, in the background.

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::simulator::{Effect, Fault, FaultScope, Operation};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::http::client::Answer;
use crate::support::order::BY_ITSELF;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until;

#[tokio::test]
async fn a_hold_of_a_living_order_is_released_by_its_process() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let id = order.row().await.reservation_id;
    let command = caller.command(&format!("/reservations/{id}/release"), &json!({"reason": "changed their mind"})).await;
    assert_eq!((&command["outcome"], &command["processInstanceId"]), (&json!("PROCESS_TOLD"), &json!(order.instance.as_str())));
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!((order.asked_for(Operation::Release), order.effects(Effect::HoldReleased)), (1, 1));
    assert_eq!(order.variable("releaseReason").await, json!("changed their mind"));
    order.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_hold_without_a_process_is_released_from_here_and_its_timeline_says_who_asked() {
    let shop = Shop::open_with(Setup::hasty).await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    let id = order.row().await.reservation_id;
    let swallow = shop.arm(FaultScope::Release, Some(1), Fault::SwallowAnswer);
    let command = caller.command(&format!("/reservations/{id}/release"), &json!({})).await;
    assert_eq!((&command["state"], &command["outcome"]), (&json!("DONE"), &json!("RELEASED")));
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldReleased)), (1, 1), "the lost answer was found out");
    let timeline = caller.get(&format!("/reservations/{id}/timeline")).await.ok();
    let by_caller = timeline["entries"].as_array().unwrap().iter().any(|entry| entry["by"] == "api: anonymous");
    assert!(by_caller, "{timeline}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_hold_is_confirmed_and_extended_over_http() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let row = order.row().await;
    let path = format!("/reservations/{}", row.reservation_id);
    let until = row.expires_at.unwrap() + TimeDelta::hours(1);
    assert_eq!(caller.command(&format!("{path}/extend"), &json!({ "until": until })).await["outcome"], "RESERVED");
    let shown = caller.get(&path).await.ok();
    let shown: DateTime<Utc> = shown["expiresAt"].as_str().unwrap().parse().unwrap();
    assert!((shown - until).abs() < TimeDelta::seconds(1), "{shown} {until}");
    assert_eq!(order.effects(Effect::HoldExtended), 1);

    assert_eq!(caller.command(&format!("{path}/confirm"), &json!(null)).await["outcome"], "CONFIRMED");
    assert_eq!(order.effects(Effect::HoldConfirmed), 1);
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    assert_eq!(order.effects(Effect::HoldConfirmed), 1, "its process found it confirmed");
    order.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_extension_of_a_hold_that_the_inventory_let_go_of_is_refused() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let row = order.row().await;
    shop.behind_our_back(row.external_reservation_ref.as_deref().unwrap(), "release").await;
    let until = row.expires_at.unwrap() + TimeDelta::hours(1);
    let command = caller.command(&format!("/reservations/{}/extend", row.reservation_id), &json!({ "until": until })).await;
    assert_eq!((&command["state"], &command["outcome"]), (&json!("REFUSED"), &json!("EXTEND_NOT_POSSIBLE")));
    assert!(command["detail"].as_str().unwrap().contains("RELEASED"), "{command}");
    assert_eq!((order.asked_for(Operation::Extend), order.effects(Effect::HoldExtended)), (1, 0));
    daemon.stop().await;
}

#[tokio::test]
async fn a_release_of_a_hold_that_is_used_up_is_refused_in_the_inventorys_words() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    let row = order.row().await;
    shop.behind_our_back(row.external_reservation_ref.as_deref().unwrap(), "consume").await;
    let path = format!("/reservations/{}", row.reservation_id);
    let command = caller.command(&format!("{path}/release"), &json!({})).await;
    assert_eq!((&command["state"], &command["outcome"]), (&json!("REFUSED"), &json!("ALREADY_CONFIRMED")));
    let shown = caller.get(&path).await.ok();
    assert_eq!((&shown["status"], &shown["rejection"]["code"]), (&json!("CONFIRMED"), &json!("ALREADY_CONFIRMED")));
    assert_eq!((order.asked_for(Operation::Release), order.effects(Effect::HoldReleased)), (1, 0));
    daemon.stop().await;
}

#[tokio::test]
async fn what_cannot_be_done_with_a_hold_is_refused_with_its_state() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    order.cancel().await;
    order.ends_at(&["End_OrderCancelled"]).await;
    let path = format!("/reservations/{}", order.row().await.reservation_id);
    let command = caller.command(&format!("{path}/confirm"), &json!(null)).await;
    assert_eq!((&command["state"], &command["outcome"]), (&json!("REFUSED"), &json!("CONFIRM_NOT_POSSIBLE")));
    assert!(command["detail"].as_str().unwrap().contains("RELEASED"), "{command}");
    let past = caller.post(&format!("{path}/extend"), "k", &json!({"until": "2020-01-01T00:00:00Z"})).await;
    assert_eq!((past.problem(400).as_str(), &past.json()["errors"][0]["pointer"]), ("validation", &json!("/until")));
    assert_eq!(order.asked_for(Operation::Confirm), 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_release_of_a_version_that_has_passed_by_is_refused() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let path = format!("/reservations/{}", order.row().await.reservation_id);
    let seen = caller.get(&path).await.headers["etag"].clone();
    caller.command(&format!("{path}/confirm"), &json!(null)).await;
    let release = |tag: reqwest::header::HeaderValue, key: &str| {
        let request = caller.request(Method::POST, &format!("{path}/release")).header("If-Match", tag).header("Idempotency-Key", key);
        Answer::to(request.json(&json!({})))
    };
    let stale = release(seen, "a").await;
    assert_eq!(stale.problem(412), "version-conflict");
    assert_eq!(order.asked_for(Operation::Release), 0);
    // As the problem has it: the new entity tag, and it is still the same request.
    let fresh = release(stale.headers["etag"].clone(), "a").await;
    assert_eq!((fresh.status, fresh.headers.get("idempotency-replayed")), (StatusCode::ACCEPTED, None), "{fresh:?}");
    assert_eq!(release("7".parse().unwrap(), "c").await.problem(400), "malformed");
    daemon.stop().await;
}

/// Another replica may have that inventory: this one neither gives the command up nor stands still over it.
#[tokio::test]
async fn a_command_for_an_inventory_that_is_not_configured_here_says_so_and_waits() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let id = order.row().await.reservation_id;
    let source = "update reservation set source_system = $2 where reservation_id = $1";
    sqlx::query(source).bind(id).bind("elsewhere").execute(shop.database.pool()).await.unwrap();
    let accepted = caller.post(&format!("/reservations/{id}/confirm"), "k", &json!(null)).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{accepted:?}");
    let location = accepted.headers["location"].to_str().unwrap().to_owned();
    let detail = until("it says what stands in the way", BY_ITSELF, async || {
        let command = caller.get(&location).await.ok();
        assert_eq!(command["state"], "PENDING", "{command}");
        command["detail"].as_str().map(str::to_owned)
    })
    .await;
    assert!(detail.contains("elsewhere"), "{detail}");

    sqlx::query(source).bind(id).bind("main").execute(shop.database.pool()).await.unwrap();
    assert_eq!(caller.finished(&location).await["outcome"], "CONFIRMED");
    assert_eq!(order.effects(Effect::HoldConfirmed), 1);
    daemon.stop().await;
}
