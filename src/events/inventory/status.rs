//! How a consumer is, for whoever asks while it runs.

use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
struct Now {
    partitions: usize,
    lag: i64,
    broker: Option<String>,
    database: Option<String>,
}

/// A look at a running consumer.
#[derive(Debug, Clone)]
pub struct ConsumerStatus {
    topic: Arc<str>,
    now: Arc<Mutex<Now>>,
}

impl ConsumerStatus {
    pub(crate) fn of(topic: &str) -> Self {
        Self { topic: Arc::from(topic), now: Arc::default() }
    }

    /// Which topic it reads.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// In words.
    #[must_use]
    pub fn says(&self) -> String {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match (&now.broker, &now.database) {
            (Some(broker), _) => format!("the broker: {broker}"),
            (None, Some(database)) => format!("rests: {database}"),
            (None, None) => format!("{} partitions, {} messages wait", now.partitions, now.lag),
        }
    }

    pub(crate) fn reads(&self, partitions: usize) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).partitions = partitions;
    }

    pub(crate) fn lags(&self, lag: i64) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).lag = lag;
    }

    /// What the client complains of; nothing once it works.
    pub(crate) fn broker(&self, complaint: Option<String>) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).broker = complaint;
    }

    /// What keeps messages from being taken in; nothing once they are.
    pub(crate) fn database(&self, complaint: Option<String>) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).database = complaint;
    }
}
