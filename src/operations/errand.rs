//! An errand: a goal for one reservation, and who waits for it.

use crate::domain::{Goal, TenantId};
use crate::store::{Find, WaitingTask};

/// What somebody wants of one reservation.
#[derive(Debug, Clone)]
pub struct Errand {
    /// Whose reservation it is.
    pub tenant: TenantId,
    /// Which reservation.
    pub find: Find,
    /// What is wanted.
    pub goal: Goal,
    /// Who wants it, for the timeline; this boot, if nobody else.
    pub actor: Option<String>,
    /// The external task that waits for the outcome, should it stay open.
    pub waiting: Option<WaitingTask>,
}
