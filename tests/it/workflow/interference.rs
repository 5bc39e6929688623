//! Operators at work in Cockpit: instances deleted, suspended, modified or migrated, retries pressed.

use holdfast::simulator::{Effect, Fault, FaultScope, HoldState, Operation};
use reqwest::Method;
use serde_json::{Value as JsonValue, json};

use super::suspended::{Suspended, suspended_before_it_was_told};
use crate::support::daemon::Daemon;
use crate::support::order::BY_ITSELF;
use crate::support::rows::tasks_that_wait;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::{heard, until, until_true};

#[tokio::test]
async fn an_instance_deleted_while_its_reserve_is_unknown_gives_back_what_is_found() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::Reserve, None, Fault::ErrorBefore { status: 500, retry_after: None });
    let order = shop.order().await;
    order.incident().await;
    until_true("it was asked again", BY_ITSELF, async || shop.fault(away).fired > 0).await;
    heard(async || shop.engine.client.delete_instance(&order.instance).await).await;
    shop.disarm(away).await;

    order.row_becomes("RELEASED").await;
    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!((order.effects(Effect::HoldPlaced), order.effects(Effect::HoldReleased)), (1, 1));
    order.judge().await;
}

#[tokio::test]
async fn an_instance_deleted_while_its_reserve_is_under_way_gives_back_what_the_reserve_gets() {
    let shop = Shop::open().await;
    let _daemon = Daemon::start(&shop).await;
    let slow = shop.arm(FaultScope::Reserve, Some(1), Fault::Slow { delay_ms: 3_000 });
    let order = shop.order().await;
    order.hold_is_placed().await;
    heard(async || shop.engine.client.delete_instance(&order.instance).await).await;
    order.row_becomes("RELEASED").await;
    assert_eq!(shop.fault(slow).fired, 1);
    assert_eq!(order.effects(Effect::HoldReleased), 1);
    order.judge().await;
}

#[tokio::test]
async fn the_retry_button_on_an_unknown_outcome_only_asks_and_never_holds_twice() {
    let shop = Shop::open_with(Setup::hasty_and_duplicating).await;
    let _daemon = Daemon::start(&shop).await;
    let (swallow, away) = shop.arm_a_lost_hold();
    let order = shop.order().await;
    for press in 1..=2 {
        let (_, task) = order.incident().await;
        assert_eq!(order.failures().await, press);
        heard(async || shop.engine.client.set_retries(&task, 1).await).await;
        until_true("the retried task has failed again", BY_ITSELF, async || order.failures().await > press).await;
    }
    assert_eq!((order.asked_for(Operation::Reserve), order.calls_of("reserve").await), (1, 1));

    shop.disarm(away).await;
    order.is_reserved().await;
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldPlaced)), (1, 1));
    assert!(order.past_incidents().await.iter().all(|(_, resolved)| *resolved));
    order.judge().await;
}

#[tokio::test]
async fn a_suspended_instance_gets_its_answer_from_the_row_once_it_goes_on() {
    let shop = Shop::open_with(|setup| setup.set("engine.lock_duration_ms", 4_000)).await;
    let Suspended { order, slow, gate, _daemon } = suspended_before_it_was_told(&shop).await;
    assert_eq!((order.row().await.status.as_str(), order.holds()[0].state), ("RESERVED", HoldState::Held));

    shop.engine.client.set_suspended(&order.instance, false).await.unwrap();
    order.is_reserved().await;
    assert!(gate.picked() > 1, "the first answer was refused");
    assert_eq!((shop.fault(slow).fired, order.asked_for(Operation::Reserve)), (1, 1));
    assert!(order.past_incidents().await.is_empty());
    order.judge().await;
}

#[tokio::test]
async fn an_instance_suspended_while_its_reserve_is_unknown_is_told_once_it_goes_on() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::Reserve, None, Fault::ErrorBefore { status: 500, retry_after: None });
    let order = shop.order().await;
    order.incident().await;
    until_true("it was asked again", BY_ITSELF, async || shop.fault(away).fired > 0).await;
    shop.engine.client.set_suspended(&order.instance, true).await.unwrap();
    shop.disarm(away).await;
    order.row_becomes("RESERVED").await;
    assert_eq!(order.incidents().await.len(), 1, "nothing can be told to a process that stands still");

    shop.engine.client.set_suspended(&order.instance, false).await.unwrap();
    order.is_reserved().await;
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldPlaced)), (1, 1));
    assert!(order.past_incidents().await[0].1, "resolved, not deleted");
    order.judge().await;
}

#[tokio::test]
async fn a_token_that_an_operator_puts_back_before_the_reserve_gets_the_hold_that_there_is() {
    let shop = Shop::open_with(Setup::hasty_and_duplicating).await;
    let _daemon = Daemon::start(&shop).await;
    let (swallow, away) = shop.arm_a_lost_hold();
    let order = shop.order().await;
    let (_, first) = order.incident().await;
    shop.engine.restart(&order.instance, "Task_ReserveStock").await;
    let task = until("the other task has failed, too", BY_ITSELF, async || {
        order.incidents().await.into_iter().filter_map(|incident| incident.configuration).find(|task| task != first.as_str())
    })
    .await;
    assert_ne!(task, first.as_str(), "it is another external task");
    assert_eq!(order.asked_for(Operation::Reserve), 1, "which only asked");

    shop.disarm(away).await;
    order.is_reserved().await;
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldPlaced)), (1, 1));
    until_true("the first task is forgotten", BY_ITSELF, async || tasks_that_wait(shop.database.pool(), order.id).await == 0).await;
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
}

#[tokio::test]
async fn an_instance_migrated_while_its_reserve_is_unknown_goes_on_under_the_new_model() {
    let shop = Shop::open_with(Setup::hasty).await;
    let _daemon = Daemon::start(&shop).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let away = shop.arm(FaultScope::Reserve, None, Fault::ErrorBefore { status: 500, retry_after: None });
    let order = shop.order().await;
    let (_, task) = order.incident().await;
    until_true("it was asked again", BY_ITSELF, async || shop.fault(away).fired > 0).await;

    let before = shop.engine.record(&order.instance).await.process_definition_id;
    shop.deploy_for(&shop.engine).await;
    let key = format!("process-definition?key=order-fulfilment&latestVersion=true&tenantIdIn={}", shop.tenant());
    let after = get(&shop, &key).await[0]["id"].as_str().unwrap().to_owned();
    assert_ne!(before.as_str(), after);
    let plan =
        post(&shop, "migration/generate", &json!({"sourceProcessDefinitionId": before.as_str(), "targetProcessDefinitionId": after})).await;
    let execution = json!({"migrationPlan": plan, "processInstanceIds": [order.instance.as_str()]});
    post(&shop, "migration/execute", &execution).await;
    assert_eq!(shop.engine.record(&order.instance).await.process_definition_id.as_str(), after);

    shop.disarm(away).await;
    order.is_reserved().await;
    assert_eq!((shop.fault(swallow).fired, order.effects(Effect::HoldPlaced)), (1, 1));
    let told = get(&shop, &format!("history/external-task-log?externalTaskId={task}&successLog=true")).await;
    assert_eq!(told.as_array().unwrap().len(), 1, "the very task that was in the incident was completed");
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
}

async fn get(shop: &Shop, path: &str) -> JsonValue {
    shop.engine.raw(Method::GET, path, &JsonValue::Null).await.1
}

/// What Cockpit or a script of the operator's posts to the engine; again where the daemon changed the same rows at the same moment.
async fn post(shop: &Shop, path: &str, body: &JsonValue) -> JsonValue {
    until(&format!("the engine takes {path}"), BY_ITSELF, async || {
        let (status, answer) = shop.engine.raw_post(path, body).await;
        if answer.to_string().contains("OptimisticLockingException") {
            return None;
        }
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        Some(answer)
    })
    .await
}
