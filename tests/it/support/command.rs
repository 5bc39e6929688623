//! The real binary, run to its end as a person at a terminal would.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value as JsonValue;
use tokio::process::{Child, Command};

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) out: String,
    pub(crate) complaints: String,
}

/// Runs `holdfast --config CONFIG ARGUMENTS`.
pub(crate) async fn holdfast(config: &Path, arguments: &[&str]) -> Ran {
    let ran = command(config, arguments).output().await.unwrap();
    Ran { success: ran.status.success(), out: String::from_utf8(ran.stdout).unwrap(), complaints: String::from_utf8(ran.stderr).unwrap() }
}

/// Starts it and lets it run; killed when it is dropped.
pub(crate) fn start(config: &Path, arguments: &[&str]) -> Child {
    command(config, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn command(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.arg("--config").arg(config).args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command
}

impl Ran {
    /// It succeeded; what it printed.
    pub(crate) fn fine(self) -> String {
        assert!(self.success, "{self:?}");
        self.out
    }

    /// It failed; what it complained of.
    pub(crate) fn refused(self) -> String {
        assert!(!self.success, "{self:?}");
        self.complaints
    }

    /// What it printed, as JSON.
    pub(crate) fn json(&self) -> JsonValue {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
