//! Orders that come in over HTTP: one process each, whatever is sent twice and whatever dies in between.

use holdfast::engine::{NewDeployment, ProcessSelector, StartProcess, Variables};
use holdfast::simulator::{Effect, Operation};
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::http::client::{Caller, two_routers};
use crate::support::bpmn::{end, flow, process, start_to, user_task};
use crate::support::daemon::Process;
use crate::support::gate::{Gate, Stop};
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::Shop;
use crate::support::wait::until_true;

#[tokio::test]
async fn an_order_asked_for_over_http_is_reserved_and_fulfilled_by_its_process() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let id = Uuid::new_v4();
    let answer = caller.post(&format!("/orders/{id}/reservations"), "k", &two_routers()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(answer.json()["state"], "PENDING");
    let command = caller.finished(answer.headers["location"].to_str().unwrap()).await;
    let order = Order::found(&shop, id).await;
    assert_eq!((&command["outcome"], &command["processInstanceId"]), (&json!("STARTED"), &json!(order.instance.as_str())));
    order.is_reserved().await;
    let listed = caller.get(command["reservations"].as_str().unwrap()).await.ok();
    assert_eq!((&listed["items"][0]["status"], listed["items"].as_array().unwrap().len()), (&json!("RESERVED"), 1));
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_order_step_asked_for_at_once_under_many_keys_has_one_process() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let (id, body) = (Uuid::new_v4(), two_routers());
    let path = format!("/orders/{id}/reservations");
    let asked = (0..12).map(|number| {
        let (caller, path, body) = (caller.clone(), path.clone(), body.clone());
        async move { caller.post(&path, &format!("key-{number}"), &body).await }
    });
    let answers = futures::future::join_all(asked).await;
    let locations: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer.headers["location"].to_str().unwrap()).collect();
    assert_eq!(locations.len(), 1, "{answers:?}");
    let order = Order::found(&shop, id).await;
    order.is_reserved().await;

    let other = caller.post(&path, "other", &two_routers()).await;
    assert_eq!(other.problem(409), "order-requested-otherwise");
    assert_eq!(other.json()["command"].as_str(), locations.first().copied());
    assert_eq!((Order::instances(&shop, id).await.len(), order.asked_for(Operation::Reserve)), (1, 1));
    order.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn where_tenants_share_a_model_the_same_order_id_of_another_tenant_is_another_order() {
    let key = format!("shared-{}", Uuid::new_v4().simple());
    let shop = Shop::open_with(|setup| setup.set("orders.process", key.as_str())).await;
    let waiting = [start_to("wait"), user_task("wait"), flow("wait", "done"), end("done")];
    let model = process(&key, &waiting.concat());
    shop.deploy(&NewDeployment { tenant: None, ..shop.engine.deployment("shared.bpmn", &model) }).await;
    let (daemon, caller, theirs) = super::serve_with_a_stranger(&shop).await;
    let id = Uuid::new_v4();
    let start = StartProcess {
        process: ProcessSelector::Latest { key, tenant: None },
        business_key: Some(id.to_string()),
        variables: Variables::new().with("tenantId", shop.tenant()),
    };
    let running = shop.engine.client.start_process(&start).await.unwrap();
    let path = format!("/orders/{id}/reservations");
    let told = theirs.command(&path, &two_routers()).await;
    assert_eq!(told["outcome"], "STARTED", "{told}");
    assert_ne!(told["processInstanceId"], running.id.as_str(), "nobody is told of another tenant's process");
    let told = caller.command(&path, &two_routers()).await;
    assert_eq!((&told["outcome"], &told["processInstanceId"]), (&json!("WAS_RUNNING"), &json!(running.id.as_str())));
    daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_killed_between_starting_a_process_and_writing_it_down_starts_no_second_one() {
    let shop = Shop::open().await;
    let gate = Gate::before(shop.engine.base_url.as_str()).await;
    let behind_the_gate = [("engine.url", gate.url().into()), ("http.listen", "127.0.0.1:0".into())];
    gate.pick(Stop::BeforeTheClient, |path, _| path.ends_with("/start"));
    let mut daemon = Process::start_with(&shop, &behind_the_gate).await;
    let id = Uuid::new_v4();
    let answer = Caller::of_process(&daemon, &shop).post(&format!("/orders/{id}/reservations"), "k", &two_routers()).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    until_true("the process is started, and the daemon does not know", BY_ITSELF, async || gate.picked() == 1).await;
    daemon.kill();

    gate.open();
    let again = Process::start_with(&shop, &behind_the_gate).await;
    let command = Caller::of_process(&again, &shop).finished(&location).await;
    let order = Order::found(&shop, id).await;
    assert_eq!((&command["outcome"], &command["processInstanceId"]), (&json!("STARTED"), &json!(order.instance.as_str())));
    assert_eq!((&command["attempts"], gate.arrived("/start")), (&json!(2), 1), "it looked before it would have started again");
    order.is_reserved().await;
    assert_eq!((Order::instances(&shop, id).await.len(), order.effects(Effect::HoldPlaced)), (1, 1));
    order.judge().await;
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_found_again_by_the_same_boot() {
    let shop = Shop::open().await;
    let gate = Gate::before(shop.engine.base_url.as_str()).await;
    gate.pick(Stop::BeforeTheServer, |path, _| path.ends_with("/start"));
    let (daemon, caller) = super::serve(&shop, &[("engine.url", gate.url().into())]).await;
    let id = Uuid::new_v4();
    let answer = caller.post(&format!("/orders/{id}/reservations"), "k", &two_routers()).await;
    until_true("the start is on its way", BY_ITSELF, async || gate.picked() == 1).await;
    gate.open();
    let command = caller.finished(answer.headers["location"].to_str().unwrap()).await;
    assert_eq!((&command["state"], gate.arrived("/start")), (&json!("DONE"), 2), "it never arrived, so it was sent again");
    assert_eq!(Order::instances(&shop, id).await.len(), 1);
    daemon.stop().await;
}

#[tokio::test]
async fn an_order_whose_process_somebody_else_started_gets_no_second_one() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let command = caller.command(&format!("/orders/{}/reservations", order.id), &two_routers()).await;
    assert_eq!((&command["outcome"], &command["processInstanceId"]), (&json!("WAS_RUNNING"), &json!(order.instance.as_str())));
    assert_eq!((Order::instances(&shop, order.id).await.len(), order.asked_for(Operation::Reserve)), (1, 1));
    daemon.stop().await;
}

#[tokio::test]
async fn an_order_without_a_process_to_start_is_refused_and_may_be_asked_for_again() {
    let shop = Shop::open().await;
    let id = Uuid::new_v4();
    let path = format!("/orders/{id}/reservations");
    let (daemon, caller) = super::serve(&shop, &[("orders.process", "no-such-process".into())]).await;
    let command = caller.command(&path, &two_routers()).await;
    assert_eq!((&command["state"], &command["outcome"]), (&json!("REFUSED"), &json!("PROCESS_NOT_DEPLOYED")));
    assert!(command["detail"].as_str().unwrap().contains("no-such-process"), "{command}");
    daemon.stop().await;

    let (daemon, caller) = super::serve(&shop, &[]).await;
    assert_eq!(caller.command(&path, &two_routers()).await["outcome"], "STARTED");
    daemon.stop().await;
}
