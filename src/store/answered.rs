//! Waiting for the database, but not for ever.

use std::time::Duration;

use crate::store::StoreError;

/// The longest that one statement is waited for, or a connection for it.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_secs(15);

/// A statement that is under way, or a transaction that is begun or ended.
pub(crate) trait Answered<T>: Future<Output = Result<T, sqlx::Error>> + Send + Sized {
    /// Waits for the answer. A connection whose other end is gone without a word (a failover, a firewall that forgot it) would be
    /// waited for until the kernel gives it up, which takes a quarter of an hour.
    ///
    /// # Errors
    /// [`StoreError::Silent`], when it is not known whether the statement had its effect, and what [`StoreError::during`] makes of the
    /// driver's errors.
    fn answered(self, during: &'static str) -> impl Future<Output = Result<T, StoreError>> + Send {
        answered_within(LONGEST_ANSWER, during, self)
    }
}

impl<T, F: Future<Output = Result<T, sqlx::Error>> + Send> Answered<T> for F {}

/// The same, for at most so long.
///
/// # Errors
/// As [`Answered::answered`].
pub(crate) async fn answered_within<T>(
    after: Duration,
    during: &'static str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(after, work).await {
        Ok(answer) => answer.map_err(StoreError::during(during)),
        Err(_) => Err(StoreError::Silent { during, after }),
    }
}
