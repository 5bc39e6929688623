//! Holds that nobody would ask for again: their process was deleted before it was told, or this replica does not know their inventory.

use holdfast::simulator::{Effect, HoldState, Operation};

use super::suspended::{Suspended, suspended_before_it_was_told};
use crate::support::daemon::Daemon;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::{Setup, Shop};
use crate::support::wait::{heard, until_true};

/// Has the reconciler look at the order's hold now, and waits until it is through with that.
async fn is_looked_at(order: &Order<'_>) {
    // The second look begins when the first one and all that follows from it are done.
    for _ in 0..2 {
        let before = order.asked_for(Operation::Lookup);
        // What is written while a look is under way, its answer overwrites.
        let due = "update reservation set next_check_at = now() where reservation_id = $1 and claim_session is null";
        until_true("the hold is made due", BY_ITSELF, async || {
            let made = sqlx::query(due).bind(order.row().await.reservation_id).execute(order.shop.database.pool()).await.unwrap();
            made.rows_affected() == 1
        })
        .await;
        until_true("the hold is looked at", BY_ITSELF, async || order.asked_for(Operation::Lookup) > before).await;
    }
}

/// In how many seconds the order's row is to be looked at.
async fn next_look_in(order: &Order<'_>) -> Option<f64> {
    sqlx::query_scalar("select extract(epoch from next_check_at - now())::float8 from reservation where reservation_id = $1")
        .bind(order.row().await.reservation_id)
        .fetch_one(order.shop.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_order_that_was_started_anew_keeps_the_hold_of_its_deleted_process() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let anew = order.again(|variables| variables).await;
    anew.is_reserved().await;
    heard(async || shop.engine.client.delete_instance(&order.instance).await).await;
    is_looked_at(&order).await;
    assert_eq!((order.holds()[0].state, order.row().await.status.as_str()), (HoldState::Held, "RESERVED"));

    heard(async || shop.engine.client.delete_instance(&anew.instance).await).await;
    sqlx::query("update reservation set next_check_at = now()").execute(shop.database.pool()).await.unwrap();
    order.row_becomes("RELEASED").await;
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (1, 1));
}

#[tokio::test]
async fn a_process_suspended_before_it_was_told_and_deleted_afterwards_leaves_no_hold_behind() {
    let shop = Shop::open_with(|setup| setup.set("engine.lock_duration_ms", 4_000)).await;
    let Suspended { order, slow, gate: _gate, _daemon } = suspended_before_it_was_told(&shop).await;
    until_true("the hold is to be looked at soon", BY_ITSELF, async || next_look_in(&order).await.is_some_and(|seconds| seconds < 60.0))
        .await;
    until_true("it was looked at, and is to be looked at again", BY_ITSELF, async || {
        order.asked_for(Operation::Lookup) > 0 && next_look_in(&order).await.is_some_and(|seconds| (60.0..600.0).contains(&seconds))
    })
    .await;
    assert_eq!(order.holds()[0].state, HoldState::Held);

    heard(async || shop.engine.client.delete_instance(&order.instance).await).await;
    sqlx::query("update reservation set next_check_at = now()").execute(shop.database.pool()).await.unwrap();
    order.row_becomes("RELEASED").await;
    assert_eq!(shop.fault(slow).fired, 1);
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (1, 1));
    order.judge().await;
}

#[tokio::test]
async fn a_replica_that_does_not_know_an_inventory_leaves_its_holds_to_those_that_do() {
    let shop = Shop::open().await;
    let knows = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    knows.stop().await;
    let row = order.row().await.reservation_id;
    let goes_by = async |source: &str| {
        let renamed = "update reservation set source_system = $2, release_wanted = true, next_check_at = now() where reservation_id = $1";
        sqlx::query(renamed).bind(row).bind(source).execute(shop.database.pool()).await.unwrap();
    };
    goes_by("elsewhere").await;
    let _daemon = Daemon::start(&shop).await;
    until_true("it was put off", BY_ITSELF, async || next_look_in(&order).await.is_some_and(|seconds| seconds > 10.0)).await;
    assert_eq!((order.row().await.status.as_str(), order.asked_for(Operation::Release)), ("RESERVED", 0));

    goes_by("main").await;
    order.row_becomes("RELEASED").await;
    assert_eq!(order.effects(Effect::HoldReleased), 1);
}
