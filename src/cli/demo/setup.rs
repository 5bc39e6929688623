//! Everything that must be there before the first order: database, models, inventories, daemon.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::app::engine_settings;
use crate::chain::chain;
use crate::cli::demo::children::{self, Part};
use crate::cli::demo::engine_desk::EngineDesk;
use crate::cli::demo::files::Files;
use crate::cli::demo::installed::{self, Keeper};
use crate::cli::demo::inventory::Inventory;
use crate::cli::demo::links::Links;
use crate::cli::demo::progress::Progress;
use crate::cli::demo::settings::{Settings, Source};
use crate::cli::demo::stage::Stage;
use crate::cli::demo::watch::{Snapshot, look};
use crate::cli::deploy::{deployment, shipped};
use crate::cli::error::CliError;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::domain::TenantId;
use crate::engine::{EngineClient, EngineError, EngineTenant, ProcessInstanceQuery, Resource};
use crate::operations::new_session;
use crate::store::{Provision, Store, StoreError, StoreOptions, provision};

/// The pause between two attempts in the shipped models, and the one of the demo, which has not the time to wait for it.
const MODELS_RETRY: &str = "value=\"R3/PT1M\"";
const DEMOS_RETRY: &str = "value=\"R9/PT1S\"";
/// The most reservations of earlier demos that are looked at.
const MOST_ROWS: i64 = 100_000;

/// Sets up everything, and says so.
///
/// # Errors
/// [`CliError`], saying what is missing and what to do.
pub(super) async fn set_up(settings: &Settings, files: &Files, progress: Progress) -> Result<(Stage, Vec<Part>), CliError> {
    let config = Config::load(Some(&files.config))?;
    let engine = EngineClient::new(engine_settings(&config.engine)?, SystemClock::shared())?;
    let version = engine.version().await.map_err(|error| engine_away(settings, &error))?;

    reach_database(settings).await?;
    let (runtime_role, runtime_password) = settings.runtime_role();
    let wanted = Provision { admin_url: settings.admin_url(), database: settings.database.clone(), runtime_role, runtime_password };
    provision(&wanted).await.map_err(|error| database_unusable(settings, error))?;
    let options = StoreOptions {
        url: settings.database_url().into(),
        max_connections: 4,
        acquire_timeout: Duration::from_secs(5),
        session: new_session(),
    };
    let store = Store::connect(&options).await.map_err(|error| database_unusable(settings, error))?;

    let replaced = children::end_recorded(files).await?;
    children::check_ports(settings, replaced > 0).await?;
    let tenant = EngineTenant::new(settings.tenant.to_string());
    let left = end_leftovers(&engine, &store, &tenant, settings.tenant).await?;
    let deployed = engine.deploy(&deployment(models(), Some(tenant.as_str()))).await?;
    let models: Vec<String> = deployed.new_definitions().map(|new| format!("{} version {}", new.key, new.version)).collect();

    let http = http_client()?;
    let mut parts = Vec::new();
    let mut inventories = std::collections::BTreeMap::new();
    for source in Source::ALL {
        let inventory = Inventory::new(http.clone(), settings.inventory_admin_url(source), settings.tenant.to_string());
        parts.push(children::start_inventory(settings, files, source)?);
        inventories.insert(source, inventory);
    }
    for (part, inventory) in parts.iter_mut().zip(inventories.values()) {
        part.wait_until(|| inventory.is_up()).await?;
    }
    // Before the daemon looks for it, so that the topic is there.
    let keeper = if files.publishes { Some(Keeper::open(&config, settings, http.clone()).await?) } else { None };
    let begun = Instant::now();
    let mut daemon = children::start_daemon(settings, files)?;
    daemon.wait_until(|| is_ready(&http, settings.admin_port)).await?;
    let ready = begun.elapsed().as_secs_f64();
    let pid = daemon.pid();
    parts.push(daemon);

    if replaced > 0 {
        progress.say(&format!("earlier     ended the {replaced} processes of the last demo"));
    }
    if left > 0 {
        progress.say(&format!("earlier     dropped what the last demo left open: {left} {}", if left == 1 { "order" } else { "orders" }));
    }
    progress.say(&format!("engine      Camunda {version} at {}, tenant {tenant}", settings.engine_url()));
    let models = if models.is_empty() { "deployed already".to_owned() } else { models.join(", ") };
    progress.say(&format!("models      {models}; as shipped, but a failed attempt is repeated after 1 s instead of 1 min"));
    progress.say(&format!("database    {} at {}", settings.database, settings.database_place()));
    let where_they_are = Source::ALL.map(|source| format!("{} :{}", source.name(), settings.inventory_port(source)));
    progress.say(&format!("inventories {}", where_they_are.join(", ")));
    if keeper.is_some() {
        progress.say(&format!("customers   what they have is told on the topic {}", installed::TOPIC));
    }
    progress.say(&format!("daemon      pid {pid}, ready after {ready:.1} s, log {}", shown(&files.log("daemon"))));

    let desk = EngineDesk::new(http, settings.engine_url(), tenant.to_string());
    let (told, seen) = watch::channel(Snapshot::default());
    tokio::spawn(look(engine.clone(), desk.clone(), tenant.clone(), told));
    let stage = Stage {
        tenant: settings.tenant,
        engine_tenant: tenant,
        engine,
        desk,
        store,
        inventories,
        progress,
        links: Links::beside(&settings.engine_url()),
        keeper,
        wait_for_human: settings.wait_for_human,
        seen,
    };
    Ok((stage, parts))
}

/// A path as a person would type it here.
pub(super) fn shown(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.and_then(|here| path.strip_prefix(here).ok());
    short.unwrap_or(path).display().to_string()
}

/// The shipped models, with the demo's pause between attempts.
fn models() -> Vec<Resource> {
    let mut resources = shipped();
    for resource in &mut resources {
        if let Ok(text) = std::str::from_utf8(&resource.content) {
            resource.content = Cow::Owned(text.replace(MODELS_RETRY, DEMOS_RETRY).into_bytes());
        }
    }
    resources
}

/// Orders that an earlier demo left open: their processes are deleted, their holds are to go. Says how many there were.
async fn end_leftovers(engine: &EngineClient, store: &Store, tenant: &EngineTenant, ours: TenantId) -> Result<usize, CliError> {
    let query = ProcessInstanceQuery {
        process_definition_key: Some("order-fulfilment".to_owned()),
        tenant_id_in: vec![tenant.clone()],
        ..ProcessInstanceQuery::default()
    };
    let open = engine.list_instances(&query).await?;
    for instance in &open {
        match engine.delete_instance(&instance.id).await {
            Ok(()) | Err(EngineError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for row in store.list_reservations(&[ours], None, MOST_ROWS).await? {
        // The inventory that held these is gone with the last demo. What is confirmed was delivered.
        if !row.status.is_end() && row.status != crate::domain::ReservationStatus::Confirmed {
            store.want_release(ours, row.id, SystemClock.now()).await?;
        }
    }
    Ok(open.len())
}

/// A client for what is on this machine.
fn http_client() -> Result<reqwest::Client, CliError> {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(10));
    client.build().map_err(|error| CliError::Said(format!("cannot set up an HTTP client: {error}")))
}

async fn is_ready(http: &reqwest::Client, port: u16) -> bool {
    let asked = http.get(format!("http://127.0.0.1:{port}/ready")).send().await;
    asked.is_ok_and(|answer| answer.status().is_success())
}

/// A quick look whether anybody listens; the pool would wait half a minute for somebody to come.
async fn reach_database(settings: &Settings) -> Result<(), CliError> {
    let place = settings.database_place();
    let why = match tokio::time::timeout(Duration::from_secs(3), TcpStream::connect(&place)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer within 3 s".to_owned(),
    };
    Err(database_away(&place, &why))
}

fn database_away(place: &str, why: &str) -> CliError {
    CliError::Said(format!(
        "there is no usable PostgreSQL at {place} ({why}). Run `make up` first, or `make demo`, which does; if it runs on another port, set \
         HOLDFAST_PG_PORT"
    ))
}

fn engine_away(settings: &Settings, error: &EngineError) -> CliError {
    CliError::Said(format!(
        "there is no usable Camunda at {} ({error}). Run `make up` first, or `make demo`, which does; if it runs on another port, set \
         HOLDFAST_ENGINE_PORT",
        settings.engine_url()
    ))
}

fn database_unusable(settings: &Settings, error: StoreError) -> CliError {
    let place = settings.database_place();
    match error {
        error if error.is_away() => database_away(&place, &chain(&CliError::from(error))),
        StoreError::Migration(_) => CliError::Said(format!(
            "the database {} at {place} was made by another version of holdfast ({}). Choose another with --database, or delete the stack's \
             data with `make reset`",
            settings.database,
            chain(&CliError::from(error))
        )),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_of_the_shipped_models_is_tried_again_soon() {
        let mut found = 0;
        for resource in models() {
            let text = String::from_utf8(resource.content.into_owned()).unwrap();
            found += text.matches(DEMOS_RETRY).count();
            assert_eq!(text.matches("RETRY_CONFIG").count(), text.matches(DEMOS_RETRY).count(), "{}", resource.name);
        }
        assert!(found >= 7, "{found}");
    }
}
