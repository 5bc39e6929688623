//! The document that the API serves is what it does: a tool that knows nothing but the document tries every operation, with
//! requests as the document wants them and with wrong ones, and holds every answer against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value as JsonValue, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::http::client::{Caller, two_routers};
use crate::support::engine::variable_or;
use crate::support::shop::Shop;

/// What every answer is held against. Not whether a request was accepted or not: that two lines may not have one id, that a key
/// belongs to one request, or that a time must lie ahead is beyond what a document can say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,missing_required_header,unsupported_method,allow_header_conformance";
/// How many requests are made up for each operation, beside those that try every border of the document.
const EXAMPLES: &str = "25";

#[tokio::test]
async fn no_answer_is_outside_of_the_document_and_none_is_a_failure_of_ours() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let mut known = toml::Table::from_iter([("parameters".to_owned(), toml::Table::new().into())]);
    known["parameters"].as_table_mut().unwrap().insert("header.Holdfast-Tenant".to_owned(), shop.tenant().into());
    fs::write(shop.folder.join("schemathesis.toml"), known.to_string()).unwrap();
    let operations = operations(&caller.get("/openapi.json").await.ok());
    assert!(operations >= 12, "an empty document would be well kept, too: {operations}");
    try_out(&shop, &caller, "examples,coverage", operations).await;

    // Once more with ids of what is there, which nobody makes up.
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let reservation = order.row().await.reservation_id;
    let command = caller.command(&format!("/reservations/{reservation}/confirm"), &JsonValue::Null).await;
    let mut asked = two_routers();
    asked["quoteId"] = json!(order.id);
    let evidence = caller.post("/availability-checks", "check", &asked).await.ok();
    for (name, id) in [
        ("path.orderId", order.id.to_string()),
        ("path.quoteId", order.id.to_string()),
        ("path.reservationId", reservation.to_string()),
        ("path.commandId", command["commandId"].as_str().unwrap().to_owned()),
        ("path.evidenceId", evidence["evidenceId"].as_str().unwrap().to_owned()),
    ] {
        known["parameters"].as_table_mut().unwrap().insert(name.to_owned(), id.into());
    }
    fs::write(shop.folder.join("schemathesis.toml"), known.to_string()).unwrap();
    try_out(&shop, &caller, "fuzzing", operations).await;
    daemon.stop().await;
}

/// Has the tool try every operation.
async fn try_out(shop: &Shop, caller: &Caller, phases: &str, operations: usize) {
    let ran = Command::new(schemathesis())
        .args(["run", &caller.url("/openapi.json")])
        .args(["--checks", CHECKS, "--phases", phases, "--max-examples", EXAMPLES, "--seed", "1", "--workers", "1"])
        .args(["--no-shrink", "--continue-on-failure", "--no-color", "--suppress-health-check", "all", "--request-timeout", "30"])
        .current_dir(&shop.folder)
        .env("HOME", &shop.folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains(&format!("Tested: {operations}")), "not all of {operations} operations were tried: {said}");
}

#[tokio::test]
async fn every_operation_names_its_problems_and_every_change_wants_a_key() {
    let document = serde_json::to_value(holdfast::http::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["operationId"].is_string() && operation["tags"][0].is_string(), "{name}");
            for status in ["400", "401", "403", "404", "500", "503"] {
                let content = &operation["responses"][status]["content"];
                assert_eq!(content["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem", "{name} {status}");
            }
            for (status, header) in [("401", "WWW-Authenticate"), ("403", "WWW-Authenticate"), ("503", "Retry-After")] {
                assert!(operation["responses"][status]["headers"][header].is_object(), "{name} {status}");
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let keyed = parameters.filter(|parameter| parameter["name"] == "Idempotency-Key" && parameter["required"] == true).count();
            let wants_a_key = method == "post" && !path.starts_with("/webhooks/");
            assert_eq!(keyed, usize::from(wants_a_key), "{name}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let replayed = wants_a_key && (status.starts_with('2') || matches!(status.as_str(), "400" | "404" | "409"));
                assert_eq!(response["headers"]["Idempotency-Replayed"].is_object(), replayed, "{name} {status}");
                assert_eq!(
                    response["headers"]["ETag"].is_object(),
                    status == "412" || name == "get /reservations/{reservationId}" && status == "200"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_served_has_the_shape_that_the_document_gives_it() {
    let shop = Shop::open().await;
    let (daemon, caller) = super::serve(&shop, &[]).await;
    let order = caller.order(&shop).await;
    order.is_reserved().await;
    let document = caller.get("/openapi.json").await.ok();
    let id = order.row().await.reservation_id;
    let command = caller.command(&format!("/reservations/{id}/confirm"), &JsonValue::Null).await;
    let mut asked = two_routers();
    asked["quoteId"] = json!(Uuid::new_v4());
    let evidence = caller.post("/availability-checks", "check", &asked).await.ok();
    for (schema, path) in [
        ("AvailabilityEvidence", format!("/availability-checks/{}", evidence["evidenceId"].as_str().unwrap())),
        ("QuoteAvailability", format!("/quotes/{}/availability", asked["quoteId"].as_str().unwrap())),
        ("Reservation", format!("/reservations/{id}")),
        ("Timeline", format!("/reservations/{id}/timeline")),
        ("ReservationPage", format!("/orders/{}/reservations", order.id)),
        ("Command", format!("/commands/{}", command["commandId"].as_str().unwrap())),
        ("Problem", format!("/reservations/{}", Uuid::new_v4())),
    ] {
        let mut wanted = document["components"]["schemas"][schema].clone();
        assert!(wanted.is_object(), "{schema}");
        wanted["components"] = document["components"].clone();
        let shown = caller.get(&path).await.json();
        let wrong: Vec<_> = jsonschema::validator_for(&wanted).unwrap().iter_errors(&shown).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{schema}: {wrong:?} in {shown}");
    }
    daemon.stop().await;
}

/// How many operations a document has.
fn operations(document: &JsonValue) -> usize {
    document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum()
}

/// The program that `make setup` fetches.
fn schemathesis() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join(".stack");
    let stack = PathBuf::from(variable_or("HOLDFAST_STACK_DIR", &default.display().to_string()));
    let program = stack.join("tools/schemathesis/bin/schemathesis");
    assert!(program.exists(), "{} is not there: `make setup` fetches it", program.display());
    program
}
