//! The demo's own processes: started, written down where `make down` finds them, replaced, ended.
//!
//! Each is recorded in `run/<name>` of the stack's folder as "pid port mark". A process counts as ours only if it still carries
//! the mark on its command line: its pid may have been handed to another program since.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::cli::demo::files::{Files, failed};
use crate::cli::demo::settings::{Settings, Source};
use crate::cli::error::CliError;

/// The records in `run/`, in the order in which they are ended: nobody is left who could miss an inventory.
const RECORDS: [&str; 4] = ["demo_daemon", "demo_main", "demo_flaky", "demo_legacy"];
/// How long a process may take to end when it is asked to.
const ENDING: Duration = Duration::from_secs(10);
/// How long a process may take to be ready.
const STARTING: Duration = Duration::from_secs(30);
const PEEK: Duration = Duration::from_millis(50);
/// Variables that would be laid over the configuration that the demo writes.
const OVERRIDES: &str = "HOLDFAST_";

/// One running process.
#[derive(Debug)]
pub(super) struct Part {
    title: String,
    log: PathBuf,
    child: Child,
}

/// Ends the processes of an earlier demo; says how many there were.
///
/// # Errors
/// When a record cannot be read or a process does not end.
pub(super) async fn end_recorded(files: &Files) -> Result<usize, CliError> {
    let mut ended = 0;
    for name in RECORDS {
        let record = files.run.join(name);
        let Ok(text) = std::fs::read_to_string(&record) else { continue };
        let mut fields = text.trim_end().splitn(3, ' ');
        if let (Some(pid), Some(_port), Some(mark)) = (fields.next(), fields.next(), fields.next())
            && is_ours(pid, mark)
        {
            end(name, pid, mark).await?;
            ended += 1;
        }
        std::fs::remove_file(&record).map_err(failed("remove", &record))?;
    }
    Ok(ended)
}

/// Refuses to begin where another program listens.
///
/// # Errors
/// A sentence with the variable to change.
pub(super) fn check_ports(settings: &Settings) -> Result<(), CliError> {
    for (port, what, variable) in settings.ports() {
        if let Err(error) = TcpListener::bind(("127.0.0.1", port)) {
            return Err(CliError::Said(format!(
                "port {port}, wanted for {what}, cannot be used: {error}. If another program has it, choose another port, for example: \
                 export {variable}={}",
                if port < 65_000 { port + 100 } else { port - 1_000 }
            )));
        }
    }
    Ok(())
}

/// Starts an inventory.
///
/// # Errors
/// When this program cannot be started once more.
pub(super) fn start_inventory(settings: &Settings, files: &Files, source: Source) -> Result<Part, CliError> {
    let ledger = files.ledger(source);
    // Stock and holds live in the memory of the process: an old ledger tells of things that are gone.
    if ledger.exists() {
        std::fs::remove_file(&ledger).map_err(failed("remove", &ledger))?;
    }
    let mut arguments = vec![
        "simulate-supplier".to_owned(),
        format!("--listen=127.0.0.1:{}", settings.inventory_port(source)),
        format!("--admin-listen=127.0.0.1:{}", settings.inventory_admin_port(source)),
        "--default-stock=1000".to_owned(),
        format!("--ledger={}", ledger.display()),
    ];
    if source == Source::Legacy {
        arguments.extend(["--create=duplicating", "--lookup=none", "--list=false"].map(str::to_owned));
    }
    let part = StartedAs {
        record: format!("demo_{}", source.name()),
        title: format!("the inventory `{}`", source.name()),
        port: settings.inventory_port(source),
        mark: ledger.display().to_string(),
        log: files.log(source.name()),
    };
    start(files, part, &arguments)
}

/// Starts the daemon.
///
/// # Errors
/// When this program cannot be started once more.
pub(super) fn start_daemon(settings: &Settings, files: &Files) -> Result<Part, CliError> {
    let config = files.config.display().to_string();
    let part = StartedAs {
        record: "demo_daemon".to_owned(),
        title: "the daemon".to_owned(),
        port: settings.admin_port,
        mark: config.clone(),
        log: files.log("daemon"),
    };
    start(files, part, &[format!("--config={config}"), "run".to_owned()])
}

struct StartedAs {
    record: String,
    title: String,
    port: u16,
    mark: String,
    log: PathBuf,
}

fn start(files: &Files, part: StartedAs, arguments: &[String]) -> Result<Part, CliError> {
    let this = std::env::current_exe().map_err(failed("find", Path::new("this program")))?;
    let log = std::fs::File::create(&part.log).map_err(failed("write", &part.log))?;
    let also = log.try_clone().map_err(failed("write", &part.log))?;
    let mut command = Command::new(&this);
    command.args(arguments).stdin(Stdio::null()).stdout(log).stderr(also);
    // A group of its own: Ctrl-C ends the demo, not what it leaves running.
    command.process_group(0);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OVERRIDES) {
            command.env_remove(name);
        }
    }
    let child = command.spawn().map_err(failed("start", &this))?;
    let record = files.run.join(&part.record);
    let pid = child.id().unwrap_or_default();
    std::fs::write(&record, format!("{pid} {} {}\n", part.port, part.mark)).map_err(failed("write", &record))?;
    Ok(Part { title: part.title, log: part.log, child })
}

impl Part {
    /// Waits until it is ready by this probe.
    ///
    /// # Errors
    /// With the end of its log, if it ended or was not ready in time.
    pub(super) async fn wait_until<F: Future<Output = bool>>(&mut self, probe: impl Fn() -> F) -> Result<(), CliError> {
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.complaint(&format!("ended while it was starting ({status})")));
            }
            if probe().await {
                return Ok(());
            }
            if begun.elapsed() > STARTING {
                return Err(self.complaint(&format!("was not ready after {} s", STARTING.as_secs())));
            }
            tokio::time::sleep(PEEK).await;
        }
    }

    /// Its process id, as long as it runs.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Says so if it has ended although nobody asked it to.
    pub(super) fn is_over(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(self.complaint(&format!("has ended ({status})")).to_string())
    }

    /// Takes its end from the system once it was ended.
    pub(super) async fn reap(&mut self) {
        drop(self.child.wait().await);
    }

    fn complaint(&self, what: &str) -> CliError {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.iter().skip(lines.len().saturating_sub(15)).map(|line| format!("\n  | {line}")).collect::<String>();
        CliError::Said(format!("{} {what}; the end of its log ({}):{end}", self.title, self.log.display()))
    }
}

fn is_ours(pid: &str, mark: &str) -> bool {
    let is_number = !pid.is_empty() && pid.chars().all(|c| c.is_ascii_digit());
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    is_number && !mark.is_empty() && line.contains(mark)
}

/// A polite request first, then SIGKILL.
async fn end(name: &str, pid: &str, mark: &str) -> Result<(), CliError> {
    let begun = Instant::now();
    signal("TERM", pid).await;
    while is_ours(pid, mark) {
        if begun.elapsed() > ENDING * 2 {
            return Err(CliError::Said(format!("{name} of an earlier demo (pid {pid}) does not end; end it, then try again")));
        }
        if begun.elapsed() > ENDING {
            signal("KILL", pid).await;
        }
        tokio::time::sleep(PEEK).await;
    }
    Ok(())
}

/// The shell's own `kill` is there on every system; the program of that name is not.
async fn signal(name: &str, pid: &str) {
    let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, pid]).stderr(Stdio::null()).status().await;
    drop(sent);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ours_only_by_its_mark() {
        let pid = std::process::id().to_string();
        let line = std::fs::read("/proc/self/cmdline").unwrap();
        let own = String::from_utf8_lossy(&line).split('\0').next().unwrap().to_owned();
        assert!(is_ours(&pid, &own));
        assert!(!is_ours(&pid, "a mark that nobody carries"));
        assert!(!is_ours(&pid, "") && !is_ours("", &own) && !is_ours("self", &own));
    }
}
