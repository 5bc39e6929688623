//! The simulator's own time: the machine's, plus an offset that its user may move.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// An instant, as every record here writes it.
pub(crate) type Instant = DateTime<Utc>;

/// The only place of the simulator that asks the machine for the time.
#[derive(Debug, Default)]
pub(crate) struct SimulatorClock {
    offset_ms: AtomicI64,
}

impl SimulatorClock {
    /// What the simulator believes, in whole milliseconds: expiry and visibility are judged by it.
    pub(crate) fn now(&self) -> Instant {
        let offset = TimeDelta::milliseconds(self.offset_ms());
        let now = self.machine_now();
        now.checked_add_signed(offset).unwrap_or(now).trunc_subsecs(3)
    }

    /// The machine's time, which other processes of a test share.
    #[expect(clippy::disallowed_methods, reason = "the simulator shares nothing with the daemon, so it has a clock of its own")]
    pub(crate) fn machine_now(&self) -> Instant {
        Utc::now().trunc_subsecs(6)
    }

    /// Moves the simulator's time; a negative step goes back.
    pub(crate) fn advance(&self, step_ms: i64) {
        self.offset_ms.fetch_add(step_ms, Ordering::SeqCst);
    }

    /// How far the simulator is ahead of the machine.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::SeqCst)
    }
}
