//! `holdfast run`: the daemon.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::app::{App, Ended};
use crate::chain::chain;
use crate::cli::error::CliError;
use crate::config::{Config, LogFormat};
use crate::metrics::{self, Kind};
use crate::ops::{LogSettings, start_logging};
use crate::shutdown::Shutdown;

/// How often what the recorder has gathered is folded together.
const UPKEEP: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT. A session that ran out is followed by a new one in the same process.
pub(crate) async fn run(file: Option<&Path>) -> Result<ExitCode, CliError> {
    let config = Config::load(file)?;
    start_logging(&LogSettings { filter: config.log.level.clone(), json: config.log.format == LogFormat::Json });
    let recorded = start_metrics()
        .inspect_err(|error| tracing::warn!(error = %chain(error), "metrics cannot be recorded: the daemon runs without them"))
        .ok();
    let shutdown = Shutdown::new();
    let limit = Duration::from_millis(config.shutdown.limit_ms);
    shutdown.follow_signals(limit).map_err(|source| CliError::File { doing: "follow", what: "SIGTERM".to_owned(), source })?;
    loop {
        let app = App::build(config.clone(), recorded.clone()).await?;
        // A boot that was fenced stops hard; the next one must be able to run.
        let boot = Shutdown::new();
        let asked = boot.follow(&shutdown);
        let ended = app.run(boot).await;
        asked.abort();
        if ended == Ended::Stopped || shutdown.is_soft() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in metrics::ALL {
        if let Kind::Seconds(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    let recorded = builder.install_recorder()?;
    metrics::describe();
    let upkeep = recorded.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(recorded)
}
