//! The life of this boot's session, for the loops that keep it.

use std::time::{Duration, Instant};

use crate::operations::Operations;
use crate::store::{DeadSession, StoreError};

impl Operations {
    /// Renews the lease; false if it ran out, so that this boot must end.
    ///
    /// # Errors
    /// [`StoreError`] if the database is away; the lease is then as it was.
    pub async fn renew_session(&self) -> Result<bool, StoreError> {
        self.store.renew_session(&self.lease).await
    }

    /// The instant after which nothing may be sent in this boot's name.
    #[must_use]
    pub fn lease_until(&self) -> Instant {
        self.lease.until()
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session(&self) -> Result<(), StoreError> {
        self.store.end_session().await
    }

    /// The dead sessions whose engine locks are to be undone now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_dead_sessions(&self, sweep_for: Duration) -> Result<Vec<DeadSession>, StoreError> {
        self.store.list_dead_sessions(sweep_for).await
    }
}
