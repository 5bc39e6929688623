//! How the relay is: which shards it has, and whether broker and database answer. Trouble is logged when it begins and when it ends.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::StoreError;

/// How a relay is; clones look at the same one.
#[derive(Debug, Clone, Default)]
pub struct RelayStatus(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    shards: usize,
    in_flight: usize,
    broker: Option<String>,
    database: bool,
}

impl RelayStatus {
    /// How many shards it owns.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.lock().shards
    }

    /// How many facts are with the broker, without its word yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// What is wrong with the broker, if anything.
    #[must_use]
    pub fn broker_complaint(&self) -> Option<String> {
        self.lock().broker.clone()
    }

    /// One sentence for the health page.
    #[must_use]
    pub fn says(&self) -> String {
        let state = self.lock();
        match &state.broker {
            Some(why) => format!("facts wait in the outbox, the broker does not take them: {why}"),
            None => format!("sends the facts of {} shards, {} on their way", state.shards, state.in_flight),
        }
    }

    pub(super) fn set(&self, shards: usize, in_flight: usize) {
        let mut state = self.lock();
        (state.shards, state.in_flight) = (shards, in_flight);
    }

    pub(super) fn broker(&self, complaint: Option<String>) {
        let before = std::mem::replace(&mut self.lock().broker, complaint.clone());
        match (before, complaint) {
            (None, Some(why)) => tracing::warn!(why, "the broker does not take facts; they wait in the outbox"),
            (Some(_), None) => tracing::info!("the broker takes facts again"),
            _ => {}
        }
    }

    pub(super) fn database(&self, error: Option<&StoreError>) {
        let failed_before = std::mem::replace(&mut self.lock().database, error.is_some());
        match (failed_before, error) {
            (false, Some(error)) => super::report("the relay cannot use the database; it goes on trying", error),
            (true, None) => tracing::info!("the relay uses the database again"),
            _ => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
