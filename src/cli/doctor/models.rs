//! Every deployed process that uses our topics, read back from the engine and checked like a file before it is deployed.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt as _;

use super::engine::what_to_do;
use super::finding::{Findings, Level};
use crate::chain::chain;
use crate::cli::lint::{lint, uses_our_topics};
use crate::engine::{DeploymentId, EngineClient, EngineError, EngineTenant, ProcessDefinition};
use crate::model::{Resource, Severity};

/// How many models are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// A deployed process with its model.
struct Deployed {
    definition: ProcessDefinition,
    xml: String,
}

/// Checks the latest versions of these tenants, or of all.
pub(super) async fn check(engine: &EngineClient, tenants: &[EngineTenant]) -> Findings {
    let mut findings = Findings::of("models");
    let models = match latest(engine, tenants).await {
        Ok(models) => models,
        Err(error) => {
            findings.add(
                Level::Warning,
                "the engine",
                format!("the deployed models could not be read: {}", chain(&error)),
                what_to_do(&error),
            );
            return findings;
        }
    };
    let ours = models.iter().filter(|deployed| uses_our_topics(&deployed.xml)).count();
    if ours == 0 {
        findings.add(
            Level::Note,
            "the engine",
            "no deployed process uses an inventory topic",
            "run `holdfast deploy`, or deploy models of your own",
        );
        return findings;
    }
    // What one tenant has deployed is of no use to another.
    let mut by_tenant: BTreeMap<Option<&str>, Vec<&Deployed>> = BTreeMap::new();
    for deployed in &models {
        by_tenant.entry(deployed.definition.tenant_id.as_ref().map(EngineTenant::as_str)).or_default().push(deployed);
    }
    for (tenant, models) in by_tenant {
        check_tenant(engine, tenant, &models, &mut findings).await;
    }
    if findings.is_clean() {
        findings.ok(
            "the engine",
            format!("{ours} deployed processes use inventory topics, and their latest versions have nothing wrong with them"),
        );
    }
    findings
}

async fn check_tenant(engine: &EngineClient, tenant: Option<&str>, models: &[&Deployed], findings: &mut Findings) {
    let mut by_deployment: BTreeMap<&str, Vec<&Deployed>> = BTreeMap::new();
    for deployed in models {
        by_deployment.entry(deployed.definition.deployment_id.as_str()).or_default().push(deployed);
    }
    for (deployment, here) in by_deployment {
        if !here.iter().any(|deployed| uses_our_topics(&deployed.xml)) {
            continue;
        }
        let id = DeploymentId::from(deployment);
        let forms = match forms(engine, &id).await {
            Ok(forms) => forms,
            Err(error) => {
                findings.add(
                    Level::Note,
                    format!("deployment {deployment}"),
                    format!("its forms could not be read, so that they were not checked: {}", chain(&error)),
                    what_to_do(&error),
                );
                Vec::new()
            }
        };
        // A process may call one of another deployment of its tenant: that one is there, but it is not what is judged here.
        let elsewhere = models.iter().filter(|other| other.definition.deployment_id.as_str() != deployment).map(|other| {
            let name = format!("elsewhere/{}.bpmn", other.definition.key);
            (name, other.xml.as_str())
        });
        // Several processes may come from one file.
        let files: BTreeMap<String, &Deployed> = here.iter().map(|deployed| (file_name(&deployed.definition), *deployed)).collect();
        let labels: HashMap<&str, String> =
            files.iter().map(|(name, deployed)| (name.as_str(), label(&deployed.definition, tenant))).collect();
        let elsewhere: Vec<_> = elsewhere.collect();
        let all = files.iter().map(|(name, deployed)| (name, deployed.xml.as_str()));
        let all =
            all.chain(elsewhere.iter().map(|(name, text)| (name, *text))).chain(forms.iter().map(|(name, text)| (name, text.as_str())));
        let resources: Vec<Resource<'_>> = all.map(|(name, text)| Resource { name, text }).collect();
        for found in lint(&resources) {
            let Some(label) = labels.get(found.resource.as_str()) else { continue };
            let level = match found.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
                Severity::Note => Level::Note,
            };
            let element = found.element.map(|element| format!(", {element}")).unwrap_or_default();
            let name = found.name.filter(|name| !name.is_empty()).map(|name| format!(" ({name})")).unwrap_or_default();
            findings.add(level, format!("{label}{element}{name}"), found.problem, found.advice);
        }
        for suspended in here.iter().filter(|deployed| deployed.definition.suspended && uses_our_topics(&deployed.xml)) {
            findings.add(Level::Note, label(&suspended.definition, tenant), "it is suspended: no order can be started", "");
        }
    }
}

async fn latest(engine: &EngineClient, tenants: &[EngineTenant]) -> Result<Vec<Deployed>, EngineError> {
    let mut definitions = Vec::new();
    if tenants.is_empty() {
        definitions = engine.latest_definitions(None, None).await?;
    }
    for tenant in tenants {
        definitions.extend(engine.latest_definitions(None, Some(tenant)).await?);
    }
    let mut reading = futures::stream::iter(definitions)
        .map(|definition| async move {
            let xml = engine.definition_xml(&definition.id).await;
            (definition, xml)
        })
        .buffered(SIDE_BY_SIDE);
    let mut models = Vec::new();
    while let Some((definition, xml)) = reading.next().await {
        match xml {
            Ok(xml) => models.push(Deployed { definition, xml }),
            // Somebody deleted it since it was listed.
            Err(EngineError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(models)
}

async fn forms(engine: &EngineClient, deployment: &DeploymentId) -> Result<Vec<(String, String)>, EngineError> {
    let mut forms = Vec::new();
    for file in engine.deployment_files(deployment).await?.into_iter().filter(|file| file.name.ends_with(".form")) {
        let text = engine.deployment_file(deployment, &file).await?;
        forms.push((file.name, text));
    }
    Ok(forms)
}

/// The file of a definition, with an ending by which it is known as a model. Several processes may come from one file.
fn file_name(definition: &ProcessDefinition) -> String {
    match &definition.resource {
        Some(name) if name.ends_with(".bpmn") || name.ends_with(".bpmn20.xml") => name.clone(),
        _ => format!("{}.bpmn", definition.key),
    }
}

fn label(definition: &ProcessDefinition, tenant: Option<&str>) -> String {
    let tenant = tenant.map(|tenant| format!(", tenant {tenant}")).unwrap_or_default();
    format!("{} version {}{tenant}", definition.key, definition.version)
}
