//! `holdfast deploy`: check the models and bring them to the engine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::app::engine_settings;
use crate::cli::error::CliError;
use crate::cli::output::say;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::engine::{EngineClient, EngineTenant, NewDeployment, Resource};

/// The shipped models, so that the binary alone can deploy them.
pub(crate) const SHIPPED: [(&str, &str); 3] = [
    ("order-fulfilment.bpmn", include_str!("../../bpmn/order-fulfilment.bpmn")),
    ("reservation-resolution.bpmn", include_str!("../../bpmn/reservation-resolution.bpmn")),
    ("decide-reservation.form", include_str!("../../bpmn/decide-reservation.form")),
];

/// Options of `holdfast deploy`.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The engine's tenant to deploy for
    #[arg(long)]
    tenant: Option<String>,
    /// Your own models and forms in place of the shipped ones
    files: Vec<PathBuf>,
}

impl Deploy {
    pub(crate) async fn carry_out(self, file: Option<&Path>) -> Result<ExitCode, CliError> {
        let config = Config::load(file)?;
        let mut resources = Vec::new();
        for path in &self.files {
            let content =
                std::fs::read(path).map_err(|source| CliError::File { doing: "read", what: path.display().to_string(), source })?;
            let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
            resources.push(Resource { name, content: content.into() });
        }
        if resources.is_empty() {
            resources = shipped();
        }
        let engine = EngineClient::new(engine_settings(&config.engine)?, SystemClock::shared())?;
        let deployed = engine.deploy(&deployment(resources, self.tenant.as_deref())).await?;
        for definition in deployed.new_definitions() {
            say(&format!("deployed {} version {}", definition.key, definition.version));
        }
        if deployed.new_definitions().next().is_none() {
            say("nothing is new: the engine has these models already");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The shipped models as a deployment takes them.
pub(crate) fn shipped() -> Vec<Resource> {
    SHIPPED.iter().map(|(name, content)| Resource { name: (*name).to_owned(), content: content.as_bytes().into() }).collect()
}

/// A deployment that makes no new version of a model that is there already.
pub(crate) fn deployment(resources: Vec<Resource>, tenant: Option<&str>) -> NewDeployment {
    NewDeployment {
        name: "holdfast".to_owned(),
        source: Some("holdfast".to_owned()),
        tenant: tenant.map(EngineTenant::new),
        filter_duplicates: true,
        changed_only: false,
        resources,
    }
}
