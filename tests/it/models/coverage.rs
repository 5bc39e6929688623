//! All paths together, on Operaton: they end there as they do on Camunda, and no node of the models is left out.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use roxmltree::Document;
use tokio::task::{LocalSet, spawn_local};

use super::path::Path;
use super::stage::{Stage, file};
use super::{cancelling, confirming, fulfilling, reserving, resolving};
use crate::support::engine::Engine;

/// How many paths are played side by side.
const AT_ONCE: usize = 6;

const KINDS: [&str; 10] = [
    "startEvent",
    "endEvent",
    "boundaryEvent",
    "serviceTask",
    "userTask",
    "receiveTask",
    "callActivity",
    "exclusiveGateway",
    "subProcess",
    "intermediateCatchEvent",
];

/// The flow nodes of a model.
fn nodes(model: &str) -> BTreeSet<String> {
    let text = file(model);
    let document = Document::parse(&text).unwrap();
    let nodes = document.descendants().filter(|node| KINDS.contains(&node.tag_name().name()));
    nodes.filter_map(|node| node.attribute("id")).map(str::to_owned).collect()
}

/// Plays one path in a task of its own, so that its failure can be told by name.
async fn played(path: &'static Path) -> Option<BTreeSet<String>> {
    let play = spawn_local(async {
        let stage = Stage::on(Engine::Operaton).await;
        (path.play)(&stage).await;
        stage.passed().await
    });
    match play.await {
        Ok(passed) => Some(passed),
        Err(_) => {
            println!("on Operaton it is not so that {}", path.sentence.replace('_', " "));
            None
        }
    }
}

#[tokio::test]
async fn every_path_ends_the_same_on_operaton_and_every_node_is_passed() {
    let paths: Vec<&'static Path> =
        [reserving::PATHS, resolving::PATHS, fulfilling::PATHS, confirming::PATHS, cancelling::PATHS].into_iter().flatten().collect();
    let all = stream::iter(&paths).map(|path| played(path)).buffer_unordered(AT_ONCE).collect();
    let played: Vec<Option<BTreeSet<String>>> = LocalSet::new().run_until(all).await;
    assert!(played.iter().all(Option::is_some), "paths that end otherwise on Operaton are named above");
    let passed: BTreeSet<String> = played.into_iter().flatten().flatten().collect();
    let mut missed = Vec::new();
    for model in ["order-fulfilment.bpmn", "reservation-resolution.bpmn"] {
        let all = nodes(model);
        let seen = all.intersection(&passed).count();
        println!("{model}: {seen} of {} flow nodes passed by {} paths", all.len(), paths.len());
        missed.extend(all.difference(&passed).cloned());
    }
    assert_eq!(missed, Vec::<String>::new(), "nodes that no path passes");
}
