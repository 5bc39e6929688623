//! A run that is killed in the middle, and the one that goes on.

use holdfast::simulator::{Effect, Fault, FaultScope};

use super::scene::{Scene, shop};
use crate::support::command::start;
use crate::support::order::BY_ITSELF;
use crate::support::wait::until_true;

#[tokio::test]
async fn a_killed_run_is_gone_on_with_and_nothing_is_done_twice_wherever_it_was_killed() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let plan = scene.plan(&[]).await;
    let before = scene.effects(Effect::HoldReleased);
    // Killed while the answer to each of the four releases is on its way: the inventory has acted, and nobody here knows.
    for killed in 1..=4 {
        let swallow = shop.arm(FaultScope::Release, Some(1), Fault::SwallowAnswer);
        let mut run = start(&shop.config_file(&[]), &["holds", "apply", plan.to_str().unwrap()]);
        until_true("a release is under way", BY_ITSELF, async || shop.fault(swallow).fired == 1).await;
        until_true("it has taken effect", BY_ITSELF, async || scene.effects(Effect::HoldReleased) == before + killed).await;
        run.kill().await.unwrap();
    }
    let done = scene.apply(&plan, &[]).await.fine();
    assert!(done.contains("the plan is carried out"), "{done}");
    assert_eq!(scene.effects(Effect::HoldReleased), before + 4, "each hold was let go once");
    let open: i64 =
        sqlx::query_scalar("select count(*) from supplier_call where ended_at is null").fetch_one(shop.database.pool()).await.unwrap();
    assert_eq!(open, 0, "every call that was made has its end on record");
    assert_eq!(scene.orders["ORPHAN"].row().await.status, "RELEASED");
    scene.orders["agrees"].judge().await;
}

#[tokio::test]
async fn an_inventory_that_is_down_leaves_the_plan_to_be_gone_on_with() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let plan = scene.plan(&[]).await;
    let before = scene.effects(Effect::HoldReleased);
    shop.inventory.down(None).await;
    let failed = scene.apply(&plan, &[]).await;
    assert!(!failed.success && failed.out.contains("not done yet: the hold could not be looked at right before"), "{failed:?}");
    shop.inventory.up().await;
    assert_eq!(scene.effects(Effect::HoldReleased), before);
    scene.apply(&plan, &[]).await.fine();
    assert_eq!(scene.effects(Effect::HoldReleased), before + 4);
}
