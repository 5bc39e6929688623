//! Logs: lines for people or JSON for machines, to standard error, so that standard output stays for answers.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// A level or a filter.
    pub filter: String,
    /// One JSON object a line.
    pub json: bool,
}

/// Starts logging for this process. A filter that cannot be read is replaced by `info`, and said.
pub fn start_logging(settings: &LogSettings) {
    let (filter, bad) = match EnvFilter::try_new(&settings.filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A second call, in a process that runs the daemon twice, keeps the first one's settings.
    let started = if settings.json { builder.json().flatten_event(true).try_init() } else { builder.compact().try_init() };
    if let (Ok(()), Some(error)) = (started, bad) {
        tracing::warn!(filter = settings.filter, error = %error, "the log filter cannot be read; logging at info");
    }
}
