//! `holdfast deploy`: check the models and bring them to the engine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::app::engine_settings;
use crate::cli::error::CliError;
use crate::cli::lint::lint;
use crate::cli::output::{complain, say};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::engine::{EngineClient, EngineTenant, NewDeployment, Resource};
use crate::model::{self, Severity};

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
    /// Deploy even if something is wrong with the models
    #[arg(long)]
    force: bool,
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
        self.look_over(&resources)?;
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

impl Deploy {
    /// Says what is wrong with the files, and refuses what would go wrong in the engine.
    fn look_over(&self, resources: &[Resource]) -> Result<(), CliError> {
        let mut texts = Vec::new();
        for resource in resources.iter().filter(|resource| is_checked(&resource.name)) {
            match std::str::from_utf8(&resource.content) {
                Ok(text) => texts.push(model::Resource { name: &resource.name, text }),
                Err(_) => return Err(CliError::Said(format!("{} is not UTF-8: save it again in Camunda Modeler", resource.name))),
            }
        }
        let findings = lint(&texts);
        for finding in &findings {
            complain(&finding.to_string());
        }
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        match (errors, self.force) {
            (0, _) => Ok(()),
            (_, true) => {
                complain(&format!("warning: deployed by --force with {errors} errors: orders will go wrong as it says above"));
                Ok(())
            }
            (_, false) => Err(CliError::Said(format!(
                "nothing was deployed: {errors} errors in the models, see above; correct them, or deploy anyway with --force"
            ))),
        }
    }
}

/// Whether the check has anything to say of such a file.
fn is_checked(name: &str) -> bool {
    [".bpmn", ".bpmn20.xml", ".form"].iter().any(|ending| name.ends_with(ending))
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
