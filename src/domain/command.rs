//! Commands: what was promised to a caller, to be carried out in the background.

use crate::domain::spelled::spelled;

spelled! {
    /// What is to be done.
    pub enum CommandKind {
        /// Start the process of an order, which reserves.
        StartOrder = "START_ORDER",
        /// Let a hold go.
        Release = "RELEASE",
        /// Make a hold a commitment.
        Confirm = "CONFIRM",
        /// Hold longer.
        Extend = "EXTEND",
    }
}

spelled! {
    /// How far it is.
    pub enum CommandState {
        /// It is being tried, until it is done or refused.
        Pending = "PENDING",
        /// It was carried out. An end.
        Done = "DONE",
        /// It cannot be carried out, and why stands beside it. An end.
        Refused = "REFUSED",
    }
}
