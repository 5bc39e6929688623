//! Killed while its long poll is parked: the engine locks the next task for the dead, and the living take it back.

use std::time::{Duration, Instant};

use holdfast::engine::TaskQuery;

use super::went_on_with_one_hold;
use crate::support::daemon::Process;
use crate::support::gate::Gate;
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::{until, until_true};

/// What the issue promises; the lock lasts 60 s.
const PROMISED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn killed_while_its_long_poll_is_parked_it_leaves_no_task_behind_for_long() {
    let shop = Shop::open_with(|setup| {
        setup.set("engine.long_poll_ms", 20_000);
        setup.set("shutdown.limit_ms", 25_000);
    })
    .await;
    let gate = Gate::before(shop.engine.base_url.as_str()).await;
    let mut daemon = Process::start_with(&shop, &[("engine.url", gate.url().into())]).await;
    until_true("both polls are on their way", BY_ITSELF, async || gate.arrived("/fetchAndLock") >= 2).await;
    // Whatever was sent before this question has reached the engine before its answer comes back.
    assert!(shop.engine.client.version().await.is_ok());
    daemon.kill();

    let order = shop.order().await;
    let query = TaskQuery { process_instance_id: Some(order.instance.clone()), locked: true, ..TaskQuery::default() };
    let ghost = until("the engine locks the task for the dead", BY_ITSELF, async || {
        shop.engine.client.list_tasks(&query).await.unwrap().pop().and_then(|task| task.worker_id)
    })
    .await;
    assert_eq!(ghost.as_str(), format!("{}#starts", daemon.worker_id));

    let begun = Instant::now();
    let _again = Process::start(&shop).await;
    order.is_reserved().await;
    let took = begun.elapsed();
    println!("a task locked for a dead poll was worked on {took:?} after the next boot began");
    assert!(took < PROMISED, "it took {took:?}");
    went_on_with_one_hold(&order).await;
}
