//! The table for people and the file for programs.

use std::path::Path;

use serde_json::json;

use crate::contestants::Measured;
use crate::measure::median;
use crate::say::say;
use crate::{Failure, Options};

fn millis(measured: &Measured, share: f64) -> f64 {
    measured.latency.value_at_quantile(share) as f64 / 1000.0
}

/// The table.
pub(crate) fn print(options: &Options, measured: &[Measured]) {
    say(&format!("{} requests a round, {} at once, {} rounds", options.requests, options.at_once, options.rounds));
    say("| request | per second (median, lowest to highest round) | p50 ms | p90 ms | p99 ms | p99.9 ms |");
    say("|---|---|---|---|---|---|");
    for one in measured {
        let (low, high) = one.rates.iter().fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        say(&format!(
            "| {} | {:.0} ({low:.0} to {high:.0}) | {:.2} | {:.2} | {:.2} | {:.2} |",
            one.contestant.name(),
            median(&one.rates),
            millis(one, 0.5),
            millis(one, 0.9),
            millis(one, 0.99),
            millis(one, 0.999),
        ));
    }
}

/// The same as JSON.
pub(crate) fn write(path: &Path, options: &Options, measured: &[Measured]) -> Result<(), Failure> {
    let rows: Vec<_> = measured
        .iter()
        .map(|one| {
            json!({
                "request": one.contestant.name(),
                "ratesPerSecond": one.rates,
                "p50Ms": millis(one, 0.5),
                "p90Ms": millis(one, 0.9),
                "p99Ms": millis(one, 0.99),
                "p999Ms": millis(one, 0.999),
            })
        })
        .collect();
    let summary = json!({ "requests": options.requests, "atOnce": options.at_once, "rounds": options.rounds, "results": rows });
    std::fs::write(path, serde_json::to_string_pretty(&summary)?)?;
    say(&format!("written to {}", path.display()));
    Ok(())
}
