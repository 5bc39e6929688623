//! Everything that runs: a database of this run's own, the inventory, the daemon, and hello-world, each in a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use holdfast::store::{Provision, provision};
use secrecy::SecretString;
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::Failure;

const BINARY: &str = env!("CARGO_BIN_EXE_holdfast");
const ROLE: &str = "holdfast_bench";

/// The running parts; dropping them ends the processes.
pub(crate) struct Parts {
    /// Where the daemon's API is.
    pub(crate) api: String,
    /// Where hello-world is.
    pub(crate) hello: String,
    pub(crate) http: reqwest::Client,
    admin: PgPool,
    database: String,
    children: Vec<Child>,
}

impl Parts {
    pub(crate) async fn start(folder: &Path) -> Result<Self, Failure> {
        let port = setting("HOLDFAST_PG_PORT", "55432");
        let database = format!("holdfast_bench_{}", Uuid::new_v4().simple());
        let admin_url = format!("postgres://holdfast_admin:holdfast-admin@127.0.0.1:{port}/postgres");
        let wanted = Provision {
            admin_url: SecretString::from(admin_url.as_str()),
            database: database.clone(),
            runtime_role: ROLE.to_owned(),
            runtime_password: SecretString::from(ROLE),
        };
        provision(&wanted).await?;
        let admin = PgPoolOptions::new().max_connections(1).connect(&admin_url).await?;

        let (inventory, inventory_url) = speaking(Command::new(BINARY).args([
            "simulate-supplier",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--default-stock",
            "1000000000",
        ]))
        .await?;
        let (hello, hello_url) = speaking(Command::new(std::env::current_exe()?).arg("--hello")).await?;

        let config = folder.join("availability.toml");
        // Addresses only; everything else is as shipped. The engine is asked for one tenant that has no processes.
        let tenant = Uuid::new_v4();
        let engine = setting("HOLDFAST_ENGINE_PORT", "58080");
        let text = format!(
            "[engine]\nurl = \"http://127.0.0.1:{engine}/engine-rest\"\ntenants = [\"{tenant}\"]\n[reservations]\ndefault_tenant = \"{tenant}\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"\"\n[log]\nformat = \"json\"\n[sources.main]\nbase_url = \"{inventory_url}\"\n"
        );
        std::fs::write(&config, text)?;
        let log = folder.join("availability-daemon.log");
        let daemon = Command::new(BINARY)
            .arg("run")
            .arg("--config")
            .arg(&config)
            .env("HOLDFAST__DATABASE__URL", format!("postgres://{ROLE}:{ROLE}@127.0.0.1:{port}/{database}"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let api = address(&log).await?;
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        Ok(Self { api, hello: hello_url, http, admin, database, children: vec![inventory, hello, daemon] })
    }

    /// Ends the processes and drops the database.
    pub(crate) async fn end(self) {
        let Self { admin, database, mut children, .. } = self;
        for child in &mut children {
            // One that has ended already is over as well.
            drop(child.kill().await);
        }
        drop(admin.execute(AssertSqlSafe(format!("drop database if exists {database} with (force)"))).await);
    }
}

/// Starts a child whose first line of output ends with its address.
async fn speaking(command: &mut Command) -> Result<(Child, String), Failure> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("read what the child says")?).lines();
    let line = lines.next_line().await?.ok_or("a child did not start")?;
    // Whatever else it says is read and left, so that it never waits for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, line.split_whitespace().last().unwrap_or_default().to_owned()))
}

/// The address that the daemon says it serves the API on.
async fn address(log: &Path) -> Result<String, Failure> {
    for _ in 0..500 {
        for line in std::fs::read_to_string(log)?.lines() {
            let Ok(said) = serde_json::from_str::<Value>(line) else { continue };
            if let Some(address) = said["http.address"].as_str() {
                return Ok(format!("http://{address}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("the daemon did not start: {}", std::fs::read_to_string(log)?).into())
}

/// The bare framework: one route, one word.
pub(crate) async fn serve_hello() -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    crate::report::say(&format!("http://{}", listener.local_addr()?));
    axum::serve(listener, Router::new().route("/", get(async || "hello"))).await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the ports of the stack come from make")]
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
