//! How patient the daemon is with one inventory, and when a hold is extended without anybody asking.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use crate::domain::{Reservation, ReservationStatus as Status};

/// How patiently one source's outcomes are found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a request may still act after it was sent; no absence counts as proven before that.
    pub linger: TimeDelta,
    /// How many look-ups in a row must show nothing, at least 1.
    pub absent_looks: i32,
    /// When an open outcome is first looked at.
    pub first_check: TimeDelta,
    /// The longest pause between two looks; the pause doubles up to it.
    pub slowest_check: TimeDelta,
    /// When a human is called in.
    pub manual_after: TimeDelta,
    /// How long after its expiry a hold is looked at, or given up where nobody can look.
    pub expiry_grace: TimeDelta,
    /// When a claimed row whose worker vanished is looked at.
    pub orphan_after: TimeDelta,
    /// A hold of less than was asked for is kept; otherwise it is released and the reserve counts as refused.
    pub accept_partial: bool,
    /// Holds of living orders are extended before they run out; never, if there is none.
    pub auto_extend: Option<AutoExtend>,
}

/// How far a hold is extended without anybody asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoExtend {
    /// How long before its end.
    pub before: TimeDelta,
    /// By how much, counted from then.
    pub by: TimeDelta,
    /// How often at the most.
    pub most: i32,
    /// How old a hold may become by it, counted from when it was placed.
    pub max_age: TimeDelta,
}

impl Policy {
    /// Until when a hold is to be extended now, without anybody asking: only one that has not run out, whose end is near, that has
    /// not been extended too often and is not too old.
    #[must_use]
    pub fn extension_due(&self, row: &Reservation, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (at, until) = self.next_extension(row)?;
        let ends = row.expires_at?;
        let until = until.min(now + self.auto_extend?.by).trunc_subsecs(0);
        (at <= now && now < ends && until > ends).then_some(until)
    }

    /// When it is next tried to extend a hold without anybody asking. What has come to nothing once its time was there is tried again, the
    /// sooner the nearer the end is.
    #[must_use]
    pub fn next_try_to_extend(&self, row: &Reservation, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (at, _) = self.next_extension(row)?;
        let ends = row.expires_at.filter(|ends| now < *ends)?;
        Some(if at > now { at } else { now + ((ends - now) / 4).max(self.first_check) })
    }

    /// When a hold would next be extended, and until when at the most.
    pub(crate) fn next_extension(&self, row: &Reservation) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let auto = self.auto_extend?;
        let idle = row.status == Status::Reserved && row.pending.is_none() && !row.release_wanted;
        let (ends, oldest) = (row.expires_at?, row.reserved_at? + auto.max_age);
        (idle && row.extensions < auto.most && ends < oldest).then_some((ends - auto.before, oldest))
    }

    /// How long after so many looks the next one comes: doubles from the first pause to the slowest.
    pub(crate) fn pause(&self, checks: i32) -> TimeDelta {
        let doublings = u32::try_from(checks.clamp(0, 20)).unwrap_or(0);
        self.first_check.checked_mul(1 << doublings).map_or(self.slowest_check, |pause| pause.min(self.slowest_check))
    }
}
