//! Facts of the benchmark's own making, and the relay that sends them: the daemon's, in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast::clock::SystemClock;
use holdfast::domain::SessionId;
use holdfast::events::{Format, KafkaConfig, Key, Observer, Publishing, Relay, RelaySettings};
use holdfast::shutdown::Shutdown;
use holdfast::store::{Store, StoreOptions};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Failure;
use crate::database::Database;
use crate::measure::setting;

const TENANT: Uuid = Uuid::from_u128(0xbe9c);
/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// The stack's broker.
pub(crate) fn brokers() -> String {
    format!("127.0.0.1:{}", setting("HOLDFAST_KAFKA_PORT", "29092"))
}

/// A topic of this run's own.
pub(crate) struct Topic(pub(crate) String);

impl Topic {
    pub(crate) async fn make() -> Result<Self, Failure> {
        let name = format!("holdfast-bench-{}", Uuid::new_v4().simple());
        let made = admin()?.create_topics(&[NewTopic::new(&name, 3, TopicReplication::Fixed(1))], &AdminOptions::new()).await?;
        match made.into_iter().find_map(Result::err) {
            Some((topic, code)) => Err(format!("the topic {topic} could not be made: {code}").into()),
            None => Ok(Self(name)),
        }
    }

    pub(crate) async fn delete(&self) -> Result<(), Failure> {
        admin()?.delete_topics(&[&self.0], &AdminOptions::new()).await?;
        Ok(())
    }
}

fn admin() -> Result<AdminClient<DefaultClientContext>, Failure> {
    Ok(ClientConfig::new().set("bootstrap.servers", brokers()).create()?)
}

/// The outbox, written to by the role that the daemon has.
#[derive(Clone)]
pub(crate) struct Outbox {
    pool: PgPool,
    url: String,
}

impl Outbox {
    pub(crate) async fn of(database: &Database) -> Result<Self, Failure> {
        let pool = PgPoolOptions::new().max_connections(4).connect(&database.url).await?;
        sqlx::query("insert into tenant values ($1, now()) on conflict do nothing").bind(TENANT).execute(&pool).await?;
        Ok(Self { pool, url: database.url.clone() })
    }

    /// Commits the first facts of so many new aggregates in one transaction; returns their event ids.
    pub(crate) async fn write(&self, aggregates: usize) -> Result<Vec<Uuid>, Failure> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("select set_config('holdfast.tenants', $1, true)").bind(format!("{{{TENANT}}}")).execute(&mut *tx).await?;
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id,
                occurred_at, correlation_id, causation_id, payload)
            select gen_random_uuid(), $1, 'ReservationCreated', 1, 'Reservation', gen_random_uuid(), 1, gen_random_uuid(),
                clock_timestamp(), 'order', 'call', $2
            from generate_series(1, $3) returning event_id",
        )
        .bind(TENANT)
        .bind(payload())
        .bind(i32::try_from(aggregates)?)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(ids)
    }

    /// Commits a backlog: four facts of each of so many aggregates, as a day without a broker leaves them.
    pub(crate) async fn write_backlog(&self, facts: usize) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("select set_config('holdfast.tenants', $1, true)").bind(format!("{{{TENANT}}}")).execute(&mut *tx).await?;
        sqlx::query(
            "insert into outbox (event_id, tenant_id, event_type, event_version, aggregate_type, aggregate_id, sequence, order_id,
                occurred_at, correlation_id, causation_id, payload)
            select gen_random_uuid(), $1, 'ReservationCreated', 1, 'Reservation', a.id, s.sequence, a.id, clock_timestamp(), 'order',
                'call', $2
            from (select gen_random_uuid() as id from generate_series(1, $3)) a cross join generate_series(1, 4) s(sequence)
            order by s.sequence",
        )
        .bind(TENANT)
        .bind(payload())
        .bind(i32::try_from(facts / 4)?)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// How many facts wait.
    pub(crate) async fn waiting(&self) -> Result<i64, Failure> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("select set_config('holdfast.tenants', $1, true)").bind(format!("{{{TENANT}}}")).execute(&mut *tx).await?;
        Ok(sqlx::query_scalar("select count(*) from (select from outbox limit 1000) o").fetch_one(&mut *tx).await?)
    }

    /// Waits until none does.
    pub(crate) async fn drained(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.waiting().await? > 0 {
            if begun.elapsed() > PATIENCE {
                return Err("the outbox was not drained in time".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Starts a relay; it has all shards when this returns.
    pub(crate) async fn relay(&self, topic: &Topic, observer: Option<Observer>) -> Result<Running, Failure> {
        let store = Store::connect(&StoreOptions {
            url: SecretString::from(self.url.as_str()),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(10),
            session: SessionId(Uuid::new_v4()),
        })
        .await?;
        let lease = Arc::new(store.open_session(&format!("bench/{}", store.session()), "bench", "0").await?);
        let settings = RelaySettings {
            kafka: KafkaConfig::plain(&brokers()),
            publishing: Publishing { topic: topic.0.clone(), key: Key::Order, format: Format::Envelope, source: "/bench".to_owned() },
            batch: 1_000,
            poll: Duration::from_millis(200),
            observer,
        };
        let relay = Relay::new(store.clone(), Arc::clone(&lease), SystemClock::shared(), settings);
        let (status, shutdown) = (relay.status(), Shutdown::new());
        let beating = tokio::spawn({
            let store = store.clone();
            async move {
                loop {
                    drop(store.renew_session(&lease).await);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        });
        let running = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { relay.run(&shutdown).await }
        });
        while status.shards() < holdfast::store::SHARDS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Running { store, shutdown, running, beating })
    }

    /// A connection of its own, for a transaction that is left open.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// A relay at work.
pub(crate) struct Running {
    pub(crate) store: Store,
    shutdown: Shutdown,
    running: JoinHandle<()>,
    beating: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.shutdown.request_soft();
        self.running.await?;
        self.beating.abort();
        self.store.end_session().await?;
        self.store.close().await;
        Ok(())
    }
}

/// What a fact of a reservation with two lines says.
pub(crate) fn payload() -> Value {
    let line = json!({"orderLineId": Uuid::nil(), "productOfferingId": "fibre-1000", "requestedQuantity": "1", "reservedQuantity": "1"});
    json!({
        "orderId": Uuid::nil(), "reservationStep": "reserve", "attemptGroup": 1, "sourceSystem": "main",
        "externalReservationRef": "HOLD-0000000000000000", "expiresAt": "2030-01-01T00:00:00.000Z", "reason": "hold_placed",
        "rejectionCode": null, "lines": [line, line],
    })
}
