//! Several daemons and several tenants: work is shared, tenants are not.

use std::collections::BTreeSet;

use futures::future::join_all;
use holdfast::clock::SystemClock;
use holdfast::config::Config;
use holdfast::domain::{ReservationId, TenantId};
use holdfast::engine::{NewDeployment, ProcessInstanceId, ProcessSelector, StartProcess, TaskQuery, Variables};
use holdfast::simulator::Effect;
use reqwest::Method;
use serde_json::Value as JsonValue;
use uuid::Uuid;

use crate::support::bpmn::{end, flow, process, start_to, user_task};
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

/// Starts a model that several tenants share, for one of them.
async fn start_shared(shop: &Shop, key: &str, order: Uuid, tenant: &str) -> ProcessInstanceId {
    let start = StartProcess {
        process: ProcessSelector::Latest { key: key.to_owned(), tenant: None },
        business_key: Some(order.to_string()),
        variables: Variables::new().with("tenantId", tenant),
    };
    shop.engine.client.start_process(&start).await.unwrap().id
}

#[tokio::test]
async fn where_tenants_share_a_model_a_deleted_order_does_not_live_on_in_another_tenant_s() {
    let shop = Shop::open().await;
    let daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    daemon.stop().await;
    let key = format!("shared-{}", Uuid::new_v4().simple());
    let waiting = [start_to("wait"), user_task("wait"), flow("wait", "done"), end("done")];
    shop.deploy(&NewDeployment { tenant: None, ..shop.engine.deployment("shared.bpmn", &process(&key, &waiting.concat())) }).await;
    let config = Config::load(Some(&shop.config_file(&[]))).unwrap();
    let topics = holdfast::app::topics(&config, &shop.desk().await, &shop.engine.client, &SystemClock::shared(), "desk").unwrap();
    let ended = start_shared(&shop, &key, order.id, shop.tenant()).await;
    let anew = start_shared(&shop, &key, order.id, shop.tenant()).await;
    start_shared(&shop, &key, order.id, &Uuid::new_v4().to_string()).await;
    let delete = async |instance: &ProcessInstanceId| {
        shop.engine.raw(Method::DELETE, &format!("process-instance/{instance}"), &JsonValue::Null).await
    };
    let wanted = async || {
        let (tenant, reservation) = (TenantId::parse(shop.tenant()).unwrap(), ReservationId(order.row().await.reservation_id));
        topics.release_if_terminated(tenant, reservation, &ended).await.unwrap();
        order.row().await.release_wanted
    };
    delete(&ended).await;
    assert!(!wanted().await, "it was started anew");
    delete(&anew).await;
    assert!(wanted().await, "what goes on is another tenant's order");
}
