//! Random histories of one order step against a small reference model, on a real PostgreSQL and a real inventory: commands, answers
//! that get lost, replicas that die, and clocks that jump.
//!
//! Every history has a seed. A failing one is made as short as possible and printed with it: `HISTORY_SEED=…` plays it again.
//! `HISTORIES` says how many are played.

mod bench;
mod book;
mod command;

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::support::database::Database;
use crate::support::engine::variable_or;

/// Where the seeds of a run begin, unless one is named.
const FIRST_SEED: u64 = 1;
/// How many histories are played side by side: they wait more than they compute.
const SIDE_BY_SIDE: usize = 4;

#[test]
fn whatever_happens_the_daemon_says_what_the_reference_model_allows() {
    let named = variable_or("HISTORY_SEED", "");
    let (first, count) = match named.parse::<u64>() {
        Ok(seed) => (seed, 1),
        Err(_) => (FIRST_SEED, variable_or("HISTORIES", "60").parse().unwrap()),
    };
    // One runtime for all: the superuser's connections belong to it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let database = runtime.block_on(Database::fresh());
    let next = AtomicU64::new(first);
    let failed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::SeqCst);
                        if seed >= first + count {
                            return None;
                        }
                        if let Err(failure) = one(seed, &database, &runtime) {
                            return Some(failure);
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    runtime.block_on(database.pool().close());
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Plays the history of a seed; if it fails, the shortest one like it is told.
fn one(seed: u64, database: &Database, runtime: &tokio::runtime::Runtime) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: 1, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let played = runner.run(&command::histories(), |history| {
        let story = std::panic::AssertUnwindSafe(|| runtime.block_on(bench::play(database, &history)));
        story().map_err(proptest::test_runner::TestCaseError::fail)
    });
    match played {
        Ok(()) => Ok(()),
        Err(TestError::Fail(why, history)) => Err(format!("HISTORY_SEED={seed}: {why}\n{history:#?}")),
        Err(TestError::Abort(why)) => Err(format!("HISTORY_SEED={seed}: {why}")),
    }
}
