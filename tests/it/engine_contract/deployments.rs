//! Deploying, and reading back what is deployed.

use std::borrow::Cow;

use holdfast::engine::{EngineError, ProcessDefinitionId, ProcessSelector, Resource, StartProcess, Variables};

use super::on_both_engines;
use crate::support::bpmn::{end, one_task, process};
use crate::support::engine::TestEngine;

async fn the_same_files_are_deployed_once(engine: TestEngine) {
    let first = engine.deploy(&one_task("once", "contract.deployments")).await;
    let definition = first.new_definitions().next().unwrap();
    assert_eq!((definition.key.as_str(), definition.version), ("once", 1));
    assert_eq!(first.tenant_id.as_ref(), Some(&engine.tenant));

    let second = engine.deploy(&one_task("once", "contract.deployments")).await;
    assert_eq!((&second.id, second.new_definitions().count()), (&first.id, 0));

    let changed = engine.deploy(&one_task("once", "contract.deployments.changed")).await;
    assert_eq!(changed.new_definitions().next().unwrap().version, 2);
}

async fn a_form_travels_with_its_model(engine: TestEngine) {
    let mut deployment = engine.deployment("with-form.bpmn", &one_task("with_form", "contract.deployments"));
    let form = r#"{"id": "decision", "type": "default", "schemaVersion": 8, "components": []}"#;
    deployment.resources.push(Resource { name: "decision.form".to_owned(), content: Cow::Borrowed(form.as_bytes()) });
    let deployed = engine.client.deploy(&deployment).await.unwrap();
    assert_eq!(deployed.new_definitions().count(), 1);
    assert_eq!(engine.client.deploy(&deployment).await.unwrap().id, deployed.id);
}

async fn a_model_that_is_wrong_is_refused_with_the_parsers_words(engine: TestEngine) {
    let wrong = process("wrong", r#"<serviceTask id="nothing_to_do"/>"#);
    let error = engine.client.deploy(&engine.deployment("wrong.bpmn", &wrong)).await.unwrap_err();
    match &error {
        EngineError::Permanent { message, .. } => {
            assert!(message.contains("mandatory on serviceTask") && message.contains("line 4"), "{message}")
        }
        other => panic!("{other:?}"),
    }
}

async fn a_model_without_a_history_time_to_live_is_refused(engine: TestEngine) {
    let model = process("mortal", &end("done")).replace(r#" camunda:historyTimeToLive="P1D""#, "");
    let error = engine.client.deploy(&engine.deployment("mortal.bpmn", &model)).await.unwrap_err();
    match &error {
        EngineError::Permanent { message, .. } => assert!(message.contains("TTL") || message.contains("TimeToLive"), "{message}"),
        other => panic!("{other:?}"),
    }
}

async fn a_deployed_model_can_be_found_and_read_back(engine: TestEngine) {
    let model = one_task("readable", "contract.deployments");
    engine.deploy(&model).await;
    let found = engine.client.latest_definitions(Some("readable"), Some(&engine.tenant)).await.unwrap();
    assert_eq!((found.len(), found[0].version, found[0].resource.as_deref()), (1, 1, Some("model.bpmn")));
    assert_eq!(engine.client.definition_xml(&found[0].id).await.unwrap(), model);

    let missing = engine.client.definition_xml(&ProcessDefinitionId::from("missing:1:1")).await.unwrap_err();
    assert!(matches!(missing, EngineError::NotFound { .. }), "{missing:?}");
}

async fn a_process_that_is_not_deployed_cannot_be_started(engine: TestEngine) {
    let process = ProcessSelector::Latest { key: "never_deployed".to_owned(), tenant: Some(engine.tenant.clone()) };
    let start = StartProcess { process, business_key: None, variables: Variables::new() };
    let error = engine.client.start_process(&start).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound { .. }), "{error:?}");
}

async fn the_engine_says_which_version_it_is(engine: TestEngine) {
    let version = engine.client.version().await.unwrap();
    assert!(version == "7.24.0" || version == "1.0.3", "{version}");
}

on_both_engines! {
    the_same_files_are_deployed_once,
    a_form_travels_with_its_model,
    a_model_that_is_wrong_is_refused_with_the_parsers_words,
    a_model_without_a_history_time_to_live_is_refused,
    a_deployed_model_can_be_found_and_read_back,
    a_process_that_is_not_deployed_cannot_be_started,
    the_engine_says_which_version_it_is,
}
