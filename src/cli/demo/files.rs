//! The files of the demo: its folder, the daemon's configuration, the profile of the inventory that cannot be asked.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::demo::installed;
use crate::cli::demo::settings::{Settings, Source};
use crate::cli::error::CliError;

const LEGACY: &str = include_str!("legacy.toml");

/// Where the demo keeps what.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The demo's own folder in the stack's.
    pub(super) folder: PathBuf,
    /// The stack's folder of running processes.
    pub(super) run: PathBuf,
    /// The daemon's configuration.
    pub(super) config: PathBuf,
    /// Whether a broker was there when that was written, so that facts are published.
    pub(super) publishes: bool,
}

impl Files {
    /// Makes the folders and writes the files.
    ///
    /// # Errors
    /// [`CliError::File`], naming what could not be written.
    pub(super) fn write(settings: &Settings) -> Result<Self, CliError> {
        let stack = settings.stack_folder()?;
        let (folder, run) = (stack.join("demo"), stack.join("run"));
        for wanted in [&folder, &run] {
            std::fs::create_dir_all(wanted).map_err(failed("make", wanted))?;
        }
        let publishes = answers(settings.kafka_port);
        let files = Self { config: folder.join("holdfast.toml"), folder, run, publishes };
        let profile = files.folder.join("legacy.toml");
        std::fs::write(&profile, LEGACY).map_err(failed("write", &profile))?;
        std::fs::write(&files.config, config(settings, &profile, publishes)).map_err(failed("write", &files.config))?;
        Ok(files)
    }

    /// The log of one of the demo's processes.
    pub(super) fn log(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.log"))
    }

    /// The ledger of an inventory, one JSON object a line.
    pub(super) fn ledger(&self, source: Source) -> PathBuf {
        self.folder.join(format!("{}-ledger.jsonl", source.name()))
    }
}

/// Names the file in the error.
pub(super) fn failed(doing: &'static str, what: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let what = what.display().to_string();
    move |source| CliError::File { doing, what, source }
}

/// The daemon's configuration: patient enough for a busy machine, quick enough for a demo.
fn config(settings: &Settings, profile: &Path, publishes: bool) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let source = |source: Source, more: &str| {
        // Looking often is of no use where looking cannot tell.
        let slowest = if source == Source::Legacy { 60_000 } else { 2_000 };
        format!(
            "[sources.{}]\nbase_url = {}\n{more}timeout_ms = 2000\ncheck_timeout_ms = 3000\nconnect_timeout_ms = 500\nlinger_ms = 4000\n\
             first_check_ms = 500\nslowest_check_ms = {slowest}\nmanual_after_ms = 10000\nexpiry_grace_ms = 1000\nbreaker = {{ failures = 20, pause_ms = 1000 }}\n\n",
            source.name(),
            text(&settings.inventory_url(source)),
        )
    };
    format!(
        "# Written by `holdfast demo`; the next demo writes it anew.\n\n\
         [engine]\nurl = {}\ntenants = [{}]\nlong_poll_ms = 1000\n\n\
         [database]\n# No secret: this login role exists on the demo's own server only.\nurl = {}\n\n\
         [reservations]\ndefault_source = \"main\"\ndefault_tenant = {}\n\n\
         [reconciler]\nperiod_ms = 250\n\n\
         [admin]\nlisten = {}\n\n\
         [http]\n# Nobody is asked who they are: this machine alone can reach it.\nlisten = {}\n\n\
         [shutdown]\nlimit_ms = 5000\n\n\
         {}{}{}{}",
        text(&settings.engine_url()),
        text(&settings.tenant.to_string()),
        text(&settings.database_url()),
        text(&settings.tenant.to_string()),
        text(&format!("127.0.0.1:{}", settings.admin_port)),
        text(&format!("127.0.0.1:{}", settings.http_port)),
        if publishes {
            format!(
                "[events]\nmode = \"kafka\"\n\n[events.kafka]\nbrokers = \"127.0.0.1:{}\"\n\n\
                 [inventory_events]\nconsume = true\n\n[[inventory_events.feeds]]\ntopic = \"{}\"\nsource = \"{}\"\n\n",
                settings.kafka_port,
                installed::TOPIC,
                installed::SOURCE
            )
        } else {
            String::new()
        },
        source(Source::Main, ""),
        source(Source::Flaky, ""),
        source(Source::Legacy, &format!("profile = {}\n", text(&profile.display().to_string()))),
    )
}

/// Whether anybody listens on a port of this machine.
fn answers(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_millis(500)).is_ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Config;
    use crate::supplier::Suppliers;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn the_daemon_can_use_what_is_written_for_it() {
        let stack = std::env::temp_dir().join(format!("holdfast-demo-{}", uuid::Uuid::new_v4()));
        let settings = Line::parse_from(["demo", "--stack-dir", stack.to_str().unwrap()]).settings;
        let files = Files::write(&settings).unwrap();
        let config = Config::load(Some(&files.config)).unwrap();
        let suppliers = Suppliers::build(&config.sources).unwrap();
        assert_eq!(suppliers.names().collect::<Vec<_>>(), ["flaky", "legacy", "main"]);
        assert_eq!(config.tenants().unwrap(), [settings.tenant]);
        std::fs::remove_dir_all(&stack).unwrap();
    }
}
