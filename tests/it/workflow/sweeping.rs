//! The sweep that a timer of the engine starts, for teams that want it there: `reservation-reconciliation.bpmn`.

use holdfast::engine::{NewDeployment, ProcessInstanceId, Resource};
use holdfast::simulator::{Effect, Fault, FaultScope};
use serde_json::{Value as JsonValue, json};

use crate::support::daemon::Daemon;
use crate::support::http::http;
use crate::support::order::BY_ITSELF;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until;

const MODEL: &str = include_str!("../../../bpmn/reservation-reconciliation.bpmn");

async fn get(shop: &Shop, path: &str) -> JsonValue {
    let answer = http().get(format!("{}/{path}", shop.engine.base_url)).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Deploys the model, and lets its timer fire now instead of in five minutes; returns the instance that it started.
async fn sweep(shop: &Shop) -> ProcessInstanceId {
    let resource = Resource { name: "reservation-reconciliation.bpmn".to_owned(), content: MODEL.as_bytes().to_vec().into() };
    let deployment = NewDeployment {
        name: "the sweep".to_owned(),
        source: Some("holdfast tests".to_owned()),
        tenant: Some(shop.engine.tenant.clone()),
        filter_duplicates: true,
        changed_only: false,
        resources: vec![resource],
    };
    shop.deploy(&deployment).await;
    let of_tenant = format!("processDefinitionKey=reservation-reconciliation&tenantIdIn={}", shop.tenant());
    let timer = get(shop, &format!("job?{of_tenant}")).await[0]["id"].as_str().unwrap().to_owned();
    shop.engine.client.execute_job(&timer.as_str().into()).await.unwrap();
    let started = get(shop, &format!("history/process-instance?{of_tenant}&sortBy=startTime&sortOrder=desc")).await;
    ProcessInstanceId::from(started[0]["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_sweep_on_the_engines_timer_finds_out_what_is_due_and_the_order_goes_on() {
    let shop = Shop::open_with(|setup: &mut Setup| {
        setup.hasty();
        // The daemon's own loop never comes round in this test: whatever is found out is found out by the sweep.
        setup.set("reconciler.period_ms", 3_600_000);
    })
    .await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = shop.order().await;
    order.incident().await;
    assert_eq!((shop.fault(swallow).fired, order.row().await.status.as_str()), (1, "UNKNOWN"));

    let instance = sweep(&shop).await;
    order.is_reserved().await;
    assert_eq!(order.effects(Effect::HoldPlaced), 1);
    assert!(order.past_incidents().await[0].1, "the waiting task was told");
    until("the sweep ends", BY_ITSELF, async || shop.engine.record(&instance).await.end_time).await;
    assert_eq!(shop.engine.client.end_events(&instance).await.unwrap(), ["End_Swept"]);
    let told = get(&shop, &format!("history/variable-instance?processInstanceId={instance}")).await;
    let of = |name: &str| told.as_array().unwrap().iter().find(|variable| variable["name"] == json!(name)).unwrap()["value"].clone();
    assert_eq!((of("sweptReservations"), of("sweptStillOpen")), (json!(1), json!(0)));
    order.judge().await;
}

#[tokio::test]
async fn a_sweep_with_nothing_due_ends_at_once_and_an_unknown_scope_is_named() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let instance = sweep(&shop).await;
    until("the sweep ends", BY_ITSELF, async || shop.engine.record(&instance).await.end_time).await;
    assert_eq!(shop.engine.client.end_events(&instance).await.unwrap(), ["End_Swept"]);

    let wrong = MODEL.replace(">due<", ">everything<");
    let resource = Resource { name: "wrong.bpmn".to_owned(), content: wrong.into_bytes().into() };
    let deployment = NewDeployment {
        name: "a sweep with a wrong scope".to_owned(),
        source: None,
        tenant: Some(shop.engine.tenant.clone()),
        filter_duplicates: false,
        changed_only: false,
        resources: vec![resource],
    };
    shop.deploy(&deployment).await;
    let of_tenant = format!("processDefinitionKey=reservation-reconciliation&tenantIdIn={}", shop.tenant());
    let timer = get(&shop, &format!("job?{of_tenant}")).await[0]["id"].as_str().unwrap().to_owned();
    shop.engine.client.execute_job(&timer.as_str().into()).await.unwrap();
    let message = until("an incident names the scope", BY_ITSELF, async || {
        get(&shop, &format!("incident?tenantIdIn={}", shop.tenant())).await[0]["incidentMessage"].as_str().map(str::to_owned)
    })
    .await;
    assert!(message.contains("variable `reconcileScope` must be `reservation` or `due`, it is `everything`"), "{message}");
}
