//! What a comparison finds, and when it says that there is nothing to compare.

use holdfast::simulator::{Fault, FaultScope};
use serde_json::json;

use super::scene::{Scene, shop, shop_with};
use crate::support::command::holdfast;
use crate::support::daemon::Daemon;
use crate::support::fake::nobody;

#[tokio::test]
async fn books_that_agree_with_the_inventory_show_nothing() {
    let shop = shop().await;
    let scene = Scene::in_order(&shop).await;
    let ran = scene.compare(&["--json"]).await;
    let report = ran.json();
    assert_eq!((&report["findings"], &report["holds"], &report["unreadable"]), (&json!([]), &json!(2), &json!([])), "{report}");
    let printed = scene.compare(&[]).await.fine();
    assert_eq!(printed, "main: 2 active holds, 2 reservations: nothing differs\n");
}

#[tokio::test]
async fn every_kind_of_difference_is_found_once_and_only_what_is_certain_is_proposed() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let mut found = scene.findings(&[]).await;
    // Within a kind the references decide the order, which are random.
    found.sort();
    let mut expected = [
        "GHOST none",
        "GHOST release",
        "LOST recheck",
        "ORPHAN release",
        "ORPHAN release",
        "DUPLICATE release",
        "QUANTITY_DRIFT recheck",
        "EXPIRY_DRIFT recheck",
        "UNMANAGED none",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    let consented = scene.findings(&["--release-unknown-orders"]).await;
    assert_eq!(consented.iter().filter(|finding| *finding == "GHOST release").count(), 2);
    assert!(consented.contains(&"UNMANAGED none".to_owned()));

    let report = scene.compare(&["--json"]).await.json();
    let of = |kind: &str| report["findings"].as_array().unwrap().iter().find(|finding| finding["kind"] == json!(kind)).unwrap().clone();
    let lost = of("LOST");
    assert_eq!(lost["reservation"], json!(scene.orders["LOST"].row().await.reservation_id));
    assert_eq!((&lost["hold"], &lost["status"]), (&json!(null), &json!("RESERVED")));
    assert_eq!(of("QUANTITY_DRIFT")["why"], json!("the inventory holds 1 x router instead of 2"));
    assert!(of("EXPIRY_DRIFT")["why"].as_str().unwrap().contains("until 2099-01-01T00:00:00Z instead of until"));
    assert_eq!(of("UNMANAGED")["key"], json!("A-17"));

    let printed = scene.compare(&[]).await.fine();
    assert!(printed.contains("2 GHOST, 1 LOST, 2 ORPHAN, 1 DUPLICATE, 1 QUANTITY_DRIFT, 1 EXPIRY_DRIFT, 1 UNMANAGED"), "{printed}");
}

#[tokio::test]
async fn comparing_changes_nothing_and_a_daemon_at_work_is_left_alone() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let before = shop.inventory.ledger().iter().filter(|entry| entry.effect != holdfast::simulator::Effect::None).count();
    let rows = async || {
        sqlx::query_scalar::<_, String>("select string_agg(r::text, ' ' order by reservation_id) from reservation r")
            .fetch_one(shop.database.pool())
            .await
            .unwrap()
    };
    let rows_before = rows().await;
    scene.plan(&[]).await;
    let after = shop.inventory.ledger().iter().filter(|entry| entry.effect != holdfast::simulator::Effect::None).count();
    assert_eq!((before, rows_before), (after, rows().await));

    // What is being worked on, or was a moment ago, is not judged.
    let _daemon = Daemon::start(&shop).await;
    let order = shop.order().await;
    order.is_reserved().await;
    let report = holdfast(&shop.config_file(&[]), &["holds", "compare", "--source", "main", "--at-rest", "600", "--json"]).await.json();
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["reservation"] == json!(null)), "{report}");
}

#[tokio::test]
async fn an_inventory_without_a_list_is_named_with_what_to_do() {
    let shop = shop_with(|setup| drop(setup.profile.remove("list"))).await;
    let scene = Scene::in_order(&shop).await;
    let refused = scene.compare(&[]).await.refused();
    assert!(refused.contains("the inventory `main` offers no list of its active holds: describe [list] in its profile"), "{refused}");
}

#[tokio::test]
async fn an_unknown_source_and_a_tenant_that_is_none_are_refused_by_name() {
    let shop = shop().await;
    let config = shop.config_file(&[]);
    let refused = holdfast(&config, &["holds", "compare", "--source", "depot"]).await.refused();
    assert!(refused.contains("find the inventory `depot`: the configured ones are main"), "{refused}");
    let refused = holdfast(&config, &["holds", "compare", "--source", "main", "--tenant", "acme"]).await.refused();
    assert!(refused.contains("--tenant must be a UUID") && refused.contains("`acme`"), "{refused}");
}

#[tokio::test]
async fn half_a_list_is_compared_with_nothing_and_makes_no_plan() {
    let shop = shop().await;
    let scene = Scene::in_order(&shop).await;
    let cut = shop.arm(FaultScope::List, None, Fault::CutBody);
    let plan = shop.folder.join("half.json");
    let refused = scene.compare(&["--plan", plan.to_str().unwrap()]).await.refused();
    assert!(refused.contains("the list of `main` could not be read to its end: page 1: status 200, but its body broke off"), "{refused}");
    assert!(!plan.exists() && shop.fault(cut).fired >= 3);
}

#[tokio::test]
async fn without_the_engine_no_order_counts_as_over() {
    let shop = shop().await;
    let scene = Scene::of_every_kind(&shop).await;
    let config = shop.config_file(&[("engine.url", toml::Value::String(nobody().to_string()))]);
    let ran = holdfast(&config, &["holds", "compare", "--source", "main", "--at-rest", "0", "--json"]).await;
    let report = ran.json();
    assert!(report["engine"].as_str().unwrap().contains("none counts as over"), "{report}");
    let of = |kind: &str| report["findings"].as_array().unwrap().iter().filter(|f| f["kind"] == json!(kind)).cloned().collect::<Vec<_>>();
    assert!(of("GHOST").iter().all(|ghost| ghost["action"] == json!("none")), "{report}");
    assert_eq!(of("ORPHAN").len(), 1, "only the one whose reservation is at its end: {report}");
    drop(scene);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_said_and_a_plan_is_not_written_over_another() {
    let shop = shop().await;
    let scene = Scene::in_order(&shop).await;
    let strange = shop.arm(FaultScope::List, Some(1), Fault::WrongShape { shape: holdfast::simulator::WrongShape::UnknownState });
    let ran = scene.compare(&[]).await;
    assert_eq!(shop.fault(strange).fired, 1);
    let said = format!("{ran:?}");
    assert!(ran.success, "{said}");
    assert!(said.contains("is not mapped") || said.contains("nothing differs"), "{said}");

    let plan = scene.plan(&[]).await;
    let refused = scene.compare(&["--plan", plan.to_str().unwrap()]).await.refused();
    assert!(refused.contains("exists already: an old plan is not overwritten"), "{refused}");
}
