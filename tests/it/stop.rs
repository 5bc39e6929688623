//! SIGTERM to the real binary at work: it ends in time, leaves nothing locked that it never began, and forgets no hold.

use std::time::{Duration, Instant};

use futures::future::join_all;
use holdfast::simulator::{Effect, Fault, FaultScope};

use crate::support::daemon::{Process, locked_for};
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

#[tokio::test]
async fn sigterm_under_load_ends_in_time_and_leaves_nothing_behind() {
    const LIMIT: Duration = Duration::from_secs(8);
    let shop = Shop::open_with(|setup| {
        setup.set("engine.permits_starts", 6);
        setup.set("shutdown.limit_ms", LIMIT.as_millis() as i64);
    })
    .await;
    let slow = shop.arm(FaultScope::Any, None, Fault::Slow { delay_ms: 100 });
    let mut daemon = Process::start(&shop).await;
    let orders = join_all((0..40).map(|_| shop.order())).await;
    let placed = || shop.inventory.ledger().iter().filter(|entry| entry.effect == Effect::HoldPlaced).count();
    until_true("some orders hold", BY_ITSELF, async || placed() >= 5).await;

    let asked_at = Instant::now();
    daemon.signal("TERM");
    let status = daemon.ended().await;
    let took = asked_at.elapsed();
    println!("SIGTERM: ended after {took:?} with {} of 40 orders held", placed());
    assert!(status.success(), "{status}");
    assert!(took < LIMIT, "it took {took:?}");
    assert!(placed() < 40 && shop.fault(slow).fired > 5, "it was at work when it was asked to stop");
    assert_eq!(locked_for(&shop, &daemon.worker_id).await.len(), 0, "what it held was done or handed back");
    for order in &orders {
        for row in order.rows().await {
            assert!(row.is_at_rest() && row.status == "RESERVED", "{row:?}");
        }
        order.judge_what_happened().await;
    }

    let _again = Process::start(&shop).await;
    for order in &orders {
        order.is_reserved().await;
        assert_eq!(order.effects(Effect::HoldPlaced), 1);
        order.judge().await;
    }
}

#[tokio::test]
async fn a_call_that_outlasts_the_time_to_stop_is_given_up_and_found_out_by_the_next_boot() {
    let shop = Shop::open_with(|setup| {
        setup.set("sources.main.timeout_ms", 30_000);
        setup.set("sources.main.linger_ms", 30_000);
        setup.set("engine.long_poll_ms", 500);
        setup.set("shutdown.limit_ms", 1_500);
    })
    .await;
    let swallow = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let mut daemon = Process::start(&shop).await;
    let order = shop.order().await;
    order.hold_is_placed().await;
    let asked_at = Instant::now();
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
    assert!(asked_at.elapsed() < Duration::from_secs(10), "it took {:?}", asked_at.elapsed());
    assert_eq!((shop.fault(swallow).fired, order.row().await.status.as_str()), (1, "REQUESTED"));
    order.judge_what_happened().await;

    let _again = Process::start(&shop).await;
    order.is_reserved().await;
    assert_eq!((order.effects(Effect::HoldPlaced), order.told("ReservationCreated").await), (1, 1));
    order.judge().await;
}
