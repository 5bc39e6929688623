//! Both sides of a comparison, as they were read, and what is known of the orders.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Capabilities, ListedHold, OrderId, Reservation, SourceName};

/// A reservation as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Ours {
    /// The row, with its lines.
    pub row: Reservation,
    /// When it was last written.
    pub updated_at: DateTime<Utc>,
}

/// Both sides. The inventory was read first, so that every hold of ours that it listed had its row by then.
#[derive(Debug, Clone)]
pub struct Books {
    /// The inventory.
    pub source: SourceName,
    /// What it can do.
    pub capabilities: Capabilities,
    /// One of several holds under the same key can be let go.
    pub releases_by_reference: bool,
    /// When the first page was asked for.
    pub began_at: DateTime<Utc>,
    /// How long before that a row must have been at rest to be judged.
    pub at_rest_for: TimeDelta,
    /// Its active holds.
    pub holds: Vec<ListedHold>,
    /// Our reservations with it that are not at an end, and those that a listed hold points to, whatever their state.
    pub rows: Vec<Ours>,
    /// Keys that the list has and that belong to reservations with another inventory.
    pub elsewhere: HashMap<String, SourceName>,
}

/// How far an order has come, as the engine tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Its process is under way.
    Lives,
    /// Its process came to an end of its model.
    Completed,
    /// Its process was ended from outside.
    Terminated,
    /// The engine knows no process of it.
    NotKnown,
    /// The engine could not be asked.
    NotAsked,
}

/// What is known of the orders.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// By the process instance that asked for a hold.
    pub by_instance: HashMap<String, OrderState>,
    /// By the order's id, for holds without a reservation.
    pub by_order: HashMap<OrderId, OrderState>,
}

impl Orders {
    /// The order of a reservation. One that no process asked for is nobody's to judge.
    #[must_use]
    pub fn of(&self, row: &Reservation) -> OrderState {
        let instance = row.process_instance.as_ref();
        instance.and_then(|instance| self.by_instance.get(instance)).copied().unwrap_or(OrderState::NotAsked)
    }

    /// An order by its id.
    #[must_use]
    pub fn of_id(&self, order: OrderId) -> OrderState {
        self.by_order.get(&order).copied().unwrap_or(OrderState::NotAsked)
    }
}

/// What may be proposed beyond what is certain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// Release what a process left held when it came to its end: nothing was to be confirmed.
    pub release_unconfirmed: bool,
    /// Release holds of orders that the engine does not know: it has forgotten them, and nobody else uses this inventory with such keys.
    pub release_unknown_orders: bool,
}
