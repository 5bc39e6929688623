//! A consumer that nobody here wrote reads the topic, and a validator that nobody here wrote checks every event against the published
//! schemas: the files of `docs/events/`, as a consumer finds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use holdfast::simulator::{Fault, FaultScope};
use jsonschema::Validator;
use serde_json::{Value as JsonValue, json};
use tokio::process::Command;

use super::arriving::{all_told, publishing};
use super::judge::{is_what_happened, judge};
use crate::support::broker::java;
use crate::support::command::holdfast;
use crate::support::daemon::Daemon;
use crate::support::engine::variable_or;
use crate::support::kafka::Topic;
use crate::support::shop::Shop;

#[tokio::test]
async fn a_stock_consumer_and_a_stock_validator_agree_with_what_is_published() {
    let topic = Topic::fresh().await;
    let publish = publishing(&topic);
    let shop = Shop::open_with(|setup| {
        publish(setup);
        setup.hasty();
    })
    .await;
    let daemon = Daemon::start(&shop).await;
    let unknown = shop.arm(FaultScope::Reserve, Some(1), Fault::SwallowAnswer);
    let found_out = shop.order().await;
    found_out.is_reserved().await;
    assert_eq!(shop.fault(unknown).fired, 1);
    let refusal = shop.arm(FaultScope::Reserve, Some(1), Fault::Refuse { code: "OUT_OF_STOCK".to_owned(), status: 409 });
    let refused = shop.order().await;
    refused.row_becomes("REJECTED").await;
    assert_eq!(shop.fault(refusal).fired, 1);
    let (fulfilled, cancelled) = (shop.order().await, shop.order().await);
    fulfilled.is_reserved().await;
    fulfilled.fulfil().await;
    fulfilled.ends_at(&["End_OrderFulfilled"]).await;
    cancelled.is_reserved().await;
    cancelled.cancel().await;
    cancelled.ends_at(&["End_OrderCancelled"]).await;
    all_told(&shop).await;
    daemon.stop().await;

    let ours = topic.read().await;
    judge(&ours);
    is_what_happened(&ours, shop.database.pool()).await;
    let read = console_consumer(&topic, ours.len()).await;
    assert_eq!(read.len(), ours.len());
    let schemas = published_schemas();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for line in &read {
        let event: JsonValue = serde_json::from_str(line).unwrap();
        let name = format!("{}.v{}", event["eventType"].as_str().unwrap(), event["eventVersion"]);
        let validator = schemas.get(&name).unwrap_or_else(|| panic!("no schema is published for {name}"));
        let errors: Vec<String> = validator.iter_errors(&event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?} in {event}");
        *counted.entry(name).or_default() += 1;
        // The validator is not blind.
        for (spoilt, with) in [("eventId", json!("7")), ("sequence", json!(0)), ("payload", json!({})), ("eventType", json!("Other"))] {
            let mut event = event.clone();
            event[spoilt] = with;
            assert!(!validator.is_valid(&event), "{spoilt}");
        }
    }
    println!("Kafka's console consumer read {} events, all valid: {counted:?}", read.len());
    a_stock_consumer_reads_cloudevents(&shop, &schema_files()).await;
    for name in ["ReservationRequested", "ReservationCreated", "ReservationRejected", "ReservationOutcomeUnknown", "ReservationReleased"] {
        assert!(counted.contains_key(&format!("{name}.v1")), "{name} was not among them");
    }
}

/// Everything that has become true of the holds is told again as CloudEvents, with the attributes as headers.
async fn a_stock_consumer_reads_cloudevents(shop: &Shop, schemas: &BTreeMap<String, JsonValue>) {
    let topic = Topic::fresh().await;
    let settings = [("events.topic", topic.name.clone().into()), ("events.format", "cloudevents-binary".into())];
    let said = holdfast(&shop.config_file(&settings), &["events", "replay", "--all", "--json"]).await.json();
    let daemon = Daemon::start_with(shop, &settings).await;
    all_told(shop).await;
    daemon.stop().await;
    let count = usize::try_from(said["facts"].as_u64().unwrap()).unwrap();
    let ours = topic.read().await;
    assert_eq!(ours.len(), count);
    let mut read = 0;
    for line in console_consumer_with(&topic, count, &["--property", "print.headers=true"]).await {
        let Some((headers, body)) = line.split_once('\t').filter(|(headers, _)| headers.contains("ce_specversion:1.0")) else { continue };
        let headers: BTreeMap<&str, &str> = headers.split(',').filter_map(|header| header.split_once(':')).collect();
        let name = headers["ce_type"].strip_prefix("holdfast.").unwrap();
        let validator = jsonschema::options().should_validate_formats(true).build(&schemas[name]["properties"]["payload"]).unwrap();
        let body: JsonValue = serde_json::from_str(body).unwrap();
        let errors: Vec<String> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?} in {body}");
        let schema = &schemas[name];
        assert_eq!(headers["ce_dataschema"], format!("{}#/properties/payload", schema["$id"].as_str().unwrap()));
        assert_eq!(headers["ce_aggregatetype"], schema["properties"]["aggregateType"]["const"]);
        assert_eq!((headers["ce_partitionkey"], headers["content-type"]), (body["orderId"].as_str().unwrap(), "application/json"));
        assert!(headers["ce_sequence"].parse::<i64>().unwrap() >= 1 && headers.contains_key("ce_replayedat"));
        let one = ours.iter().find(|read| read.header("ce_id") == Some(headers["ce_id"])).unwrap();
        assert_eq!((one.json(), one.key.as_str()), (body, headers["ce_partitionkey"]));
        read += 1;
    }
    println!("and {read} CloudEvents, all valid");
    assert_eq!(read, count);
}

/// What Kafka's own console consumer prints: one event a line.
async fn console_consumer(topic: &Topic, count: usize) -> Vec<String> {
    let read = console_consumer_with(topic, count, &[]).await;
    read.into_iter().filter(|line| line.starts_with('{')).collect()
}

/// The same with further options, and every line.
async fn console_consumer_with(topic: &Topic, count: usize, options: &[&str]) -> Vec<String> {
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/kafka");
    let folder = variable_or("HOLDFAST_STACK_DIR", &format!("{}/.stack", env!("CARGO_MANIFEST_DIR")));
    let said = Command::new(java())
        .args(["-Xmx128m", "-cp"])
        .arg(format!("{}:{folder}/jars/kafka/*", stack.display()))
        .args(["org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", &topic.brokers, "--topic", &topic.name])
        .args(options)
        .args(["--from-beginning", "--max-messages", &count.to_string(), "--timeout-ms", "60000"])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A validator for each published schema, by the name of its file.
pub(super) fn published_schemas() -> BTreeMap<String, Validator> {
    let validator = |schema: &JsonValue| jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    schema_files().into_iter().map(|(name, schema)| (name, validator(&schema))).collect()
}

/// The published schemas, by the names of their files.
fn schema_files() -> BTreeMap<String, JsonValue> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events/schemas");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())
        })
        .collect()
}
