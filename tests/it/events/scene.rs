//! An outbox with facts of the test's own making, and relays inside the test's process.

use std::sync::Arc;
use std::time::Duration;

use holdfast::clock::SystemClock;
use holdfast::events::{Format, KafkaConfig, Key, Publishing, Relay, RelaySettings, RelayStatus};
use holdfast::shutdown::Shutdown;
use holdfast::store::Store;
use serde_json::json;
use sqlx::{Postgres, Transaction};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::judge::waiting;
use crate::support::database::Database;
use crate::support::kafka::Topic;
use crate::support::order::BY_ITSELF;
use crate::support::wait::until_true;

/// Whose facts they are.
pub(super) const TENANT: Uuid = Uuid::from_u128(0x7e57);

/// A database whose outbox the test fills.
pub(super) struct Outbox {
    pub(super) database: Database,
}

impl Outbox {
    pub(super) async fn fresh() -> Self {
        let database = Database::fresh().await;
        sqlx::query("insert into tenant values ($1, now())").bind(TENANT).execute(database.pool()).await.unwrap();
        Self { database }
    }

    /// Begins a transaction of a superuser.
    pub(super) async fn begin(&self) -> Transaction<'static, Postgres> {
        self.database.pool().begin().await.unwrap()
    }

    /// Writes and commits facts of these numbers.
    pub(super) async fn write(&self, aggregate: Uuid, numbers: impl IntoIterator<Item = i64>) {
        let mut tx = self.begin().await;
        put(&mut tx, aggregate, numbers, 10).await;
        tx.commit().await.unwrap();
    }

    /// The same for another topic than the relay's.
    pub(super) async fn write_to(&self, topic: &Topic, aggregate: Uuid, numbers: impl IntoIterator<Item = i64>) {
        let mut tx = self.begin().await;
        put(&mut tx, aggregate, numbers, 10).await;
        let update = sqlx::query("update outbox set topic = $1 where aggregate_id = $2").bind(&topic.name).bind(aggregate);
        update.execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Waits until nothing waits.
    pub(super) async fn is_empty(&self) {
        until_true("every fact was told", BY_ITSELF, async || waiting(self.database.pool()).await == 0).await;
    }

    /// A store of a boot of its own, as a daemon has one.
    pub(super) async fn store(&self) -> Store {
        Store::connect(&self.database.store_options()).await.unwrap()
    }

    /// A relay that sends to this topic.
    pub(super) async fn relay(&self, topic: &Topic) -> Running {
        self.relay_with(topic, |_| {}).await
    }

    /// The same, told otherwise.
    pub(super) async fn relay_with(&self, topic: &Topic, change: impl FnOnce(&mut RelaySettings)) -> Running {
        Running::start(self.store().await, topic, change).await
    }
}

/// Writes facts with a payload of about so many bytes.
pub(super) async fn put(tx: &mut Transaction<'static, Postgres>, aggregate: Uuid, numbers: impl IntoIterator<Item = i64>, bytes: usize) {
    for number in numbers {
        sqlx::query(
            "insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, occurred_at,
                correlation_id, causation_id, payload)
            values ($1, $2, 'ReservationCreated', 1, 'Test', $3, $4, now(), 'test', 'test', $5)",
        )
        .bind(Uuid::new_v5(&aggregate, &number.to_be_bytes()))
        .bind(TENANT)
        .bind(aggregate)
        .bind(number)
        .bind(json!({"filling": "x".repeat(bytes)}))
        .execute(&mut **tx)
        .await
        .unwrap();
    }
}

/// A relay at work in a session of its own, whose lease is renewed until it is stopped or put to sleep.
pub(super) struct Running {
    pub(super) store: Store,
    pub(super) status: RelayStatus,
    shutdown: Shutdown,
    running: Option<JoinHandle<()>>,
    beating: JoinHandle<()>,
}

impl Running {
    pub(super) async fn start(store: Store, topic: &Topic, change: impl FnOnce(&mut RelaySettings)) -> Self {
        let lease = Arc::new(store.open_session(&format!("test/{}", store.session()), "test", "0").await.unwrap());
        let mut settings = RelaySettings {
            kafka: KafkaConfig::plain(&topic.brokers),
            publishing: Publishing {
                topic: topic.name.clone(),
                key: Key::Order,
                format: Format::Envelope,
                source: "/holdfast/test".to_owned(),
            },
            batch: 200,
            poll: Duration::from_millis(50),
            observer: None,
        };
        change(&mut settings);
        let relay = Relay::new(store.clone(), Arc::clone(&lease), SystemClock::shared(), settings);
        let (status, shutdown) = (relay.status(), Shutdown::new());
        let beating = tokio::spawn({
            let store = store.clone();
            async move {
                loop {
                    if let Ok(false) = store.renew_session(&lease).await {
                        println!("the lease of relay {} ran out: this machine stood still, and the relay sends no more", store.session());
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        });
        let running = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { relay.run(&shutdown).await }
        });
        Self { store, status, shutdown, running: Some(running), beating }
    }

    /// Its lease is renewed no more, as if it slept; what it has begun goes on.
    pub(super) fn stop_beating(&self) {
        self.beating.abort();
    }

    /// Stops it as SIGTERM does.
    pub(super) async fn stop(mut self) {
        self.shutdown.request_soft();
        tokio::time::timeout(BY_ITSELF, self.running.take().unwrap()).await.unwrap().unwrap();
        self.store.end_session().await.unwrap();
    }

    /// It is gone at once, between two of its steps; its session runs out by itself.
    pub(super) fn crash(mut self) {
        self.running.take().unwrap().abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.beating.abort();
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}
