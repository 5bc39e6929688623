//! `holdfast run`: the daemon.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::app::{App, Ended};
use crate::cli::error::CliError;
use crate::config::{Config, LogFormat};
use crate::metrics::{self, Kind};
use crate::ops::{LogSettings, start_logging};
use crate::shutdown::Shutdown;

/// Runs until SIGTERM or SIGINT. A session that ran out is followed by a new one in the same process.
pub(crate) async fn run(file: Option<&Path>) -> Result<ExitCode, CliError> {
    let config = Config::load(file)?;
    start_logging(&LogSettings { filter: config.log.level.clone(), json: config.log.format == LogFormat::Json });
    let recorded = start_metrics();
    let shutdown = Shutdown::new();
    let limit = Duration::from_millis(config.shutdown.limit_ms);
    shutdown.follow_signals(limit).map_err(|source| CliError::File { doing: "follow", what: "SIGTERM".to_owned(), source })?;
    loop {
        let app = App::build(config.clone(), recorded.clone()).await?;
        // A boot that was fenced stops hard; the next one must be able to run.
        let boot = Shutdown::new();
        let asked = forward(&shutdown, &boot);
        let ended = app.run(boot).await;
        asked.abort();
        if ended == Ended::Stopped || shutdown.is_soft() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Passes the process's stop on to one boot.
fn forward(from: &Shutdown, to: &Shutdown) -> tokio::task::JoinHandle<()> {
    let (from, to) = (from.clone(), to.clone());
    tokio::spawn(async move {
        from.soft().await;
        to.request_soft();
        from.hard().await;
        to.request_hard();
    })
}

fn start_metrics() -> Option<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for metric in metrics::ALL {
        if let Kind::Seconds(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets).ok()?;
        }
    }
    let recorded = builder.install_recorder().ok()?;
    metrics::describe();
    let upkeep = recorded.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Some(recorded)
}
