//! What came out, for people and for machines.

use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::lag::Lag;
use crate::measure::{median, percentile, spread};
use crate::old_transaction::Old;
use crate::say::say;
use crate::without_broker::Orders;

/// Everything that was measured.
pub(crate) struct Measured {
    pub(crate) lag: Lag,
    pub(crate) drained_per_s: f64,
    pub(crate) old: Old,
    pub(crate) orders: Orders,
}

/// The table.
pub(crate) fn print(measured: &Measured) {
    let Measured { lag, drained_per_s, old, orders } = measured;
    let (p99, raw_p99) = (percentile(&lag.relay, 0.99), percentile(&lag.raw, 0.99));
    let between = |values: &[f64]| {
        let (least, most) = spread(values);
        format!("{least:.0} to {most:.0}")
    };
    say("");
    line("commit to the broker's word, p50, ms", median(&lag.relay), 2, "", None, &format!("raw producer {:.2}", median(&lag.raw)));
    let goal = format!("{:.1} or less, 100 at most", raw_p99 * 4.0);
    line(
        "commit to the broker's word, p99, ms",
        p99,
        2,
        &goal,
        Some(p99 <= raw_p99 * 4.0 && p99 <= 100.0),
        &format!("raw producer {raw_p99:.2}"),
    );
    line("drained, facts/s", *drained_per_s, 0, "", None, "");
    let by_round = format!("{} orders/s, with a broker {}", between(&orders.down), between(&orders.up));
    line("orders without / with a broker", orders.ratio(), 2, "0.95 or more", Some(orders.ratio() >= 0.95), &by_round);
    let by_round = format!("{} facts/s, without {}", between(&old.with), between(&old.without));
    line("told with / without an old transaction", old.ratio(), 2, "0.95 or more", Some(old.ratio() >= 0.95), &by_round);
}

fn line(what: &str, found: f64, digits: usize, goal: &str, met: Option<bool>, more: &str) {
    let met = match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    say(&format!("{what:<40} {found:>10.digits$}   {goal:<24} {met:<7} {more}"));
}

/// The figures under the names that others read them by.
pub(crate) fn write_summary(file: &Path, measured: &Measured) -> Result<(), Failure> {
    let Measured { lag, drained_per_s, old, orders } = measured;
    let round = |value: f64, digits: i32| (value * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
    let summary = json!({
        "lag_p50_ms": round(median(&lag.relay), 2),
        "lag_p99_ms": round(percentile(&lag.relay, 0.99), 2),
        "raw_p99_ms": round(percentile(&lag.raw, 0.99), 2),
        "drain_events_per_s": round(*drained_per_s, 0),
        "orders_ratio_broker_down": round(orders.ratio(), 3),
        "outbox_ratio_old_transaction": round(old.ratio(), 3),
    });
    std::fs::write(file, format!("{summary:#}\n"))?;
    say(&format!("\nwritten: {}", file.display()));
    Ok(())
}
