//! Waiting for the database, but not for ever.

use std::time::Duration;

use crate::store::StoreError;

/// The longest that one statement is waited for, or a connection for it.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_secs(15);

/// How many rows one statement of the housekeeping takes away, so that it ends long before that.
pub(crate) const FORGOTTEN_AT_ONCE: i64 = 5_000;

/// A statement that is under way, or a transaction that is begun or ended.
pub(crate) trait Answered<T>: Future<Output = Result<T, sqlx::Error>> + Send + Sized {
    /// Waits for the answer. A connection whose other end is gone without a word (a failover, a firewall that forgot it) would be
    /// waited for until the kernel gives it up, which takes a quarter of an hour.
    ///
    /// # Errors
    /// [`StoreError::Silent`], when it is not known whether the statement had its effect, and what [`StoreError::during`] makes of the
    /// driver's errors.
    fn answered(self, during: &'static str) -> impl Future<Output = Result<T, StoreError>> + Send {
        async move {
            match tokio::time::timeout(LONGEST_ANSWER, self).await {
                Ok(answer) => answer.map_err(StoreError::during(during)),
                Err(_) => Err(StoreError::Silent { during, after: LONGEST_ANSWER }),
            }
        }
    }
}

impl<T, F: Future<Output = Result<T, sqlx::Error>> + Send> Answered<T> for F {}
