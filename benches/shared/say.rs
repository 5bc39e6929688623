//! What a benchmark says to whoever runs it, and where it writes the rest.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks to whoever runs it")]

use std::path::{Path, PathBuf};

use crate::Failure;

/// Prints a line of the report.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Says what went wrong, with its causes.
pub(crate) fn complain(error: &Failure) {
    eprintln!("bench: {}", holdfast::chain::chain(error.as_ref()));
}

/// The summary and the daemons' logs.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join("bench")
}
