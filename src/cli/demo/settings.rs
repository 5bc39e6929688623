//! What the demo can be told, and the addresses that follow from it.

use std::path::PathBuf;

use clap::Args;
use reqwest::Url;
use secrecy::SecretString;

use crate::cli::error::CliError;
use crate::domain::TenantId;

/// The engine's tenant of every demo. It never changes, so that a second demo finds its models deployed.
pub(super) const TENANT: &str = "de300000-0000-4000-8000-000000000001";

/// The password of the demo's login role: no secret, because the stack listens on this machine only.
const PASSWORD: &str = "holdfast-demo";

/// Options of `holdfast demo`. The defaults are those of the stack that `make up` starts.
#[derive(Debug, Clone, Args)]
pub(super) struct Settings {
    /// The port of the stack's Camunda
    #[arg(long, env = "HOLDFAST_ENGINE_PORT", default_value_t = 28080, value_name = "PORT")]
    engine_port: u16,
    /// Another engine's REST API, in place of the stack's
    #[arg(long, value_name = "URL")]
    engine_url: Option<Url>,
    /// The port of the stack's PostgreSQL
    #[arg(long, env = "HOLDFAST_PG_PORT", default_value_t = 25432, value_name = "PORT")]
    pg_port: u16,
    /// A superuser's URL of another PostgreSQL, in place of the stack's
    #[arg(long, value_name = "URL")]
    admin_url: Option<Url>,
    /// The database of the demo, made if it is not there; its login role has the same name
    #[arg(long, default_value = "holdfast_demo", value_name = "NAME")]
    pub(super) database: String,
    /// The port of the stack's Kafka; where nobody answers there, facts stay in the outbox
    #[arg(long, env = "HOLDFAST_KAFKA_PORT", default_value_t = 29092, value_name = "PORT")]
    pub(super) kafka_port: u16,
    /// The first port of the inventories; with the default they take 28090 to 28093, 28095 and 28096
    #[arg(long, env = "HOLDFAST_SIMULATOR_PORT", default_value_t = 28090, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_529))]
    simulator_port: u16,
    /// The port of the daemon's health and metrics
    #[arg(long, env = "HOLDFAST_ADMIN_PORT", default_value_t = 28094, value_name = "PORT")]
    pub(super) admin_port: u16,
    /// The port of the daemon's API
    #[arg(long, env = "HOLDFAST_HTTP_PORT", default_value_t = 28097, value_name = "PORT")]
    pub(super) http_port: u16,
    /// The folder of the local stack; the demo writes to `demo` and `run` in it
    #[arg(long, env = "HOLDFAST_STACK_DIR", default_value = ".stack", value_name = "FOLDER")]
    stack_dir: PathBuf,
    /// The engine's tenant of the demo, a UUID
    #[arg(long, default_value = TENANT, value_name = "UUID", value_parser = TenantId::parse)]
    pub(super) tenant: TenantId,
    /// The table as JSON on standard output, the progress on standard error
    #[arg(long)]
    pub(super) json: bool,
    /// End the daemon and the inventories when the table is printed
    #[arg(long)]
    pub(super) once: bool,
    /// Leave the decision about the order that needs one to you, in Tasklist
    #[arg(long)]
    pub(super) wait_for_human: bool,
}

/// The inventories of the demo, in the order of their ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    /// Remembers request keys and can be asked.
    Main,
    /// Like it, but goes down for a while.
    Flaky,
    /// Neither remembers keys nor can be asked: what it did with a lost request, only a human can find out.
    Legacy,
}

impl Source {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Main, Self::Flaky, Self::Legacy];

    /// The name in the daemon's configuration and in the variable `inventorySource`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Flaky => "flaky",
            Self::Legacy => "legacy",
        }
    }

    /// Its two ports, counted from the first; the fifth one is free because it is the default of the daemon's own.
    fn offset(self) -> u16 {
        match self {
            Self::Main => 0,
            Self::Flaky => 2,
            Self::Legacy => 5,
        }
    }
}

impl Settings {
    /// Where an inventory is served.
    pub(super) fn inventory_port(&self, source: Source) -> u16 {
        self.simulator_port + source.offset()
    }

    /// Where its admin interface is served.
    pub(super) fn inventory_admin_port(&self, source: Source) -> u16 {
        self.inventory_port(source) + 1
    }

    /// The base address of an inventory.
    pub(super) fn inventory_url(&self, source: Source) -> String {
        format!("http://127.0.0.1:{}/v1", self.inventory_port(source))
    }

    /// The base address of its admin interface.
    pub(super) fn inventory_admin_url(&self, source: Source) -> String {
        format!("http://127.0.0.1:{}/sim", self.inventory_admin_port(source))
    }

    /// Every port that the demo's own processes listen on, with what it is for and the variable that moves it.
    pub(super) fn ports(&self) -> Vec<(u16, String, &'static str)> {
        let mut ports = vec![
            (self.admin_port, "the daemon's health and metrics".to_owned(), "HOLDFAST_ADMIN_PORT"),
            (self.http_port, "the daemon's API".to_owned(), "HOLDFAST_HTTP_PORT"),
        ];
        for source in Source::ALL {
            let variable = "HOLDFAST_SIMULATOR_PORT";
            ports.push((self.inventory_port(source), format!("the inventory `{}`", source.name()), variable));
            ports.push((self.inventory_admin_port(source), format!("the admin interface of the inventory `{}`", source.name()), variable));
        }
        ports
    }

    /// The root of the engine's REST API.
    pub(super) fn engine_url(&self) -> String {
        let url = self.engine_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        url.unwrap_or_else(|| format!("http://127.0.0.1:{}/engine-rest", self.engine_port))
    }

    /// A superuser's URL of the database server.
    pub(super) fn admin_url(&self) -> SecretString {
        let url = self.admin_url.as_ref().map(ToString::to_string);
        url.unwrap_or_else(|| format!("postgres://holdfast_admin:holdfast-admin@127.0.0.1:{}/postgres", self.pg_port)).into()
    }

    /// Where the database server is, without credentials.
    pub(super) fn database_place(&self) -> String {
        match &self.admin_url {
            Some(url) => format!("{}:{}", url.host_str().unwrap_or("localhost"), url.port().unwrap_or(5432)),
            None => format!("127.0.0.1:{}", self.pg_port),
        }
    }

    /// The demo's login role and its password.
    pub(super) fn runtime_role(&self) -> (String, SecretString) {
        (self.database.clone(), PASSWORD.into())
    }

    /// The daemon's URL of the demo's database.
    pub(super) fn database_url(&self) -> String {
        let (role, _) = self.runtime_role();
        format!("postgres://{role}:{PASSWORD}@{}/{}", self.database_place(), self.database)
    }

    /// The stack's folder, as an absolute path.
    ///
    /// # Errors
    /// When the current folder cannot be found out.
    pub(super) fn stack_folder(&self) -> Result<PathBuf, CliError> {
        std::path::absolute(&self.stack_dir).map_err(|source| CliError::File {
            doing: "find the folder",
            what: self.stack_dir.display().to_string(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(arguments: &[&str]) -> Settings {
        Line::parse_from(std::iter::once("demo").chain(arguments.iter().copied())).settings
    }

    #[test]
    fn no_two_parts_share_a_port() {
        let mut ports: Vec<u16> = settings(&["--simulator-port=28090", "--admin-port=28094", "--http-port=28097"])
            .ports()
            .into_iter()
            .map(|(port, ..)| port)
            .collect();
        ports.sort_unstable();
        assert_eq!(ports, [28090, 28091, 28092, 28093, 28094, 28095, 28096, 28097]);
    }

    #[test]
    fn the_addresses_follow_from_the_ports() {
        let settings = settings(&["--engine-port=1", "--pg-port=2", "--simulator-port=3"]);
        assert_eq!(settings.engine_url(), "http://127.0.0.1:1/engine-rest");
        assert_eq!(settings.database_url(), "postgres://holdfast_demo:holdfast-demo@127.0.0.1:2/holdfast_demo");
        assert_eq!(settings.inventory_admin_url(Source::Flaky), "http://127.0.0.1:6/sim");
    }

    #[test]
    fn another_server_is_reached_by_the_demos_own_role() {
        let settings = settings(&["--admin-url=postgres://root:secret@db:5433/x", "--engine-url=http://e/engine-rest/", "--database=d"]);
        assert_eq!(settings.database_url(), "postgres://d:holdfast-demo@db:5433/d");
        assert_eq!(settings.engine_url(), "http://e/engine-rest");
    }
}
