//! The order behind a hold: whether its process is still under way, and what becomes of the hold where it was ended from outside.

use chrono::TimeDelta;

use crate::chain::chain;
use crate::domain::{Reservation, ReservationId, ReservationStatus, TenantId};
use crate::engine::{EngineError, ProcessInstanceId, ProcessInstanceRecord};
use crate::fault_points::fault_point;
use crate::operations::OperationError;
use crate::topics::handler::Topics;

/// After how long the engine is asked again where it did not answer.
const ASK_THE_ENGINE_AGAIN: TimeDelta = TimeDelta::seconds(10);
/// The same, where the process is suspended: whoever suspended it may delete it, and no task of it tells us.
const LOOK_AGAIN_AT_A_SUSPENDED_ORDER: TimeDelta = TimeDelta::minutes(5);

/// How the order behind a hold stands, by its outermost process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProcessState {
    /// Ended from outside: nobody will ever give its hold back but us.
    Deleted,
    /// It may go on, and be deleted before.
    Suspended,
    /// Under way, over by its own model, or not known.
    Other,
}

impl Topics {
    /// A hold that was found to stand although its order's process was ended from outside is let go: nobody else will ask for it.
    ///
    /// # Errors
    /// [`OperationError::Store`] if the database is away.
    pub async fn release_if_order_gone(&self, row: &Reservation) -> Result<(), OperationError> {
        let held = matches!(row.status, ReservationStatus::Reserved | ReservationStatus::Confirmed);
        let Some(instance) = row.process_instance.as_deref().filter(|_| held && !row.release_wanted) else { return Ok(()) };
        self.release_if_terminated(row.tenant, row.id, &ProcessInstanceId::new(instance)).await
    }

    /// Marks what a process held for release if that was ended from outside. If it cannot be known for good now, it is found out later.
    ///
    /// # Errors
    /// [`OperationError::Store`] if the database is away.
    pub async fn release_if_terminated(
        &self,
        tenant: TenantId,
        reservation: ReservationId,
        instance: &ProcessInstanceId,
    ) -> Result<(), OperationError> {
        match self.state_of_process(tenant, instance).await {
            Ok(ProcessState::Deleted) => {
                fault_point!("gone.known");
                tracing::info!(reservation.id = %reservation, instance.id = %instance, "the process was ended from outside: its hold is released");
                self.operations.want_release(tenant, reservation).await
            }
            Ok(ProcessState::Suspended) => self.operations.make_due(tenant, reservation, LOOK_AGAIN_AT_A_SUSPENDED_ORDER).await,
            Ok(ProcessState::Other) => Ok(()),
            Err(error) => {
                tracing::warn!(reservation.id = %reservation, error = %chain(&error), "could not find out whether the process of a hold is over");
                self.operations.make_due(tenant, reservation, ASK_THE_ENGINE_AGAIN).await
            }
        }
    }

    /// Whether the process that asked for a hold is still under way. A hold that no process asked for has nobody to live for.
    pub async fn order_lives(&self, row: &Reservation) -> bool {
        let Some(instance) = row.process_instance.as_deref() else { return false };
        let instance = ProcessInstanceId::new(instance);
        let lives = async {
            let Some(record) = self.engine.instance_record(&instance).await? else { return Ok(false) };
            Ok(record.is_under_way() || self.goes_on_in_another(row.tenant, &record).await?)
        };
        lives.await.unwrap_or_else(|error: EngineError| {
            tracing::warn!(reservation.id = %row.id, error = %chain(&error), "could not find out whether the process of a hold lives");
            false
        })
    }

    /// A timer or a cancellation of the model ends a task too, but then the process lives on and has its say; and a process that came to
    /// its end had it. An order that was started anew after its process was deleted has the same hold.
    async fn state_of_process(&self, tenant: TenantId, instance: &ProcessInstanceId) -> Result<ProcessState, EngineError> {
        let Some(record) = self.engine.instance_record(instance).await? else { return Ok(ProcessState::Other) };
        let root = match record.root_process_instance_id.clone() {
            Some(root) if root != *instance => self.engine.instance_record(&root).await?,
            _ => Some(record),
        };
        Ok(match root {
            Some(root) if root.is_terminated() && !self.goes_on_in_another(tenant, &root).await? => ProcessState::Deleted,
            Some(root) if root.is_suspended() => ProcessState::Suspended,
            _ => ProcessState::Other,
        })
    }

    /// Whether the tenant's order goes on in another instance: it was started anew.
    async fn goes_on_in_another(&self, tenant: TenantId, ended: &ProcessInstanceRecord) -> Result<bool, EngineError> {
        for other in self.engine.others_under_way(ended).await? {
            if other.tenant_id.is_some() || self.defaults.owns(tenant, &self.engine.variable_records(&other.id).await?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
