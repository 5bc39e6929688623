//! What a plan does to inventory and books, and what it refuses to do.

use holdfast::simulator::{Effect, Operation};
use serde_json::json;

use super::scene::{Scene, shop};
use crate::support::command::holdfast;
use crate::support::daemon::Daemon;
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// Calls that belong to no reservation: operation, class, and whether they were on record before the inventory heard of them.
async fn loose_calls(shop: &Shop) -> Vec<(String, Option<String>, chrono::DateTime<chrono::Utc>)> {
    sqlx::query_as("select operation, answer_class, started_at from supplier_call where reservation_id is null order by started_at")
        .fetch_all(shop.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_plan_sets_right_what_it_planned_and_nothing_else_and_a_second_run_does_nothing() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let agrees = scene.hold("agrees");
    let ghosts_before = scene.findings(&[]).await;
    let plan = scene.plan(&[]).await;

    let (active, releases) = (scene.active(), scene.effects(Effect::HoldReleased));
    let rehearsal = scene.apply(&plan, &["--dry-run"]).await.fine();
    assert!(rehearsal.contains("would release") && rehearsal.contains("this was a rehearsal: nothing was done"), "{rehearsal}");
    assert_eq!((scene.active(), scene.findings(&[]).await), (active.clone(), ghosts_before), "a rehearsal changes nothing");

    let applied = scene.apply(&plan, &["--json"]).await;
    let report = applied.json();
    assert!(applied.success && report["settled"] == json!(true), "{report}");
    assert_eq!(scene.effects(Effect::HoldReleased), releases + 4, "ghost, two orphans, duplicate: {report}");
    let still = scene.active();
    assert!(still.contains(&agrees) && still.contains(&scene.orders["DUPLICATE"].row().await.external_reservation_ref.unwrap()));
    let quantity = sqlx::query_scalar::<_, rust_decimal::Decimal>(
        "select reserved_quantity from reservation_line join reservation using (reservation_id) where order_id = $1",
    )
    .bind(scene.orders["QUANTITY_DRIFT"].id)
    .fetch_one(shop.database.pool())
    .await
    .unwrap();
    assert_eq!(quantity, 1.into(), "what the inventory really holds is on record");
    assert!(scene.orders["EXPIRY_DRIFT"].row().await.expires_at.unwrap().to_rfc3339().starts_with("2099-01-01"));
    assert_eq!(scene.orders["ORPHAN"].row().await.status, "RELEASED");
    let orphan = scene.orders["ORPHAN"].moves().await;
    assert!(orphan.iter().any(|step| step.to_status == "RELEASED" && step.actor == "holds apply"), "{orphan:?}");

    // Whatever was done is on record, and was before the inventory heard of it.
    let loose = loose_calls(&shop).await;
    assert_eq!(
        loose.iter().map(|(operation, class, _)| (operation.as_str(), class.as_deref())).collect::<Vec<_>>(),
        [("release", Some("DONE"))]
    );
    let ghost = report["steps"].as_array().unwrap();
    assert_eq!(ghost.len(), 7, "{report}");
    let heard = shop
        .inventory
        .ledger()
        .iter()
        .rfind(|entry| entry.operation == Operation::Release && entry.effect == Effect::HoldReleased)
        .unwrap()
        .received_at;
    assert!(loose[0].2 <= heard);

    let effects = shop.inventory.ledger().len();
    let again = scene.apply(&plan, &[]).await.fine();
    assert!(again.contains("released (by an earlier run)") && again.contains("the plan is carried out"), "{again}");
    assert_eq!(shop.inventory.ledger().len(), effects, "a second run does not even ask");

    // The daemon finishes what only time can prove: that the lost hold is gone.
    let _daemon = Daemon::start(&shop).await;
    scene.orders["LOST"].row_becomes("RELEASED").await;
    until_true("nothing but what nobody can judge is left", BY_ITSELF, async || {
        scene.findings(&[]).await == ["GHOST none", "UNMANAGED none"]
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_releases_more_than_it_may_does_nothing_at_all() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let plan = scene.plan(&[]).await;
    let active = scene.active();
    let refused = scene.apply(&plan, &["--max-release", "3"]).await.refused();
    assert!(
        refused.contains("the plan would release 4 holds, more than --max-release 3") && refused.contains("Nothing was done"),
        "{refused}"
    );
    assert_eq!(scene.active(), active);
    scene.apply(&plan, &["--max-release", "4"]).await.fine();
}

#[tokio::test]
async fn a_plan_whose_reservations_have_moved_on_is_stale_and_does_nothing() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let plan = scene.plan(&[]).await;
    let active = scene.active();
    {
        let daemon = Daemon::start(&shop).await;
        scene.orders["QUANTITY_DRIFT"].cancel().await;
        scene.orders["QUANTITY_DRIFT"].row_becomes("RELEASED").await;
        daemon.stop().await;
    }
    let before = scene.active();
    assert!(before.len() < active.len());
    let refused = scene.apply(&plan, &[]).await.refused();
    let id = scene.orders["QUANTITY_DRIFT"].row().await.reservation_id;
    assert!(refused.contains("is stale: finding") && refused.contains(&format!("reservation {id} has changed")), "{refused}");
    assert!(refused.contains("Compare again. Nothing was done"), "{refused}");
    assert_eq!(scene.active(), before);
}

#[tokio::test]
async fn a_hold_is_looked_at_again_right_before_it_is_let_go() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let plan = scene.plan(&[]).await;
    // Somebody lets go of it meanwhile.
    let orphan = scene.hold("ORPHAN");
    shop.behind_our_back(&orphan, "release").await;
    let asked =
        |operation| shop.inventory.ledger().iter().filter(|e| e.reference.as_deref() == Some(&orphan) && e.operation == operation).count();
    let releases = asked(Operation::Release);
    let applied = scene.apply(&plan, &[]).await.fine();
    assert!(applied.contains("was gone already"), "{applied}");
    assert_eq!(asked(Operation::Release), releases, "what is gone is not asked to go");
}

#[tokio::test]
async fn a_plan_is_carried_out_on_the_inventory_and_database_that_it_was_made_for_and_no_other() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let plan = scene.plan(&[]).await;
    let active = scene.active();
    let apply = async |changes: &[(&str, toml::Value)]| {
        holdfast(&shop.config_file(changes), &["holds", "apply", plan.to_str().unwrap()]).await.refused()
    };
    let other = Shop::open().await;
    let text = |text: &str| toml::Value::String(text.to_owned());
    let refused = apply(&[("sources.main.base_url", text(other.inventory.url()))]).await;
    assert!(refused.contains("the plan is for `main` at") && refused.contains("Nothing was done"), "{refused}");
    let refused = apply(&[("database.url", text(&other.database.daemon_url()))]).await;
    assert!(refused.contains("the plan was made with the database") && refused.contains("Nothing was done"), "{refused}");

    let source = toml::from_str::<toml::Table>(&format!("base_url = \"{}\"", shop.inventory.url())).unwrap();
    let only_other = std::fs::read_to_string(shop.config_file(&[("sources.depot", toml::Value::Table(source))])).unwrap();
    let only_other = only_other.replace("[sources.main", "[sources.elsewhere");
    let config = shop.folder.join("elsewhere.toml");
    std::fs::write(&config, only_other).unwrap();
    let refused = holdfast(&config, &["holds", "apply", plan.to_str().unwrap()]).await.refused();
    assert!(refused.contains("the inventory `main`, which is not configured; there are: depot, elsewhere"), "{refused}");

    let sealed = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, sealed.replacen("\"action\": \"none\"", "\"action\": \"release\"", 1)).unwrap();
    let refused = apply(&[]).await;
    assert!(refused.contains("the plan was changed after it was written: its seal is broken"), "{refused}");
    assert_eq!(scene.active(), active);
}
