//! Holds of less than was asked for: kept where the source accepts them, else given back and refused.

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};
use serde_json::json;

use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until_true;

/// An order of two for which there was enough when it was checked, and one is left when it is reserved.
async fn order_of_which_half_is_left(shop: &Shop) -> Order<'_> {
    let slow = shop.arm(FaultScope::Check, Some(1), Fault::Slow { delay_ms: 1_000 });
    let order = shop.order().await;
    until_true("the stock was checked", BY_ITSELF, async || {
        shop.inventory.ledger().iter().any(|entry| entry.operation == Operation::Check)
    })
    .await;
    shop.inventory.set_stock(shop.tenant(), "router", 1);
    assert_eq!(shop.fault(slow).fired, 1);
    order
}

fn inventory_that_holds_what_it_has(setup: &mut Setup, accept_partial: bool) {
    setup.set("sources.main.accept_partial", accept_partial);
    setup.profile["reserve"]["body"]["allowPartial"] = true.into();
}

#[tokio::test]
async fn a_partial_hold_is_kept_where_the_source_accepts_it_and_the_process_is_told() {
    let shop = Shop::open_with(|setup| inventory_that_holds_what_it_has(setup, true)).await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_of_which_half_is_left(&shop).await;
    order.is_reserved().await;
    assert_eq!(order.variable("reservationPartial").await, json!(true));
    let line: (String, String) = sqlx::query_as("select status, trim_scale(reserved_quantity)::text from reservation_line")
        .fetch_one(shop.database.pool())
        .await
        .unwrap();
    assert_eq!(line, ("PARTIAL".to_owned(), "1".to_owned()));
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
}

#[tokio::test]
async fn a_partial_hold_is_given_back_and_refused_where_the_source_does_not_accept_it() {
    let shop = Shop::open_with(|setup| inventory_that_holds_what_it_has(setup, false)).await;
    let _daemon = Daemon::start(&shop).await;
    let order = order_of_which_half_is_left(&shop).await;
    order.ends_at(&["End_OrderRejected"]).await;
    assert_eq!(order.variable("rejectionCode").await, json!("PARTIAL_HOLD"));
    let short: Vec<serde_json::Value> = serde_json::from_str(order.variable("rejectionLines").await.as_str().unwrap()).unwrap();
    assert_eq!((&short[0]["requested"], &short[0]["available"]), (&json!("2"), &json!("1")));
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (1, 1));
    assert_eq!(order.row().await.status, "RELEASED");
    order.judge().await;
}
