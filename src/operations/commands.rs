//! Commands: promised to a caller, carried out in the background by whoever is alive.

use chrono::TimeDelta;

use crate::domain::{CommandId, Goal, Rejection, ReservationStatus, SourceName, TenantId};
use crate::operations::{Conclusion, Errand, OperationError, Operations};
use crate::store::{CommandRecord, Find, NewCommand, Put, Tried};

impl Operations {
    /// Puts a command on record: from now on it is carried out, whatever dies.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn put_command(&self, command: &NewCommand) -> Result<Put, OperationError> {
        Ok(self.store.put_command(command, self.clock.now()).await?)
    }

    /// Whether there is such an inventory.
    ///
    /// # Errors
    /// [`OperationError::UnknownSource`], naming those that there are.
    pub fn known_source(&self, name: &SourceName) -> Result<(), OperationError> {
        self.source(name).map(drop)
    }

    /// One command.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn command(&self, tenant: TenantId, id: CommandId) -> Result<Option<CommandRecord>, OperationError> {
        Ok(self.store.get_command(tenant, id).await?)
    }

    /// Claims commands that are due, of these tenants or of all.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn claim_commands(&self, tenants: &[TenantId], limit: i64, lingers: TimeDelta) -> Result<Vec<CommandRecord>, OperationError> {
        let tenants = self.tenants(tenants).await?;
        Ok(self.store.claim_commands(&tenants, self.clock.now(), limit, lingers).await?)
    }

    /// Writes down what became of a try; false if somebody else carries the command out by now.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn settle_command(&self, command: &CommandRecord, tried: &Tried) -> Result<bool, OperationError> {
        Ok(self.store.settle_command(command, tried, self.clock.now()).await?)
    }

    /// Runs the operation that a command asks for on its reservation. Repeating it is safe, as it is for every operation.
    ///
    /// # Errors
    /// [`OperationError`].
    pub async fn run_command(&self, command: &CommandRecord, goal: Goal) -> Result<Tried, OperationError> {
        let Some(reservation) = command.reservation else {
            return Ok(Tried::refused("NOT_FOUND", "The command names no reservation."));
        };
        let errand = Errand {
            tenant: command.tenant,
            find: Find::Id(reservation),
            goal,
            actor: Some(format!("api: {}", command.requested_by)),
            waiting: None,
        };
        Ok(match self.run(&errand).await? {
            Conclusion::Settled(row) if errand.goal == Goal::Release && row.status == ReservationStatus::Confirmed => {
                refused(&row.why_kept())
            }
            Conclusion::Settled(row) => Tried::done(row.status.as_str(), None),
            Conclusion::Refused(_, rejection) => refused(&rejection),
            Conclusion::NotPossible(row, why) => {
                Tried::refused(&format!("{}_NOT_POSSIBLE", command.kind), &format!("{why} (it is {})", row.status))
            }
            Conclusion::Unknown(_, why) => self.later(command, &format!("the outcome is not known yet: {why}")),
            Conclusion::NotSent(_, why) => self.later(command, &format!("nothing was sent: {why}")),
            Conclusion::Busy(_) => self.later(command, "somebody works on the reservation right now"),
            Conclusion::NotFound => Tried::refused("NOT_FOUND", "There is no such reservation."),
            Conclusion::OtherRequest(_) | Conclusion::EarlierAttemptLives => {
                Tried::refused("NOT_POSSIBLE", "Another request holds this place.")
            }
        })
    }

    /// Writes down that the reservation was found at the version that the command is for; false if somebody else carries the command
    /// out by now.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn drop_condition(&self, command: &CommandRecord) -> Result<bool, OperationError> {
        Ok(self.store.drop_condition(command).await?)
    }

    /// Writes down that what the command asks for leaves now; false if somebody else carries the command out by now, so that it must
    /// not leave.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn command_leaves(&self, command: &CommandRecord) -> Result<bool, OperationError> {
        Ok(self.store.command_leaves(command, self.clock.now()).await?)
    }

    /// To be tried again, the later the more often it was tried: after a second at first, a minute at most.
    #[must_use]
    pub fn later(&self, command: &CommandRecord, detail: &str) -> Tried {
        Tried::Later { at: self.clock.now() + pause(command.attempts), detail: detail.to_owned() }
    }

    /// To be tried again after a while.
    #[must_use]
    pub fn later_by(&self, pause: TimeDelta, detail: &str) -> Tried {
        Tried::Later { at: self.clock.now() + pause, detail: detail.to_owned() }
    }
}

fn refused(rejection: &Rejection) -> Tried {
    Tried::refused(&rejection.code, rejection.message.as_deref().unwrap_or("The inventory refused."))
}

fn pause(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(6);
    TimeDelta::seconds(1 << doublings).min(TimeDelta::minutes(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute() {
        let pauses: Vec<_> = [1, 2, 3, 7, 8, 1_000, i32::MAX].map(|attempts| pause(attempts).num_seconds()).into();
        assert_eq!(pauses, [1, 2, 4, 60, 60, 60, 60]);
    }
}
