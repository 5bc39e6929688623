//! `holdfast doctor` on real parts: what is well, what is broken, and what it says to do; and `deploy`, which judges models alike.

use axum::routing::{get, post};
use axum::{Json, Router};
use holdfast::engine::Resource;
use serde_json::{Value as JsonValue, json};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::bpmn::{end, external, flow, process_with_roots, start_to};
use crate::support::command::holdfast;
use crate::support::fake::{Blunt, nobody, serve};
use crate::support::issuer::Issuer;
use crate::support::kafka::Topic;
use crate::support::shop::{Setup, Shop};

/// What the doctor found, each as "level area where: what -> advice".
struct Visit {
    well: bool,
    found: Vec<String>,
}

impl Visit {
    /// Some finding has all these words.
    #[track_caller]
    fn says(&self, words: &[&str]) {
        assert!(self.found.iter().any(|found| words.iter().all(|word| found.contains(word))), "{words:?} is not in {:#?}", self.found);
    }

    fn of_level(&self, level: &str) -> Vec<&String> {
        self.found.iter().filter(|found| found.starts_with(level)).collect()
    }
}

async fn visit(shop: &Shop, changes: &[(&str, toml::Value)]) -> Visit {
    let ran = holdfast(&shop.config_file(changes), &["doctor", "--json"]).await;
    let report = ran.json();
    let text = |finding: &JsonValue, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let line = |finding: &JsonValue| {
        let parts = ["level", "area", "where", "what", "advice"].map(|key| text(finding, key));
        format!("{} {} {}: {} -> {}", parts[0], parts[1], parts[2], parts[3], parts[4])
    };
    let found: Vec<String> = report["findings"].as_array().unwrap().iter().map(line).collect();
    let errors = found.iter().filter(|found| found.starts_with("error ")).count();
    assert_eq!(report["errors"], json!(errors));
    assert_eq!((ran.success, report["ok"].as_bool().unwrap()), (errors == 0, errors == 0), "the exit says what the report says");
    Visit { well: ran.success, found }
}

fn url(url: impl std::fmt::Display) -> toml::Value {
    toml::Value::String(url.to_string())
}

#[tokio::test]
async fn the_doctor_asks_the_token_issuer_and_says_who_is_asked_for_nothing() {
    let (shop, issuer) = (Shop::open().await, Issuer::open().await);
    let listen = ("http.listen", toml::Value::from("127.0.0.1:0"));
    visit(&shop, std::slice::from_ref(&listen)).await.says(&["note api http.auth.mode", "may do everything", "jwt"]);
    let mut guarded = issuer.settings();
    guarded.push(listen);
    visit(&shop, &guarded).await.says(&["ok api", "can verify tokens: 1"]);
    guarded.push(("http.auth.jwks_url", url(nobody())));
    let alone = visit(&shop, &guarded).await;
    assert!(!alone.well);
    alone.says(&["error api", "nobody will get in: ask the issuer for its keys", "http.auth.jwks_url"]);
    let deaf = visit(&shop, &[("sources.main.webhook.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into())]).await;
    deaf.says(&["warning api sources.main.webhook", "no API", "set http.listen"]);
}

#[tokio::test]
async fn a_shop_in_order_has_nothing_wrong_with_it_and_the_doctor_says_what_it_looked_at() {
    let shop = Shop::open().await;
    let visit = visit(&shop, &[]).await;
    assert_eq!((visit.of_level("error"), visit.of_level("warning")), (vec![], vec![]));
    assert!(visit.well);
    visit.says(&["ok configuration", "can be read"]);
    visit.says(&["ok engine", "Camunda 7.24.0 answers"]);
    visit.says(&["ok engine", "its clock agrees"]);
    visit.says(&["note engine", "REST API asks nobody who they are"]);
    visit.says(&["ok models", "2 deployed processes use inventory topics"]);
    visit.says(&["ok database", "schema", "is at version"]);
    visit.says(&["ok database", "role holdfast_test", "no stronger than it must be"]);
    visit.says(&["ok database", "row-level security", "on and forced"]);
    visit.says(&["ok database", "grants"]);
    visit.says(&["ok inventories main", "made-up one is not there"]);
    visit.says(&["ok inventories main", "can create the same key twice safely, look up, release"]);
    visit.says(&["ok inventories main", "its clock agrees"]);

    let printed = holdfast(&shop.config_file(&[]), &["doctor"]).await.fine();
    assert!(printed.contains("ok       inventories") && printed.contains("nothing keeps holdfast from working: 0 errors"), "{printed}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_named_with_what_to_do_and_the_rest_is_looked_at_all_the_same() {
    let shop = Shop::open().await;
    let gone = nobody();
    let wrong_password = shop.database.daemon_url().replace(":holdfast_test@", ":wrong@");
    assert_ne!(wrong_password, shop.database.daemon_url());
    let visit = visit(
        &shop,
        &[
            ("engine.url", url(gone.join("engine-rest").unwrap())),
            ("sources.main.base_url", url(&gone)),
            ("database.url", url(wrong_password)),
        ],
    )
    .await;
    visit.says(&["error engine", "no connection to the engine", "check engine.url"]);
    visit.says(&["error database database.url", "password authentication failed", "check user, password"]);
    visit.says(&["error inventories main", "cannot be reached", "check sources.main.base_url"]);
    assert_eq!(visit.of_level("error").len(), 3, "{:#?}", visit.found);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_a_finding_too() {
    let shop = Shop::open().await;
    let visit = visit(&shop, &[("engine.lock_duration_ms", 1.into())]).await;
    visit.says(&["error configuration", "setting `engine.lock_duration_ms` must be 1000 to 1800000"]);
    assert_eq!(visit.found.len(), 1);
}

#[tokio::test]
async fn settings_that_somebody_will_regret_are_pointed_out() {
    let shop = Shop::open().await;
    let visit =
        visit(&shop, &[("engine.long_poll_ms", 25_000.into()), ("shutdown.limit_ms", 30_000.into()), ("engine.retry", url("R1/PT1S"))])
            .await;
    visit.says(&["warning configuration engine.long_poll_ms", "a retry in Cockpit is noticed only when the parked poll ends"]);
    assert!(visit.well, "a warning keeps nobody from working");
}

/// A process that reserves and catches nothing.
fn careless(key: &str) -> String {
    let task = external("reserve", "inventory.reserve", r#"name="Reserve""#, "");
    process_with_roots(key, &(start_to("reserve") + &task + &flow("reserve", "done") + &end("done")), "")
}

#[tokio::test]
async fn a_deployed_model_that_catches_no_refusal_is_an_error_of_that_very_task() {
    let shop = Shop::open().await;
    shop.engine.deploy(&careless("careless")).await;
    let found = visit(&shop, &[]).await;
    let place = format!("error models careless version 1, tenant {}, reserve (Reserve)", shop.tenant());
    found.says(&[&place, "RESERVATION_REJECTED"]);
    found.says(&["warning models careless version 1", "asyncAfter"]);
    assert!(found.of_level("error").iter().all(|found| found.contains("careless")), "{:#?}", found.found);

    // Only the latest version counts.
    shop.engine.deploy(&process_with_roots("careless", &(start_to("done") + &end("done")), "")).await;
    assert_eq!(visit(&shop, &[]).await.of_level("error"), Vec::<&String>::new());
}

#[tokio::test]
async fn a_model_deployed_without_its_form_is_found() {
    let shop = Shop::open().await;
    let model = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/bpmn/reservation-resolution.bpmn")).unwrap();
    let mut alone = shop.engine.deployment("reservation-resolution.bpmn", "");
    alone.resources = vec![Resource { name: "reservation-resolution.bpmn".to_owned(), content: model.into() }];
    // The engine takes it, and Tasklist shows an empty form.
    shop.engine.client.deploy(&alone).await.unwrap();
    let found = visit(&shop, &[]).await;
    found.says(&[
        "error models reservation-resolution version 2",
        "Task_DecideReservation",
        "the form decide-reservation is not in this deployment",
    ]);
}

#[tokio::test]
async fn a_database_that_would_show_one_tenant_to_another_is_found_whatever_was_done_to_it() {
    let shop = Shop::open().await;
    for sql in [
        "alter table outbox no force row level security",
        "alter table supplier_call disable row level security",
        "revoke update on reservation from holdfast_runtime",
        "grant delete on reservation_transition to holdfast_runtime",
    ] {
        shop.database.pool().execute(AssertSqlSafe(sql)).await.unwrap();
    }
    let found = visit(&shop, &[]).await;
    found.says(&["error database table outbox", "does not force its row-level security"]);
    found.says(&["error database table supplier_call", "has no row-level security"]);
    found.says(&["error database table reservation:", "may not UPDATE"]);
    found.says(&["warning database table reservation_transition", "may also DELETE"]);
    assert_eq!(found.of_level("error").len(), 3, "{:#?}", found.found);
}

#[tokio::test]
async fn a_role_that_row_level_security_does_not_bind_is_an_error() {
    let shop = Shop::open().await;
    let strong = shop.database.daemon_url().replace("holdfast_test:holdfast_test@", "holdfast_admin:holdfast-admin@");
    let found = visit(&shop, &[("database.url", url(strong))]).await;
    found.says(&["error database role holdfast_admin", "is a superuser", "plain login role"]);
}

#[tokio::test]
async fn an_inventory_that_does_not_let_us_in_or_speaks_otherwise_is_told_apart() {
    const NOT_IN: &[u8] = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    const OTHER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>";
    let shop = Shop::open().await;
    let not_in = Blunt::answering(NOT_IN).await;
    visit(&shop, &[("sources.main.base_url", url(&not_in.url))]).await.says(&[
        "error inventories main",
        "does not let us in",
        "sources.main.auth",
    ]);
    let other = Blunt::answering(OTHER).await;
    visit(&shop, &[("sources.main.base_url", url(&other.url))])
        .await
        .says(&["error inventories main", "does not answer as its profile says"]);
}

#[tokio::test]
async fn clocks_that_differ_are_measured() {
    const EARLY: &[u8] = b"HTTP/1.1 404 Not Found\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{\"code\":\"NOT_FOUND\"}";
    let shop = Shop::open().await;
    let early = Blunt::answering(EARLY).await;
    let found = visit(&shop, &[("sources.main.base_url", url(&early.url))]).await;
    found.says(&["error inventories main", "its clock is at least", "behind this host's", "NTP"]);
}

#[tokio::test]
async fn an_inventory_that_nobody_can_ask_what_became_of_a_reserve_is_pointed_out() {
    let shop = Shop::open_with(Setup::mute).await;
    let found = visit(&shop, &[]).await;
    found.says(&["ok inventories main", "answers an availability check"]);
    found.says(&["warning inventories main", "an unknown reserve can be found out by nobody but a human"]);
    found.says(&["warning inventories main", "an unknown release can be found out by nobody but a human"]);

    let shop = Shop::open_with(Setup::unkeyed).await;
    let found = visit(&shop, &[]).await;
    found.says(&["note inventories main", "an unknown reserve is looked for in the whole list of active holds"]);
    assert!(found.of_level("warning").is_empty(), "{:#?}", found.found);
}

/// An engine that lets our user do nothing but look, and remembers little.
fn strict_engine() -> Router {
    let allowed = |uri: axum::http::Uri| async move { Json(json!({"isAuthorized": !uri.query().unwrap_or_default().contains("UPDATE")})) };
    let task = json!([{"id": "t1", "topicName": "inventory.reserv", "activityId": "a", "executionId": "e", "processInstanceId": "p",
        "processDefinitionId": "d", "processDefinitionKey": "k"}]);
    Router::new()
        .route("/version", get(|| async { Json(json!({"version": "7.15.0"})) }))
        .route("/authorization/check", get(allowed))
        .route("/external-task", get(move || async move { Json(task) }))
        .route("/external-task/topic-names", get(|| async { Json(json!(["inventory.reserv", "payment"])) }))
        .route("/external-task/fetchAndLock", post(|| async { Json(json!([])) }))
        .route("/history/external-task-log", get(|| async { Json(json!([])) }))
        .route("/process-definition", get(|| async { Json(json!([])) }))
}

#[tokio::test]
async fn missing_rights_a_low_history_level_and_tasks_that_nobody_serves_are_explained() {
    let shop = Shop::open().await;
    let engine = serve(strict_engine()).await;
    let found = visit(&shop, &[("engine.url", url(engine))]).await;
    found.says(&["warning engine", "Camunda 7.15.0: older than 7.20"]);
    found.says(&[
        "error engine",
        "lacks the permission UPDATE on PROCESS_INSTANCE",
        "tasks are neither fetched nor completed",
        "UPDATE_INSTANCE",
    ]);
    found.says(&["warning engine", "history level is below full"]);
    found.says(&["error engine", "external tasks wait for the topic inventory.reserv, which no worker of this version serves"]);
    found.says(&["note models", "no deployed process uses an inventory topic"]);
}

#[tokio::test]
async fn deploy_refuses_a_model_that_would_go_wrong_and_takes_it_by_force() {
    let shop = Shop::open().await;
    let model = shop.folder.join("careless.bpmn");
    std::fs::write(&model, careless("careless")).unwrap();
    let config = shop.config_file(&[]);
    let arguments = ["deploy", "--tenant", shop.tenant(), model.to_str().unwrap()];
    let refused = holdfast(&config, &arguments).await.refused();
    assert!(refused.contains("error: careless.bpmn, reserve (Reserve)") && refused.contains("RESERVATION_REJECTED"), "{refused}");
    assert!(refused.contains("nothing was deployed: 1 errors in the models"), "{refused}");
    let deployed = || shop.engine.client.latest_definitions(Some("careless"), Some(&shop.engine.tenant));
    assert!(deployed().await.unwrap().is_empty());

    let forced = holdfast(&config, &[arguments.as_slice(), &["--force"]].concat()).await;
    assert!(forced.complaints.contains("deployed by --force with 1 errors"), "{forced:?}");
    assert!(forced.fine().contains("deployed careless version 1"));
    assert_eq!(deployed().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_doctor_looks_for_the_topics_of_inventories_also_where_no_facts_are_published() {
    let (shop, topic) = (Shop::open().await, Topic::fresh().await);
    let missing = Topic::missing_on(&topic.brokers);
    let feed = |topic: &Topic, source: &str| {
        let entries = [("topic", topic.name.as_str()), ("source", source)];
        toml::Value::from(entries.map(|(key, value)| (key.to_owned(), toml::Value::from(value))).into_iter().collect::<toml::Table>())
    };
    let mut settings = vec![
        ("inventory_events.consume", true.into()),
        ("inventory_events.feeds", vec![feed(&topic, "one"), feed(&missing, "other")].into()),
        ("inventory_events.dead_letter_topic", missing.name.clone().into()),
        ("events.kafka.brokers", topic.brokers.clone().into()),
    ];
    let visited = visit(&shop, &settings).await;
    visited.says(&["ok events inventory_events.feeds[0].topic", &topic.name, "has 3 partitions"]);
    visited.says(&["warning events inventory_events.feeds[1].topic", "is not there; nothing is read from it", "make it"]);
    assert_eq!(visited.of_level("warning").len(), 1, "nobody is told on the dead-letter topic: {:#?}", visited.found);
    settings.push(("events.mode", "kafka".into()));
    settings.push(("events.topic", topic.name.clone().into()));
    visit(&shop, &settings).await.says(&["warning events inventory_events.dead_letter_topic", "cannot be used wait until it is"]);
}
