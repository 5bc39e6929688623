//! The section about the processes of orders.

use serde::Deserialize;

use super::{ConfigError, require};

/// Which process an order has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersConfig {
    /// The id of the process in its model.
    pub process: String,
    /// The message that cancels it.
    pub cancel_message: String,
}

impl OrdersConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(!self.process.is_empty(), "orders.process", "must be the id of a process, such as order-fulfilment")?;
        require(!self.cancel_message.is_empty(), "orders.cancel_message", "must be the name of a message, such as OrderCancelled")
    }
}
