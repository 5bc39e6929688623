//! Requests that nobody should have to make: answered with a problem, whatever they are.

use holdfast::http::{Access, ROUTES};
use reqwest::Method;
use serde_json::json;
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
    let mut described = serde_json::to_value(holdfast::http::document()).unwrap();
    // Nobody is asked who they are here: whoever tries it out must be able to name a tenant.
    for row in ROUTES.iter().filter(|row| matches!(row.access, Access::Scope(_))) {
        let parameters = served["paths"][row.path][row.method.to_lowercase()]["parameters"].as_array().unwrap();
        let tenant = parameters.iter().find(|parameter| parameter["name"] == "Holdfast-Tenant");
        assert_eq!(tenant.map(|tenant| (&tenant["in"], &tenant["required"])), Some((&json!("header"), &json!(true))), "{row:?}");
        described["paths"][row.path][row.method.to_lowercase()]["parameters"] = json!(parameters);
    }
    assert_eq!(served, described);
    assert_eq!(served["openapi"], "3.1.0");
    let page = caller.get("/docs/").await;
    assert!(page.status.is_success() && page.text.contains("swagger-ui"), "{page:?}");
    daemon.stop().await;
}
