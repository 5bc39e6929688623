//! Everything that runs: a database of this run's own, the inventory, the daemon, and hello-world, each in a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::Failure;
use crate::database::Database;
use crate::measure::setting;

const BINARY: &str = env!("CARGO_BIN_EXE_holdfast");

/// The running parts; dropping them ends the processes.
pub(crate) struct Parts {
    /// Where the daemon's API is.
    pub(crate) api: String,
    /// Where hello-world is.
    pub(crate) hello: String,
    pub(crate) http: reqwest::Client,
    database: Database,
    children: Vec<Child>,
}

impl Parts {
    pub(crate) async fn start(folder: &Path) -> Result<Self, Failure> {
        // Whoever makes a client first says whose cryptography it uses; that another part was quicker is no matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = Database::make().await?;
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
        let engine = setting("HOLDFAST_ENGINE_PORT", "28080");
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
            .env("HOLDFAST__DATABASE__URL", &database.url)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let api = address(&log).await?;
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        Ok(Self { api, hello: hello_url, http, database, children: vec![inventory, hello, daemon] })
    }

    /// Ends the processes and drops the database.
    pub(crate) async fn end(self) {
        let Self { database, mut children, .. } = self;
        for child in &mut children {
            // One that has ended already is over as well.
            drop(child.kill().await);
        }
        database.drop().await;
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
    crate::say::say(&format!("http://{}", listener.local_addr()?));
    axum::serve(listener, Router::new().route("/", get(async || "hello"))).await?;
    Ok(())
}
