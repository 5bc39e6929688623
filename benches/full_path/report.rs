//! What came out, for people and for machines.

use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::measure::{median, percentile, spread};
use crate::pickup::Pickup;
use crate::rounds::{Round, Rounds};
use crate::say::say;
use crate::takeover::Takeover;

/// Everything that was measured.
pub(crate) struct Measured {
    pub(crate) rounds: Rounds,
    pub(crate) pickup: Pickup,
    pub(crate) takeover: Takeover,
}

/// One figure, what it is to be, and what belongs to it.
struct Line {
    what: &'static str,
    found: String,
    goal: String,
    met: Option<bool>,
    more: String,
}

/// The table.
pub(crate) fn print(measured: &Measured) {
    say("");
    for line in lines(measured) {
        let met = match line.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        say(&format!("{:<34} {:>12}   {:<14} {met:<7} {}", line.what, line.found, line.goal, line.more));
    }
}

/// The figures under the names that others read them by.
pub(crate) fn write_summary(file: &Path, measured: &Measured) -> Result<(), Failure> {
    let Measured { rounds, pickup, takeover } = measured;
    let round = |value: f64, digits: i32| (value * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
    let summary = json!({
        "full_to_noop_ratio": round(ratio(rounds, Round::ratio), 3),
        "cpu_ms_per_task": round(rounds.cpu_ms, 3),
        "peak_rss_mb": round(rounds.peak_memory_mb, 1),
        "commits_per_effect": round(pickup.commits_per_effect, 3),
        "pickup_p50_ms": round(median(&pickup.begun), 2),
        "pickup_p99_ms": round(percentile(&pickup.begun, 0.99), 2),
        "takeover_ms": round(median(&takeover.ended), 0),
    });
    std::fs::write(file, format!("{summary:#}\n"))?;
    say(&format!("\nwritten: {}", file.display()));
    Ok(())
}

fn ratio(rounds: &Rounds, of: impl Fn(&Round) -> f64) -> f64 {
    median(&rounds.rounds.iter().map(of).collect::<Vec<_>>())
}

fn lines(measured: &Measured) -> Vec<Line> {
    let Measured { rounds, pickup, takeover } = measured;
    let per_round = |of: fn(&Round) -> f64| rounds.rounds.iter().map(of).collect::<Vec<_>>();
    let between = |values: &[f64], digits: usize| {
        let (least, most) = spread(values);
        format!("{least:.digits$} to {most:.digits$}")
    };
    let plain = |what, found, more| Line { what, found, goal: String::new(), met: None, more };
    let (full, no_op, saying) = (per_round(|r| r.full), per_round(|r| r.no_op), per_round(|r| r.no_op_saying_as_much));
    let ratios = per_round(Round::ratio);
    let (start, begun) = (median(&pickup.started), median(&pickup.begun));
    let shared = (rounds.commits - pickup.idle_commits * rounds.lived.as_secs_f64()) / rounds.effects;
    vec![
        plain(
            "full path, tasks/s",
            format!("{:.0}", median(&full)),
            format!("{} ({} rounds of {})", between(&full, 0), full.len(), rounds.tasks),
        ),
        plain("no-op client, tasks/s", format!("{:.0}", median(&no_op)), format!("{}, maxTasks {}", between(&no_op, 0), rounds.max_tasks)),
        plain("no-op, same variables, tasks/s", format!("{:.0}", median(&saying)), between(&saying, 0)),
        Line {
            what: "full path / no-op",
            found: format!("{:.2}", median(&ratios)),
            goal: "0.75 or more".to_owned(),
            met: Some(median(&ratios) >= 0.75),
            more: format!("{} by round", between(&ratios, 2)),
        },
        plain("full path / no-op, same variables", format!("{:.2}", ratio(rounds, Round::ratio_saying_as_much)), String::new()),
        Line {
            what: "CPU per task, ms",
            found: format!("{:.2}", rounds.cpu_ms),
            goal: "0.6 or less".to_owned(),
            met: Some(rounds.cpu_ms <= 0.6),
            more: "user and kernel, of the daemon".to_owned(),
        },
        Line {
            what: "peak memory, MB",
            found: format!("{:.1}", rounds.peak_memory_mb),
            goal: "30 or less".to_owned(),
            met: Some(rounds.peak_memory_mb <= 30.0),
            more: "VmHWM, of the daemon".to_owned(),
        },
        Line {
            what: "commits per effect, one at a time",
            found: format!("{:.2}", pickup.commits_per_effect),
            goal: "2.05 or less".to_owned(),
            met: Some(pickup.commits_per_effect <= 2.05),
            more: format!("under load {shared:.2}; without the {:.1} per second of an idle daemon", pickup.idle_commits),
        },
        Line {
            what: "pick-up, median, ms",
            found: format!("{begun:.1}"),
            goal: format!("{:.1} or less", start * 1.5),
            met: Some(begun <= start * 1.5),
            more: format!("{:.2} x the start request ({start:.1})", begun / start),
        },
        plain(
            "pick-up, p99, ms",
            format!("{:.1}", percentile(&pickup.begun, 0.99)),
            format!("start request p99 {:.1}", percentile(&pickup.started, 0.99)),
        ),
        plain(
            "start to process ended, median, ms",
            format!("{:.1}", median(&pickup.ended)),
            format!("p99 {:.1}", percentile(&pickup.ended, 0.99)),
        ),
        Line {
            what: "take-over, median, ms",
            found: format!("{:.0}", median(&takeover.ended)),
            goal: "5000 or less".to_owned(),
            met: Some(median(&takeover.ended) <= 5_000.0),
            more: format!("{}; the survivor asked after {:.0}", between(&takeover.ended, 0), median(&takeover.asked)),
        },
    ]
}
