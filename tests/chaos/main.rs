//! The crash and fault matrix: every case on the real engine, a real PostgreSQL, a real inventory, and the daemon's own binary.
//!
//! `cargo test --features chaos --test chaos` plays the quick part, `-- full` all of it, `-- bugs` the planted bugs. `CASE=…` plays
//! one case by its name, `SEED=…` repeats the random ones, `BUDGET_S` says how long those may take, `JOBS` how many run at once.

#[cfg(test)]
mod bugs;
#[cfg(test)]
mod case;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod database;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod link;
#[cfg(test)]
mod model;
#[cfg(test)]
mod order;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod play;
#[cfg(test)]
mod report;
#[cfg(test)]
mod rig;
#[cfg(test)]
#[expect(dead_code, reason = "all of it is told when a case has failed")]
mod rows;
#[cfg(test)]
mod runner;
#[cfg(test)]
#[expect(dead_code, reason = "the other tests use all of it")]
mod support;

#[cfg(test)]
fn main() -> std::process::ExitCode {
    runner::run()
}

#[cfg(not(test))]
fn main() {}
