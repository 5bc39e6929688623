//! Pages: how much of a list is shown at once.

use crate::http::problem::{Problem, ProblemKind};

/// The largest page.
const MOST: i64 = 100;
/// The page of who names no size.
const USUAL: i64 = 50;

/// How many are to be shown at most.
///
/// # Errors
/// [`ProblemKind::Validation`] unless it is 1 to 100.
pub(crate) fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(USUAL);
    if (1..=MOST).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::new(ProblemKind::Validation, format!("`limit` must be 1 to {MOST}.")))
    }
}
