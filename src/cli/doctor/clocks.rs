//! Clocks that must agree: holds expire by the inventory's, timers fire by the engine's, leases run out by the database's.

use chrono::{DateTime, TimeDelta, Utc};

use super::finding::{Findings, Level};

/// What somebody else's clock said, and when we asked and heard, by our own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) asked_at: DateTime<Utc>,
    pub(super) heard_at: DateTime<Utc>,
    pub(super) theirs: DateTime<Utc>,
    /// How coarse the clock is: an HTTP date drops the fraction of the second.
    pub(super) coarse: TimeDelta,
}

impl Reading {
    /// An HTTP date.
    pub(super) fn of_date(asked_at: DateTime<Utc>, heard_at: DateTime<Utc>, theirs: DateTime<Utc>) -> Self {
        Self { asked_at, heard_at, theirs, coarse: TimeDelta::seconds(1) }
    }

    /// By how much their clock is ahead of ours for certain; zero if the reading cannot tell.
    fn ahead(self) -> TimeDelta {
        let earliest = self.theirs - self.heard_at;
        let latest = self.theirs + self.coarse - self.asked_at;
        if earliest > TimeDelta::zero() {
            earliest
        } else if latest < TimeDelta::zero() {
            latest
        } else {
            TimeDelta::zero()
        }
    }
}

/// Compares a clock with ours. Ten times the threshold is an error: holds would run out unseen.
pub(super) fn compare(findings: &mut Findings, whose: &str, reading: Reading, threshold: TimeDelta) {
    let ahead = reading.ahead();
    let by = format!("{:.1} s", ahead.abs().as_seconds_f64());
    if ahead.abs() <= threshold {
        findings.ok(whose, "its clock agrees with this host's");
        return;
    }
    let level = if ahead.abs() > threshold * 10 { Level::Error } else { Level::Warning };
    let direction = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
    findings.add(
        level,
        whose,
        format!("its clock is at least {by} {direction} this host's"),
        "let both follow the same time servers (NTP): holds expire by the inventory's clock, and orders are told so by ours",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(theirs_ms: i64) -> Reading {
        let at = |ms| DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap();
        Reading { asked_at: at(0), heard_at: at(200), theirs: at(theirs_ms), coarse: TimeDelta::seconds(1) }
    }

    #[test]
    fn a_date_cut_to_the_second_and_a_slow_answer_are_no_skew() {
        for theirs in [-1000, -999, 0, 200] {
            assert_eq!(reading(theirs).ahead(), TimeDelta::zero(), "{theirs}");
        }
        assert_eq!(reading(1200).ahead(), TimeDelta::seconds(1));
        assert_eq!(reading(-4000).ahead(), TimeDelta::seconds(-3));
    }

    #[test]
    fn a_little_is_a_warning_and_much_an_error() {
        let level = |theirs| {
            let mut findings = Findings::of("clocks");
            compare(&mut findings, "somebody", reading(theirs), TimeDelta::seconds(2));
            findings.into_vec()[0].level
        };
        assert_eq!([2000, 3000, 21_000, -30_000].map(level), [Level::Ok, Level::Warning, Level::Error, Level::Error]);
    }
}
