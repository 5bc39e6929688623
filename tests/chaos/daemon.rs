//! A daemon: the real binary, with the fault points in it, in a process of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::wait::until;

/// One running process.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) log: PathBuf,
}

/// The binary of this run, under a name of its own: a build that goes on meanwhile replaces the original.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let folder = crate::runner::folder();
        fs::create_dir_all(&folder).unwrap();
        let own = folder.join(format!("holdfast-{}", std::process::id()));
        let _ = fs::remove_file(&own);
        fs::hard_link(env!("CARGO_BIN_EXE_holdfast"), &own).unwrap();
        own
    })
}

/// Takes the binary away that this run has used.
pub(crate) fn forget_binary() {
    let _ = fs::remove_file(binary());
}

/// What a daemon is started with.
pub(crate) struct Boot<'a> {
    pub(crate) config: &'a Path,
    /// Where the armed fault points lie.
    pub(crate) points: &'a Path,
    /// The bug that is planted in it.
    pub(crate) bug: Option<&'a str>,
    pub(crate) log: PathBuf,
}

impl Daemon {
    /// Starts `holdfast run`; does not wait for it.
    pub(crate) fn start(boot: Boot<'_>) -> Self {
        let log = File::create(&boot.log).unwrap();
        let mut command = Command::new(binary());
        command.arg("run").arg("--config").arg(boot.config).env_clear().env("HOLDFAST_FAULT_POINTS", boot.points);
        if let Some(bug) = boot.bug {
            command.env("HOLDFAST_PLANTED_BUG", bug);
        }
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Self { child, log: boot.log }
    }

    /// Waits until it says that it runs.
    pub(crate) async fn runs(&mut self) {
        until("the daemon runs", Duration::from_secs(60), async || {
            assert!(!self.has_ended(), "the daemon ended before it ran: {}", fs::read_to_string(&self.log).unwrap_or_default());
            self.says("running").then_some(())
        })
        .await;
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// SIGKILL, from outside.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(sent.success(), "SIG{name} could not be sent");
    }

    /// Whether the kernel has stopped it.
    pub(crate) fn is_frozen(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    }

    /// Whether its log has this text.
    pub(crate) fn says(&self, text: &str) -> bool {
        fs::read_to_string(&self.log).unwrap_or_default().contains(text)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
