//! Killed after the claim, after the ask, after the settlement; started again.

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};

use super::went_on_with_one_hold;
use crate::support::daemon::Process;
use crate::support::gate::{Gate, Stop};
use crate::support::order::BY_ITSELF;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until_true;

/// The daemon still waits for the answer when it is killed, however busy the machine is.
fn unhurried(setup: &mut Setup) {
    setup.set("sources.main.timeout_ms", 30_000);
    setup.set("sources.main.linger_ms", 30_000);
    setup.set("sources.main.manual_after_ms", 60_000);
}

async fn killed_after_the_claim(shop: Shop) {
    let gate = Gate::before(shop.inventory.url()).await;
    let behind_the_gate = [("sources.main.base_url", gate.url().into())];
    gate.pick(Stop::BeforeTheServer, |path, body| path.ends_with("/reservations") && body.contains("requestKey"));
    let mut daemon = Process::start_with(&shop, &behind_the_gate).await;
    let order = shop.order().await;
    until_true("the reserve is on its way", BY_ITSELF, async || gate.picked() == 1).await;
    daemon.kill();
    assert_eq!((order.row().await.status.as_str(), order.calls_of("reserve").await), ("REQUESTED", 1), "the claim is on record");
    assert_eq!(order.asked_for(Operation::Reserve), 0, "the inventory has not heard of it");

    gate.open();
    let _again = Process::start_with(&shop, &behind_the_gate).await;
    went_on_with_one_hold(&order).await;
    assert!(order.path().await.contains(&"UNKNOWN".to_owned()), "nobody may take a call without an end for one that never was");
}

#[tokio::test]
async fn killed_after_the_claim_it_sends_the_same_key_again_where_that_is_safe() {
    killed_after_the_claim(Shop::open_with(unhurried).await).await;
}

#[tokio::test]
async fn killed_after_the_claim_it_waits_for_proof_of_absence_where_a_repeated_create_holds_twice() {
    let shop = Shop::open_with(|setup| {
        // No longer than it must be: this order waits for the linger.
        setup.set("sources.main.timeout_ms", 4_000);
        setup.set("sources.main.linger_ms", 4_000);
        setup.duplicating();
    });
    killed_after_the_claim(shop.await).await;
}

async fn killed_after_the_inventory_acted(shop: Shop) {
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let mut daemon = Process::start(&shop).await;
    let order = shop.order().await;
    order.hold_is_placed().await;
    daemon.kill();
    assert_eq!((shop.fault(swallow).fired, order.row().await.status.as_str()), (1, "REQUESTED"));

    let _again = Process::start(&shop).await;
    went_on_with_one_hold(&order).await;
}

#[tokio::test]
async fn killed_while_the_inventory_owes_the_answer_it_finds_the_hold_by_sending_the_key_again() {
    killed_after_the_inventory_acted(Shop::open_with(unhurried).await).await;
}

#[tokio::test]
async fn killed_while_the_inventory_owes_the_answer_it_finds_the_hold_by_looking() {
    let shop = Shop::open_with(|setup| {
        unhurried(setup);
        setup.duplicating();
    });
    killed_after_the_inventory_acted(shop.await).await;
}

#[tokio::test]
async fn killed_while_its_create_acts_late_it_does_not_send_another() {
    let shop = Shop::open_with(|setup| {
        setup.set("sources.main.timeout_ms", 4_000);
        setup.set("sources.main.linger_ms", 8_000);
        setup.duplicating();
    })
    .await;
    let late = shop.arm(FaultScope::Reserve, Some(1), Fault::ActLate { delay_ms: 6_000 });
    let mut daemon = Process::start(&shop).await;
    let order = shop.order().await;
    until_true("the create has arrived", BY_ITSELF, async || shop.fault(late).fired == 1).await;
    daemon.kill();
    assert_eq!(order.effects(Effect::HoldPlaced), 0);

    let _again = Process::start(&shop).await;
    went_on_with_one_hold(&order).await;
    assert_eq!(order.asked_for(Operation::Reserve), 1);
}

#[tokio::test]
async fn killed_with_the_answer_in_hand_it_finds_out_what_it_never_wrote_down() {
    let shop = Shop::open_with(unhurried).await;
    let gate = Gate::before(shop.inventory.url()).await;
    let behind_the_gate = [("sources.main.base_url", gate.url().into())];
    gate.pick(Stop::UntilLetGo, |path, body| path.ends_with("/reservations") && body.contains("requestKey"));
    let mut daemon = Process::start_with(&shop, &behind_the_gate).await;
    let order = shop.order().await;
    until_true("the inventory has answered", BY_ITSELF, async || gate.picked() == 1).await;
    let mut blocking = shop.database.pool().begin().await.unwrap();
    sqlx::query("select from reservation where order_id = $1 for update").bind(order.id).execute(&mut *blocking).await.unwrap();
    gate.let_go();
    until_true("the settlement waits for the row", BY_ITSELF, async || shop.database.statements_that_wait("write_rows").await > 0).await;
    daemon.kill();
    blocking.rollback().await.unwrap();
    assert_eq!(
        (order.row().await.status.as_str(), order.effects(Effect::HoldPlaced)),
        ("REQUESTED", 1),
        "it acted, and nothing was settled"
    );

    gate.open();
    let _again = Process::start_with(&shop, &behind_the_gate).await;
    went_on_with_one_hold(&order).await;
}

#[tokio::test]
async fn killed_before_the_engine_heard_it_answers_from_the_row_without_a_call() {
    let shop = Shop::open().await;
    let gate = Gate::before(shop.engine.base_url.as_str()).await;
    let behind_the_gate = [("engine.url", gate.url().into())];
    gate.pick(Stop::BeforeTheServer, |path, body| path.ends_with("/complete") && body.contains("reservationId"));
    let mut daemon = Process::start_with(&shop, &behind_the_gate).await;
    let order = shop.order().await;
    until_true("the completion is on its way", BY_ITSELF, async || gate.picked() > 0).await;
    daemon.kill();
    assert_eq!(order.row().await.status, "RESERVED");
    assert_eq!(order.runs_of("Receive_FulfilmentDone").await, 0, "the engine has not heard of it");

    gate.open();
    let _again = Process::start_with(&shop, &behind_the_gate).await;
    order.is_reserved().await;
    assert_eq!((order.asked_for(Operation::Reserve), order.calls().await.len()), (1, 1));
    went_on_with_one_hold(&order).await;
}

#[tokio::test]
async fn killed_after_the_engine_heard_it_has_nothing_left_to_do() {
    let shop = Shop::open().await;
    let gate = Gate::before(shop.engine.base_url.as_str()).await;
    gate.pick(Stop::BeforeTheClient, |path, body| path.ends_with("/complete") && body.contains("reservationId"));
    let mut daemon = Process::start_with(&shop, &[("engine.url", gate.url().into())]).await;
    let order = shop.order().await;
    until_true("the completion was answered", BY_ITSELF, async || gate.picked() > 0).await;
    daemon.kill();

    let _again = Process::start(&shop).await;
    order.is_reserved().await;
    assert_eq!((order.runs_of("Task_ReserveStock").await, order.calls().await.len()), (1, 1));
    went_on_with_one_hold(&order).await;
}

#[tokio::test]
async fn killed_while_it_releases_it_finds_out_and_the_order_ends_as_cancelled() {
    let shop = Shop::open_with(unhurried).await;
    let mut daemon = Process::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let swallow = shop.arm(FaultScope::Release, Some(1), Fault::SwallowAnswer);
    order.cancel().await;
    until_true("the release has acted", BY_ITSELF, async || order.effects(Effect::HoldReleased) == 1).await;
    daemon.kill();
    assert_eq!((shop.fault(swallow).fired, order.row().await.status.as_str()), (1, "RELEASE_REQUESTED"));

    let _again = Process::start(&shop).await;
    order.ends_at(&["End_OrderCancelled"]).await;
    assert_eq!(order.told("ReservationReleased").await, 1);
    order.judge().await;
}
