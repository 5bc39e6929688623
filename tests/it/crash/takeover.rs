//! Another replica takes over what a dead or a sleeping one held, long before the engine's lock is over.

use std::time::{Duration, Instant};

use holdfast::simulator::{Effect, Fault, FaultScope, Operation};

use super::went_on_with_one_hold;
use crate::support::daemon::{Process, locked_for};
use crate::support::gate::{Gate, Stop};
use crate::support::order::{BY_ITSELF, Order};
use crate::support::rows::who_reserved;
use crate::support::shop::{Setup, Shop};
use crate::support::wait::until_true;

/// What the issue promises; the lock lasts 60 s.
const PROMISED: Duration = Duration::from_secs(5);

fn patient(setup: &mut Setup) {
    setup.set("sources.main.timeout_ms", 20_000);
    setup.set("sources.main.linger_ms", 20_000);
}

/// The one of two replicas that works on the order, and the other.
async fn at_work_and_idle(shop: &Shop, order: &Order<'_>, replicas: [Process; 2]) -> (Process, Process) {
    let worker = who_reserved(shop.database.pool(), order.id).await.remove(0);
    let [one, other] = replicas;
    if one.worker_id == worker { (one, other) } else { (other, one) }
}

#[tokio::test]
async fn a_second_replica_takes_over_within_seconds_although_the_lock_lasts_a_minute() {
    let shop = Shop::open_with(patient).await;
    let replicas = [Process::start(&shop).await, Process::start(&shop).await];
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = shop.order().await;
    order.hold_is_placed().await;
    let (mut dying, living) = at_work_and_idle(&shop, &order, replicas).await;
    assert_eq!(locked_for(&shop, &dying.worker_id).await.len(), 1, "the engine keeps its task locked");

    let killed_at = Instant::now();
    dying.kill();
    until_true("the other replica asks", BY_ITSELF, async || order.asked_for(Operation::Reserve) == 2).await;
    let asked = killed_at.elapsed();
    order.is_reserved().await;
    let went_on = killed_at.elapsed();
    println!("take-over: asked {asked:?} after the SIGKILL, the order went on after {went_on:?}");
    assert!(went_on < PROMISED, "asked after {asked:?}, went on after {went_on:?}");
    assert_eq!(shop.fault(swallow).fired, 1);
    assert_eq!(who_reserved(shop.database.pool(), order.id).await, [dying.worker_id.as_str(), &living.worker_id]);
    went_on_with_one_hold(&order).await;
}

#[tokio::test]
async fn a_waiting_task_that_was_about_to_be_told_is_told_within_seconds_by_the_next_boot() {
    let shop = Shop::open_with(Setup::hasty).await;
    let gate = Gate::before(shop.engine.base_url.as_str()).await;
    let behind_the_gate = [("engine.url", gate.url().into())];
    gate.pick(Stop::BeforeTheServer, |path, body| path.ends_with("/complete") && body.contains("reservationId"));
    let mut daemon = Process::start_with(&shop, &behind_the_gate).await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let order = shop.order().await;
    until_true("the reconciler tells the engine what it found", BY_ITSELF, async || gate.picked() > 0).await;
    daemon.kill();
    assert_eq!((shop.fault(swallow).fired, order.incidents().await.len()), (1, 1));
    let [task] = &locked_for(&shop, &daemon.worker_id).await[..] else { panic!("the reconciler has locked one task") };
    assert_eq!(task.worker_id.as_ref().unwrap().as_str(), format!("{}#reconciler", daemon.worker_id));

    gate.open();
    let begun = Instant::now();
    let _again = Process::start_with(&shop, &behind_the_gate).await;
    order.is_reserved().await;
    println!("a task in an incident was told {:?} after the next boot began", begun.elapsed());
    assert!(begun.elapsed() < PROMISED, "it took {:?}", begun.elapsed());
    went_on_with_one_hold(&order).await;
}

#[tokio::test]
async fn a_replica_that_slept_through_its_lease_wakes_up_and_changes_nothing() {
    let shop = Shop::open_with(patient).await;
    let replicas = [Process::start(&shop).await, Process::start(&shop).await];
    let slow = shop.arm(FaultScope::Reserve, Some(1), Fault::Slow { delay_ms: 2_000 });
    let order = shop.order().await;
    order.hold_is_placed().await;
    let (sleeping, mut living) = at_work_and_idle(&shop, &order, replicas).await;
    sleeping.signal("STOP");
    order.is_reserved().await;
    let (path, facts) = (order.path().await, order.facts().await.len());

    sleeping.signal("CONT");
    until_true("it notices that its lease ran out", BY_ITSELF, async || {
        sleeping.logged("this session's lease ran out before it was renewed: the work goes on under a new session").is_some()
    })
    .await;
    assert_eq!(shop.fault(slow).fired, 1);
    assert_eq!((order.path().await, order.facts().await.len()), (path, facts), "its old answer counts for nothing");
    assert_eq!(order.effects(Effect::HoldPlaced), 1);

    // It works again, under a new name.
    living.signal("TERM");
    assert!(living.ended().await.success());
    went_on_with_one_hold(&order).await;
    let next = shop.order().await;
    next.is_reserved().await;
    next.judge().await;
}
