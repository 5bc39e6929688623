//! Requests that nobody should have to make: answered with a problem, whatever they are.

use reqwest::Method;
use uuid::Uuid;

use crate::http::client::Answer;
use crate::support::shop::Shop;

#[tokio::test]
async fn every_wrong_request_is_told_what_is_wrong_with_it() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let path = format!("/reservations/{}", Uuid::new_v4());

    assert_eq!(caller.get("/reservations/router").await.problem(400), "validation");
    assert_eq!(caller.get("/nowhere").await.problem(404), "not-found");
    let answer = Answer::to(caller.request(Method::DELETE, &path)).await;
    assert_eq!(answer.problem(405), "method-not-allowed");
    assert!(answer.headers["allow"].to_str().unwrap().contains("GET"));
    assert_eq!(caller.as_tenant(None).get(&path).await.problem(400), "tenant-missing");
    assert_eq!(caller.as_tenant(Some("router")).get(&path).await.problem(400), "malformed");
    let not_served = caller.as_tenant(Some(&Uuid::new_v4().to_string())).get(&path).await;
    assert_eq!(not_served.problem(404), "not-found");
    daemon.stop().await;
}

#[tokio::test]
async fn the_document_and_the_page_to_try_it_are_served() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let caller = caller.as_tenant(None);
    let served = caller.get("/openapi.json").await.ok();
    assert_eq!(served, serde_json::to_value(holdfast::http::document()).unwrap());
    assert_eq!(served["openapi"], "3.1.0");
    let page = caller.get("/docs/").await;
    assert!(page.status.is_success() && page.text.contains("swagger-ui"), "{page:?}");
    daemon.stop().await;
}
