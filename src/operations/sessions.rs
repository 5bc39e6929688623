//! The life of this boot's session, for the loops that keep it.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::domain::{ReservationId, TenantId};
use crate::operations::{OperationError, Operations};
use crate::store::{DeadSession, SettledHold};

impl Operations {
    /// Renews the lease; false if it ran out, so that this boot must end.
    ///
    /// # Errors
    /// [`OperationError::Store`] if the database is away; the lease is then as it was.
    pub async fn renew_session(&self) -> Result<bool, OperationError> {
        Ok(self.store.renew_session(&self.lease).await?)
    }

    /// The instant after which nothing may be sent in this boot's name.
    #[must_use]
    pub fn lease_until(&self) -> Instant {
        self.lease.until()
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn end_session(&self) -> Result<(), OperationError> {
        Ok(self.store.end_session().await?)
    }

    /// The holds that a dead session settled or looked at shortly before its death.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn list_settled_by(&self, dead: &DeadSession) -> Result<Vec<SettledHold>, OperationError> {
        let tenants = self.store.list_tenants().await?;
        Ok(self.store.list_settled_by(dead.session, &tenants).await?)
    }

    /// Has the reconciler look at a hold after that time, or earlier if it would anyway.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn make_due(&self, tenant: TenantId, hold: ReservationId, after: TimeDelta) -> Result<(), OperationError> {
        Ok(self.store.make_due(tenant, hold, self.clock.now() + after).await?)
    }

    /// Nothing could be undone for a dead session: the time for which that is tried begins again.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn rescue_anew(&self, dead: &DeadSession) -> Result<(), OperationError> {
        Ok(self.store.rescue_anew(dead.session).await?)
    }

    /// The dead sessions whose engine locks are to be undone now.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn list_dead_sessions(&self, often_for: Duration, sweep_for: Duration) -> Result<Vec<DeadSession>, OperationError> {
        Ok(self.store.list_dead_sessions(often_for, sweep_for).await?)
    }
}
