//! `holdfast holds compare`: reads both sides, asks the engine about the orders, and says what differs.

use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

use super::command::Compare;
use super::orders;
use super::plan::{Finding, Plan};
use crate::chain::chain;
use crate::cli::error::CliError;
use crate::cli::output::{complain, say, table};
use crate::cli::session::Session;
use crate::config::Config;
use crate::domain::{Consent, DriftKind, Orders, Remedy, SourceName, compare};
use crate::engine::EngineError;
use crate::operations::CompareError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    source: &'a str,
    compared_at: DateTime<Utc>,
    holds: usize,
    reservations: usize,
    unreadable: &'a [String],
    engine: Option<&'a str>,
    findings: &'a [Finding],
}

/// Compares; the plan is written only if everything could be read.
pub(super) async fn carry_out(config: Config, options: Compare) -> Result<ExitCode, CliError> {
    let name = SourceName::parse(&options.source).map_err(|must| CliError::Said(format!("--source {must}, it is `{}`", options.source)))?;
    if let Some(path) = options.plan.as_ref().filter(|path| path.exists()) {
        return Err(CliError::Said(format!("{} exists already: an old plan is not overwritten, name another file", path.display())));
    }
    let session = Session::reading(config).await?;
    let tenants = session.tenants(options.tenant.as_deref())?;
    let at_rest = TimeDelta::seconds(i64::from(options.at_rest));
    let readings = session.operations.read_books(&name, &tenants, at_rest).await?;
    let consent = Consent { release_unconfirmed: options.release_unconfirmed, release_unknown_orders: options.release_unknown_orders };
    let compared_at = session.clock.now();
    let (mut findings, mut unreadable, mut not_asked) = (Vec::new(), Vec::new(), None);
    for reading in &readings {
        let orders = match orders::ask(&session.engine, &reading.books).await {
            Ok(orders) => orders,
            Err(error) => {
                not_asked = Some(not_asked_because(&error));
                Orders::default()
            }
        };
        for drift in compare(&reading.books, &orders, consent, compared_at) {
            findings.push(Finding::of(findings.len() + 1, &drift, reading.tenant));
        }
        unreadable.extend(reading.unreadable.iter().cloned());
    }
    let report = Report {
        source: name.as_str(),
        compared_at,
        holds: readings.iter().map(|reading| reading.books.holds.len()).sum(),
        reservations: readings.iter().map(|reading| reading.books.rows.len()).sum(),
        unreadable: &unreadable,
        engine: not_asked.as_deref(),
        findings: &findings,
    };
    print(&report, options.json);
    if let Some(path) = &options.plan {
        let inventory = session.config.sources.get(name.as_str()).map_or("", |source| source.base_url.as_str());
        Plan::sealed(compared_at, name.as_str(), inventory, &session.store.identity().await?, findings).write(path)?;
        if !options.json {
            say(&format!("the plan is in {0}: rehearse it with `holdfast holds apply {0} --dry-run`", path.display()));
        }
    }
    session.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn not_asked_because(error: &EngineError) -> String {
    format!("the engine could not be asked about the orders, so that none counts as over: {}", chain(&error))
}

fn print(report: &Report<'_>, json: bool) {
    if json {
        say(&serde_json::to_string(report).unwrap_or_default());
        return;
    }
    let cells = report.findings.iter().map(|finding| {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let until = finding.until.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let number = finding.number.to_string();
        vec![
            number,
            finding.kind.clone(),
            finding.action.clone(),
            or_none(&finding.hold),
            or_none(&finding.reservation),
            until,
            finding.why.clone(),
        ]
    });
    if !report.findings.is_empty() {
        table(&["", "kind", "action", "hold", "reservation", "until", "why"], &cells.collect::<Vec<_>>());
        say("");
    }
    let counts = DriftKind::ALL.into_iter().filter_map(|kind| {
        let count = report.findings.iter().filter(|finding| finding.kind == kind.as_str()).count();
        (count > 0).then(|| format!("{count} {kind}"))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    let differ = if counts.is_empty() { "nothing differs".to_owned() } else { counts };
    say(&format!("{}: {} active holds, {} reservations: {differ}", report.source, report.holds, report.reservations));
    let to_do = report.findings.iter().filter(|finding| finding.action != Remedy::None.as_str()).count();
    if to_do > 0 {
        say(&format!("something could be done about {to_do}"));
    }
    for entry in report.unreadable {
        complain(&format!("warning: an entry of the list could not be read, and may be one of ours: {entry}"));
    }
    if let Some(engine) = report.engine {
        complain(&format!("warning: {engine}"));
    }
}

impl From<CompareError> for CliError {
    fn from(error: CompareError) -> Self {
        Self::Said(chain(&error))
    }
}
