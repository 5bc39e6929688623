//! The session's own connection: its lease guards the work, and must not wait behind it.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Error};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::store::StoreError;
use crate::store::answered::answered_within;
use crate::store::sessions::LEASE;

/// One connection, opened when it is first used. One that failed or fell silent is left for a new one.
#[derive(Debug)]
pub(crate) struct LeaseConnection {
    options: PgConnectOptions,
    open: Mutex<Option<PgConnection>>,
}

impl LeaseConnection {
    pub(crate) fn lazy(options: PgConnectOptions) -> Self {
        Self { options, open: Mutex::new(None) }
    }

    /// Runs one statement, for at most as long as a lease lasts: what is answered later comes too late.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Silent`] or [`StoreError::Refused`].
    pub(crate) async fn run<T>(
        &self,
        during: &'static str,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let running = async {
            let mut open = self.open.lock().await;
            // Taken out for the time being: if this ends early, for whatever reason, the connection goes with it.
            let mut connection = match open.take() {
                Some(connection) => connection,
                None => PgConnection::connect_with(&self.options).await?,
            };
            let done = work(&mut connection).await?;
            *open = Some(connection);
            Ok(done)
        };
        answered_within(LEASE, during, running).await
    }

    /// Says goodbye to the server, if it listens.
    pub(crate) async fn close(&self) {
        if let Some(connection) = self.open.lock().await.take()
            && let Ok(Err(error)) = timeout(LEASE, connection.close()).await
        {
            tracing::debug!(error = %error, "the session's connection did not close as it should");
        }
    }
}
