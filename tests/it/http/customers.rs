//! What customers have, over HTTP: the copy, its age, and nobody else's.

use serde_json::json;
use uuid::Uuid;

use crate::support::shop::Shop;

async fn put(shop: &Shop, product: &str, customer: &str) {
    sqlx::query(
        r#"insert into customer_product_projection (tenant_id, customer_product_id, customer_id, product_offering_id, status, source_system,
               last_source_event_at, payload_json, stamps_json, event_sequence, updated_at)
           values ($1, $2, $3, 'FIBRE', 'active', 'installed-base', now() - interval '90 seconds', '{"colour": "red"}', '{}', 1, now())"#,
    )
    .bind(Uuid::parse_str(shop.tenant()).unwrap())
    .bind(product)
    .bind(customer)
    .execute(shop.database.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn a_customers_products_are_shown_with_their_age_and_to_nobody_else() {
    let shop = Shop::open().await;
    let (daemon, caller, stranger) = super::serve_with_a_stranger(&shop).await;
    for (product, customer) in [("p-2", "c-1"), ("p-1", "c-1"), ("p-3", "c-2")] {
        put(&shop, product, customer).await;
    }
    let shown = caller.get("/customers/c-1/products").await.ok();
    assert_eq!(shown["freshness"]["state"], "NOT_FED", "nothing is read here: {shown}");
    let products = shown["products"].as_array().unwrap();
    let ids: Vec<_> = products.iter().map(|product| product["customerProductId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["p-1", "p-2"]);
    assert_eq!((&products[0]["status"], &products[0]["sourceProduct"]), (&json!("active"), &json!({"colour": "red"})));
    let age = products[0]["ageSeconds"].as_i64().unwrap();
    assert!((90..150).contains(&age), "{age}");

    assert_eq!(caller.get("/customers/c-1/products?after=p-1").await.ok()["products"].as_array().unwrap().len(), 1);
    for wrong in ["after=%00", "after=", "limit=10", "cursor=p-1"] {
        assert_eq!(caller.get(&format!("/customers/c-1/products?{wrong}")).await.problem(400), "validation", "{wrong}");
    }
    assert_eq!(caller.get("/customers/nobody/products").await.ok()["products"], json!([]));
    assert_eq!(stranger.get("/customers/c-1/products").await.ok()["products"], json!([]));
    assert_eq!(caller.get("/customers/a%0Ab/products").await.problem(400), "validation");
    daemon.stop().await;
}
