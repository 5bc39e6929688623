//! The outbox relay: sends facts to the broker in the order of their aggregates, and takes them out of the outbox after its word.
//!
//! An aggregate has one fact on its way at a time. So nothing can overtake: not a retry, not a second relay, and not a relay that
//! slept, lost its shards and woke up, whose old fact is then a repetition of one that was told before. Aggregates go side by side,
//! which is what makes it fast.

mod floors;
mod rounds;
mod status;
mod traffic;

use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::chain::chain;
use crate::clock::SharedClock;
use crate::events::relay::rounds::Rounds;
use crate::events::{KafkaConfig, Publishing};
use crate::fault_points::fault_point;
use crate::retry::RetryPolicy;
use crate::shutdown::Shutdown;
use crate::store::{SessionLease, Store, StoreError};

pub use status::RelayStatus;

/// How long a relay that is to stop goes on sending what waits.
const DRAIN: Duration = Duration::from_secs(3);
/// How long it waits after the database was away.
const AWAY: RetryPolicy = RetryPolicy::new(Duration::from_millis(200), Duration::from_secs(2));

/// Hears of every fact that the broker has taken, by its event id; for tests and measurements.
pub type Observer = Arc<dyn Fn(Uuid) + Send + Sync>;

/// What a relay is told.
#[derive(Clone)]
pub struct RelaySettings {
    /// The brokers.
    pub kafka: KafkaConfig,
    /// The form.
    pub publishing: Publishing,
    /// The most facts on their way at once.
    pub batch: usize,
    /// How often it looks for facts of other processes; those of its own wake it.
    pub poll: Duration,
    /// Who hears of every fact that was taken.
    pub observer: Option<Observer>,
}

/// The loop, and what it needs.
pub struct Relay {
    store: Store,
    lease: Arc<SessionLease>,
    clock: SharedClock,
    settings: RelaySettings,
    status: RelayStatus,
}

impl Relay {
    /// Puts the parts together. It sends as long as the session's lease lasts.
    #[must_use]
    pub fn new(store: Store, lease: Arc<SessionLease>, clock: SharedClock, settings: RelaySettings) -> Self {
        Self { store, lease, clock, settings, status: RelayStatus::default() }
    }

    /// How it is, for whoever asks while it runs.
    #[must_use]
    pub fn status(&self) -> RelayStatus {
        self.status.clone()
    }

    /// Sends until it is to stop; then it sends what still waits, for at most three seconds, and gives its shards back. At the hard
    /// stop it gives up what is on its way: nobody knows whether that arrived, so that it stays in the outbox.
    pub async fn run(self, shutdown: &Shutdown) {
        let (store, status) = (self.store.clone(), self.status.clone());
        let poll = self.settings.poll;
        let mut rounds = Rounds::new(self.store, self.lease, self.clock, self.settings, self.status);
        let mut backoff = AWAY.start();
        let mut stop_by: Option<Instant> = None;
        while !shutdown.is_hard() && stop_by.is_none_or(|until| Instant::now() < until) {
            if shutdown.is_soft() && stop_by.is_none() {
                stop_by = Some(Instant::now() + DRAIN);
                fault_point!("relay.draining");
            }
            let round = tokio::select! {
                biased;
                () = shutdown.hard() => break,
                round = rounds.go() => round,
            };
            let wait = match round {
                Ok(moved) => {
                    backoff.reset();
                    status.database(None);
                    if moved {
                        continue;
                    }
                    if stop_by.is_some() && !rounds.has_flights() {
                        break;
                    }
                    poll
                }
                Err(error) => {
                    status.database(Some(&error));
                    backoff.next_wait()
                }
            };
            tokio::select! {
                biased;
                () = shutdown.hard() => {}
                () = shutdown.soft(), if stop_by.is_none() => {}
                () = rounds.landed() => {}
                () = store.outbox_written() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        rounds.close().await;
        if let Err(error) = store.leave_relays().await {
            report("the shards could not be given back; they are free when the session has ended", &error);
        }
    }
}

fn report(what: &str, error: &StoreError) {
    tracing::warn!(error = %chain(error), "{what}");
}
