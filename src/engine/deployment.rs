//! Deploying models and forms, and reading back what is deployed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reqwest::multipart::{Form, Part};
use serde::Deserialize;

use super::act::Act;
use super::client::EngineClient;
use super::error::EngineError;
use super::id::{DeploymentId, EngineTenant, ProcessDefinitionId};

/// What to deploy.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    /// The name under which operators find it; duplicates are looked for under the same name.
    pub name: String,
    /// Where it comes from, such as the name of this program.
    pub source: Option<String>,
    /// For this tenant only.
    pub tenant: Option<EngineTenant>,
    /// Whether to deploy nothing if nothing changed.
    pub filter_duplicates: bool,
    /// Whether to deploy only the files that changed. A model whose form is bound to the deployment needs all
    /// of them together.
    pub changed_only: bool,
    /// The files.
    pub resources: Vec<Resource>,
}

/// One file of a deployment.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name; the ending (`.bpmn`, `.form`) decides what the engine makes of it.
    pub name: String,
    /// Its content.
    pub content: Cow<'static, [u8]>,
}

/// A deployment, new or found.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its id; with duplicate filtering, perhaps that of an earlier one.
    pub id: DeploymentId,
    /// Its name.
    pub name: Option<String>,
    /// Its tenant.
    pub tenant_id: Option<EngineTenant>,
    /// The process definitions that came to be; none when nothing changed.
    #[serde(default)]
    deployed_process_definitions: Option<BTreeMap<String, DeployedDefinition>>,
}

impl Deployment {
    /// The process definitions that came to be; none when nothing changed.
    pub fn new_definitions(&self) -> impl Iterator<Item = &DeployedDefinition> {
        self.deployed_process_definitions.iter().flat_map(BTreeMap::values)
    }
}

/// A process definition that a deployment brought about.
#[derive(Debug, Clone, Deserialize)]
pub struct DeployedDefinition {
    /// Its id.
    pub id: ProcessDefinitionId,
    /// The id of the process in the model.
    pub key: String,
    /// Its version, counted per key and tenant.
    pub version: i32,
}

/// A process definition as the engine lists it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessDefinition {
    /// Its id.
    pub id: ProcessDefinitionId,
    /// The id of the process in the model.
    pub key: String,
    /// Its version, counted per key and tenant.
    pub version: i32,
    /// The model's version tag.
    pub version_tag: Option<String>,
    /// The engine's tenant, if it has tenants.
    pub tenant_id: Option<EngineTenant>,
    /// The deployment that brought it.
    pub deployment_id: DeploymentId,
    /// The file that it came from.
    pub resource: Option<String>,
    /// Whether it is suspended.
    #[serde(default)]
    pub suspended: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct XmlDto {
    bpmn20_xml: String,
}

impl EngineClient {
    /// Deploys files, or finds that nothing changed.
    ///
    /// # Errors
    /// [`EngineError::Permanent`] with the parser's words when a model is wrong.
    pub async fn deploy(&self, deployment: &NewDeployment) -> Result<Deployment, EngineError> {
        self.post(Act::DEPLOY, &["deployment", "create"])
            .form(|| form(deployment))
            // Parsing several models on a cold engine takes its time.
            .timeout(self.inner.settings.call_timeout.max(std::time::Duration::from_secs(60)))
            .read()
            .await
    }

    /// The latest version of each process definition, of one tenant or of all.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn latest_definitions(
        &self,
        process_key: Option<&str>,
        tenant: Option<&EngineTenant>,
    ) -> Result<Vec<ProcessDefinition>, EngineError> {
        self.get(Act::DEFINITIONS, &["process-definition"])
            .query("latestVersion", "true")
            .maybe("key", process_key)
            .maybe("tenantIdIn", tenant.map(EngineTenant::as_str))
            .read()
            .await
    }

    /// The model that a process definition came from.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is no such definition.
    pub async fn definition_xml(&self, definition: &ProcessDefinitionId) -> Result<String, EngineError> {
        let path = ["process-definition", definition.as_str(), "xml"];
        let dto: XmlDto = self.get(Act::DEFINITION_XML, &path).read().await?;
        Ok(dto.bpmn20_xml)
    }
}

fn form(deployment: &NewDeployment) -> Form {
    let mut form = Form::new()
        .text("deployment-name", deployment.name.clone())
        .text("enable-duplicate-filtering", deployment.filter_duplicates.to_string())
        .text("deploy-changed-only", deployment.changed_only.to_string());
    if let Some(source) = &deployment.source {
        form = form.text("deployment-source", source.clone());
    }
    if let Some(tenant) = &deployment.tenant {
        form = form.text("tenant-id", tenant.as_str().to_owned());
    }
    for resource in &deployment.resources {
        let part = Part::bytes(resource.content.clone()).file_name(resource.name.clone());
        form = form.part(resource.name.clone(), part);
    }
    form
}
