//! Places where a test may kill or halt the daemon, and bugs that a test may plant in it: none of it is in a release.
//!
//! Without the features `fault-points` and `planted-bugs` both macros expand to nothing. With them, a process still does nothing
//! unless its environment says so. The matrix that uses them is `tests/chaos/`; its page is `docs/reliability.md`.

#[cfg(all(any(feature = "fault-points", feature = "planted-bugs"), not(debug_assertions)))]
compile_error!("the features `fault-points` and `planted-bugs` let a test break the daemon on purpose: no release may carry them");

/// A place at which a test may end or halt the process. The arguments are those of [`format!`] and make the place's name.
///
/// A place is armed by a file `<name>.<act>` in the folder that `HOLDFAST_FAULT_POINTS` names. Whoever gets there first takes the
/// file away, leaves `<name>.<act>.fired` with its process id, and acts: `kill` ends the process at once, as SIGKILL does; `freeze`
/// stops it as SIGSTOP does, until SIGCONT; `stall` halts this task alone, until there is a file `<name>.go`. A file
/// `<name>.<act>@2` lets one passer-by through first, and so on.
macro_rules! fault_point {
    ($($name:tt)*) => {
        // The name is made only where somebody may have armed it; elsewhere its parts count as used and that is all.
        if cfg!(feature = "fault-points") {
            $crate::fault_points::pass(&format!($($name)*));
        }
    };
}
pub(crate) use fault_point;

/// Code that is wrong on purpose, run only where `HOLDFAST_PLANTED_BUG` names the bug.
macro_rules! planted_bug {
    ($name:literal, $($code:tt)*) => {
        #[cfg(feature = "planted-bugs")]
        if $crate::fault_points::is_planted($name) {
            $($code)*
        }
    };
}
pub(crate) use planted_bug;

#[cfg(feature = "fault-points")]
pub(crate) use points::pass;

/// Nobody can have armed anything.
#[cfg(not(feature = "fault-points"))]
pub(crate) fn pass(_: &str) {}

#[cfg(feature = "fault-points")]
mod points {
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    const ACTS: [&str; 3] = ["kill", "freeze", "stall"];
    /// The most passers-by that a place can let through.
    const MOST_PASSES: u32 = 4;

    /// Does what the place is armed for; nothing, as a rule.
    pub(crate) fn pass(name: &str) {
        let Some(folder) = folder() else { return };
        for act in ACTS {
            if take(folder, &format!("{name}.{act}")) {
                carry_out(folder, name, act);
            }
        }
    }

    fn folder() -> Option<&'static Path> {
        static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
        #[expect(clippy::disallowed_methods, reason = "only the process of a test has it, and no setting of an operator should")]
        let folder = FOLDER.get_or_init(|| std::env::var_os("HOLDFAST_FAULT_POINTS").map(PathBuf::from));
        folder.as_deref()
    }

    /// Whether this process is the one that acts: renaming a file succeeds for one process only.
    fn take(folder: &Path, armed: &str) -> bool {
        for passes in 2..=MOST_PASSES {
            let rest = if passes == 2 { armed.to_owned() } else { format!("{armed}@{}", passes - 1) };
            if std::fs::rename(folder.join(format!("{armed}@{passes}")), folder.join(rest)).is_ok() {
                return false;
            }
        }
        let fired = folder.join(format!("{armed}.fired"));
        std::fs::rename(folder.join(armed), &fired).is_ok() && std::fs::write(&fired, std::process::id().to_string()).is_ok()
    }

    fn carry_out(folder: &Path, name: &str, act: &str) {
        let signal = match act {
            "kill" => Signal::KILL,
            "freeze" => Signal::STOP,
            _ => {
                tokio::task::block_in_place(|| {
                    while !folder.join(format!("{name}.go")).exists() {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                });
                return;
            }
        };
        // Another thread may be the one that the signal reaches first: nothing more is to happen here meanwhile.
        if kill_process(getpid(), signal).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a test planted this bug in this process.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is_planted(name: &str) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "only the process of a test has it, and no setting of an operator should")]
    let planted = PLANTED.get_or_init(|| std::env::var("HOLDFAST_PLANTED_BUG").ok());
    planted.as_deref() == Some(name)
}
