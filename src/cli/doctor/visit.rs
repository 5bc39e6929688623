//! The visit: one area after the other, whatever the one before came to.

use std::path::Path;
use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Args;
use uuid::Uuid;

use super::finding::{Finding, Findings, Level, report};
use super::{api, configuration, database, engine, events, inventories, models};
use crate::app::engine_settings;
use crate::chain::chain;
use crate::cli::error::CliError;
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::domain::TenantId;
use crate::engine::{EngineClient, EngineTenant};
use crate::supplier::Suppliers;

/// Options of `holdfast doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// How many seconds the clocks of engine, database and inventories may differ from this host's
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    max_skew: u32,
}

impl Doctor {
    /// Fails if an error was found.
    pub(crate) async fn carry_out(self, file: Option<&Path>) -> Result<ExitCode, CliError> {
        let findings = match Config::load(file) {
            Ok(config) => visit(&config, file, TimeDelta::seconds(i64::from(self.max_skew))).await,
            Err(error) => {
                let mut findings = Findings::of("configuration");
                let place = file.map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
                findings.add(
                    Level::Error,
                    place,
                    chain(&CliError::from(error)),
                    "`holdfast check-config` reads it alone; config/default.toml has every key",
                );
                findings.into_vec()
            }
        };
        Ok(if report(&findings, self.json) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn visit(config: &Config, file: Option<&Path>, skew: TimeDelta) -> Vec<Finding> {
    let clock: SharedClock = SystemClock::shared();
    let mut all = configuration::check(config, file).into_vec();

    let client = engine_settings(&config.engine)
        .map_err(CliError::from)
        .and_then(|settings| EngineClient::new(settings, SystemClock::shared()).map_err(CliError::from));
    match client {
        Ok(client) => {
            let (findings, reached) = engine::check(&client, &config.engine.url, &clock, skew).await;
            all.extend(findings.into_vec());
            if reached {
                let tenants: Vec<_> = config.engine.tenants.0.iter().map(|tenant| EngineTenant::from(tenant.as_str())).collect();
                all.extend(models::check(&client, &tenants).await.into_vec());
            }
        }
        Err(error) => all.extend(one_error("engine", "engine.url", &error)),
    }

    let most = config.database.max_connections;
    all.extend(database::check(&config.database.url, most, &clock, skew).await.into_vec());

    all.extend(events::check(&config.events, &config.inventory_events).await.into_vec());

    match Suppliers::build(&config.sources) {
        Ok(suppliers) => {
            let tenant = some_tenant(config);
            let asked = suppliers.iter().map(|source| inventories::check(source, tenant, &clock, skew));
            for findings in futures::future::join_all(asked).await {
                all.extend(findings.into_vec());
            }
        }
        Err(error) => all.extend(one_error("inventories", "sources", &CliError::from(crate::app::AppError::from(error)))),
    }
    all.extend(api::check(config).await.into_vec());
    all
}

/// A tenant to ask inventories for; one that exists, if the settings name any.
fn some_tenant(config: &Config) -> TenantId {
    let named = config.engine.tenants.0.iter().chain([&config.reservations.default_tenant]);
    named.filter_map(|text| TenantId::parse(text).ok()).next().unwrap_or(TenantId(Uuid::nil()))
}

fn one_error(area: &'static str, place: &str, error: &CliError) -> Vec<Finding> {
    let mut findings = Findings::of(area);
    findings.add(Level::Error, place, chain(&error), "correct the setting; `holdfast check-config` says the same without asking anybody");
    findings.into_vec()
}
