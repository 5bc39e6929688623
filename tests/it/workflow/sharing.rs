//! Several daemons and several tenants: work is shared, tenants are not.

use std::collections::BTreeSet;

use futures::future::join_all;
use holdfast::engine::TaskQuery;
use holdfast::simulator::Effect;

use crate::support::daemon::Daemon;
use crate::support::engine::{Engine, TestEngine};
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until;

#[tokio::test]
async fn two_daemons_on_one_database_share_the_orders_and_hold_once_for_each() {
    let shop = Shop::open_with(|setup| setup.set("engine.permits_starts", 4)).await;
    let daemons = [Daemon::start(&shop).await, Daemon::start(&shop).await];
    let orders = join_all((0..30).map(|_| shop.order())).await;
    let mut workers = BTreeSet::new();
    for order in &orders {
        order.is_reserved().await;
        assert_eq!(order.effects(Effect::HoldPlaced), 1);
        workers.extend(order.moves().await.into_iter().map(|step| step.actor));
        order.judge().await;
    }
    for daemon in &daemons {
        assert!(daemon.worker_ids().iter().any(|id| workers.contains(id)), "{:?} did nothing: {workers:?}", daemon.worker_ids());
    }
    join_all(orders.iter().map(|order| order.fulfil())).await;
    for order in &orders {
        order.ends_at(&["End_OrderFulfilled"]).await;
        order.judge().await;
    }
}

#[tokio::test]
async fn a_daemon_of_one_tenant_never_touches_the_tasks_of_another() {
    let shop = Shop::open().await;
    let neighbour = TestEngine::on(Engine::Camunda);
    shop.deploy_for(&neighbour).await;
    let theirs = shop.order_of(&neighbour, |usual| usual).await;
    theirs.waits_at("Task_CheckAvailability").await;

    let daemon = Daemon::start(&shop).await;
    let ours = shop.order().await;
    ours.is_reserved().await;
    let task = until("their task is there", BY_ITSELF, async || {
        let query = TaskQuery { process_instance_id: Some(theirs.instance.clone()), ..TaskQuery::default() };
        shop.engine.client.list_tasks(&query).await.unwrap().pop()
    })
    .await;
    assert_eq!((task.worker_id, task.lock_expiration_time), (None, None), "nobody ever locked it");
    assert!(theirs.rows().await.is_empty() && theirs.ledger().is_empty());
    daemon.stop().await;

    let both = vec![shop.tenant().to_owned(), neighbour.tenant.to_string()];
    let _daemon = Daemon::start_with(&shop, &[("engine.tenants", both.into())]).await;
    theirs.is_reserved().await;
    assert!(shop.inventory.holds(shop.tenant()).iter().all(|hold| hold.order_id == ours.id.to_string()));
    theirs.judge().await;
    ours.judge().await;
}
