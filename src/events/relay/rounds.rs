//! One round of the relay after the other: see to the shards, read, send, wait a moment for the broker's word, take away what was told.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use metrics::{counter, gauge, histogram};
use uuid::Uuid;

use crate::clock::SharedClock;
use crate::domain::EventId;
use crate::events::relay::floors::Floors;
use crate::events::relay::{RelaySettings, RelayStatus};
use crate::events::{Producer, Refusal};
use crate::fault_points::{fault_point, planted_bug};
use crate::metrics::{EVENT_LAG_SECONDS, EVENTS_REFUSED, EVENTS_SENT, RELAY_IN_FLIGHT, RELAY_SHARDS};
use crate::store::{HeldShard, Reading, SessionLease, Store, StoreError, Told, WaitingFact};

/// How often it is looked whose shards are whose.
const SHARE_EVERY: Duration = Duration::from_secs(1);
/// How long a round waits for the broker's word before others go on without it.
const PATIENCE: Duration = Duration::from_millis(50);
/// When a fact that was refused for now is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A fact that is with the broker.
struct Flight {
    fact: WaitingFact,
    held: HeldShard,
    size: usize,
    /// Nothing went together with it.
    alone: bool,
}

type Landing = BoxFuture<'static, (Flight, Result<(), Refusal>)>;

/// The relay's memory between rounds. All of it can be lost: the outbox knows what was not told.
pub(super) struct Rounds {
    store: Store,
    lease: Arc<SessionLease>,
    clock: SharedClock,
    settings: RelaySettings,
    status: RelayStatus,
    producer: Option<Producer>,
    entered: bool,
    held: Vec<HeldShard>,
    /// Shards to be given back once nothing of theirs is on its way.
    leaving: Vec<HeldShard>,
    share_at: Instant,
    floors: Floors,
    flights: FuturesUnordered<Landing>,
    /// Aggregates with a fact on its way, or told and not taken away yet.
    busy: HashMap<Uuid, i16>,
    /// Told, to be taken away.
    told: Vec<(Told, Uuid)>,
    /// Landed since the last round.
    landed: Vec<(Flight, Result<(), Refusal>)>,
    /// Aggregates whose fact was refused for now, until when.
    later: HashMap<Uuid, Instant>,
    /// Aggregates to look at again.
    also: HashSet<Uuid>,
    /// Facts that were refused together with others: each goes by itself, to find the culprit.
    suspects: VecDeque<(WaitingFact, HeldShard)>,
}

impl Rounds {
    pub(super) fn new(store: Store, lease: Arc<SessionLease>, clock: SharedClock, settings: RelaySettings, status: RelayStatus) -> Self {
        let now = Instant::now();
        Self {
            store,
            lease,
            clock,
            settings,
            status,
            producer: None,
            entered: false,
            held: Vec::new(),
            leaving: Vec::new(),
            share_at: now,
            floors: Floors::new(now),
            flights: FuturesUnordered::new(),
            busy: HashMap::new(),
            told: Vec::new(),
            landed: Vec::new(),
            later: HashMap::new(),
            also: HashSet::new(),
            suspects: VecDeque::new(),
        }
    }

    /// Whether anything is with the broker.
    pub(super) fn has_flights(&self) -> bool {
        !self.flights.is_empty()
    }

    /// Returns once the broker has said something about a fact; never if none is on its way.
    pub(super) async fn landed(&mut self) {
        match self.flights.next().await {
            Some(landing) => self.landed.push(landing),
            None => std::future::pending().await,
        }
    }

    /// One round; says whether anything moved, so that the next one should follow at once. Safe to be given up at any point.
    pub(super) async fn go(&mut self) -> Result<bool, StoreError> {
        if !self.entered {
            self.store.enter_relays().await?;
            self.entered = true;
        }
        let now = Instant::now();
        if now >= self.share_at {
            self.share().await?;
            self.share_at = now + SHARE_EVERY;
        }
        let sent = if Instant::now() < self.lease.until() { self.send_waiting().await? } else { 0 };
        self.wait_for_the_broker().await;
        self.judge().await?;
        let taken = self.take_away().await?;
        self.status.set(self.held.len(), self.flights.len());
        gauge!(RELAY_SHARDS).set(self.held.len() as f64);
        gauge!(RELAY_IN_FLIGHT).set(self.flights.len() as f64);
        Ok((sent > 0 && self.flights.is_empty()) || taken > 0)
    }

    /// Gives up what is on its way, and ends the client.
    pub(super) async fn close(&mut self) {
        if let Some(producer) = self.producer.take() {
            producer.close().await;
        }
    }

    /// Looks whose shards are whose: takes what nobody living has, and gives back what is more than its share.
    async fn share(&mut self) -> Result<(), StoreError> {
        let (owned, share) = self.store.list_held_shards().await?;
        let before = std::mem::take(&mut self.held);
        for lost in before.iter().filter(|held| !owned.contains(held)) {
            self.floors.forget(lost.shard);
        }
        self.leaving.retain(|held| owned.contains(held));
        let gone: Vec<HeldShard> =
            self.leaving.iter().copied().filter(|held| !self.busy.values().any(|shard| *shard == held.shard)).collect();
        if !gone.is_empty() {
            self.store.give_back_shards(&gone).await?;
            self.leaving.retain(|held| !gone.contains(held));
        }
        self.held = owned.into_iter().filter(|held| !gone.contains(held) && !self.leaving.contains(held)).collect();
        while self.held.len() > share
            && let Some(surplus) = self.held.pop()
        {
            self.floors.forget(surplus.shard);
            self.leaving.push(surplus);
        }
        if self.held.len() + self.leaving.len() < share {
            self.held.extend(self.store.take_shards(share - self.held.len()).await?);
        }
        Ok(())
    }

    /// Reads the first waiting fact of as many aggregates as may be on their way, and hands them to the broker.
    async fn send_waiting(&mut self) -> Result<usize, StoreError> {
        self.see_to_the_producer();
        if let Some((fact, held)) = self.next_suspect() {
            self.send(fact, held, true);
            return Ok(1);
        }
        // First of all: what was put off takes up room, and would keep it for ever once it takes up all of it.
        let begun = Instant::now();
        let again: Vec<Uuid> = self.later.extract_if(|_, until| *until <= begun).map(|(aggregate, _)| aggregate).collect();
        self.also.extend(again);
        let room = self.settings.batch.saturating_sub(self.flights.len() + self.told.len() + self.later.len());
        if room == 0 || self.held.is_empty() || !self.suspects.is_empty() {
            return Ok(0);
        }
        let sweep = self.floors.is_sweep_due(begun);
        let reading = Reading {
            shards: self.held.iter().map(|held| (*held, if sweep { 0 } else { self.floors.floor(*held, begun) })).collect(),
            window: i64::try_from(room.div_ceil(self.held.len()).clamp(1, room)).unwrap_or(1),
            also: self.also.iter().copied().take(room).collect(),
            except: self.busy.keys().chain(self.later.keys()).copied().collect(),
        };
        let facts = self.store.list_waiting_facts(&reading).await?;
        if !facts.is_empty() {
            fault_point!("relay.read");
        }
        let now = Instant::now();
        if sweep {
            self.floors.swept(now, now - begun);
        }
        self.floors.learn(&facts, now);
        for aggregate in reading.also {
            self.also.remove(&aggregate);
        }
        let mut sent = 0;
        for fact in facts {
            // A shard may have been given back since: then its next owner looks from the beginning.
            let Some(held) = self.held.iter().copied().find(|held| held.shard == fact.shard) else { continue };
            if Instant::now() >= self.lease.until() {
                // The lease ran out while the database answered. It may be renewed before another relay takes the shard, and the next
                // look begins above this fact.
                self.also.insert(fact.aggregate_id);
                continue;
            }
            if !self.busy.contains_key(&fact.aggregate_id) {
                planted_bug!("marked_before_told", self.store.delete_told(&[Told { outbox_id: fact.outbox_id, held }]).await?;);
                self.send(fact, held, false);
                sent += 1;
            }
        }
        if sent > 0 {
            fault_point!("relay.enqueued");
        }
        Ok(sent)
    }

    /// The next suspect, once nothing else is on its way.
    fn next_suspect(&mut self) -> Option<(WaitingFact, HeldShard)> {
        if self.flights.is_empty() && self.landed.is_empty() { self.suspects.pop_front() } else { None }
    }

    fn send(&mut self, fact: WaitingFact, held: HeldShard, alone: bool) {
        let message = self.settings.publishing.message(&fact);
        let size = message.size();
        self.busy.insert(fact.aggregate_id, fact.shard);
        let flight = Flight { fact, held, size, alone };
        let Some(producer) = &self.producer else {
            self.landed.push((flight, Err(Refusal::Later("there is no connection".to_owned()))));
            return;
        };
        match producer.send(&message) {
            Ok(delivery) => self.flights.push(Box::pin(async move { (flight, delivery.await) })),
            Err(refusal) => self.landed.push((flight, Err(refusal))),
        }
    }

    /// Makes a producer where there is none, and another one for one that is broken.
    fn see_to_the_producer(&mut self) {
        if let Some(why) = self.producer.as_ref().and_then(Producer::is_broken) {
            tracing::warn!(why, "the producer is of no further use and is made anew");
            // What was on its way lands as given up, and is read again.
            if let Some(broken) = self.producer.take() {
                tokio::spawn(broken.close());
            }
        }
        if self.producer.is_none() {
            match Producer::new(&self.settings.kafka) {
                Ok(producer) => self.producer = Some(producer),
                Err(error) => self.status.broker(Some(error.to_string())),
            }
        }
    }

    /// Waits until the broker has said something about everything that is on its way, but not for long.
    async fn wait_for_the_broker(&mut self) {
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        while !self.flights.is_empty() {
            tokio::select! {
                biased;
                Some(landing) = self.flights.next() => {
                    self.landed.push(landing);
                    if self.landed.len() == 1 {
                        fault_point!("relay.part_acked");
                    }
                }
                () = &mut patience => return,
            }
        }
    }

    /// Sorts what has landed into told, refused for now, and refused for good.
    async fn judge(&mut self) -> Result<(), StoreError> {
        let landed = std::mem::take(&mut self.landed);
        if landed.is_empty() {
            self.complain_if_nothing_lands();
            return Ok(());
        }
        let now = self.clock.now();
        let mut complaint = None;
        let mut culprits = Vec::new();
        for (flight, outcome) in landed {
            let aggregate = flight.fact.aggregate_id;
            match outcome {
                Ok(()) => {
                    let lag = (now - flight.fact.occurred_at).to_std().unwrap_or_default();
                    histogram!(EVENT_LAG_SECONDS).record(lag.as_secs_f64());
                    counter!(EVENTS_SENT, "type" => flight.fact.event_type.clone()).increment(1);
                    if let Some(observer) = &self.settings.observer {
                        observer(flight.fact.event_id);
                    }
                    self.told.push((Told { outbox_id: flight.fact.outbox_id, held: flight.held }, aggregate));
                }
                Err(Refusal::Unacceptable(_)) if !flight.alone => self.suspects.push_back((flight.fact, flight.held)),
                Err(Refusal::TooLarge(why) | Refusal::Unacceptable(why)) => culprits.push((flight, why)),
                Err(Refusal::Later(why) | Refusal::Broken(why)) => {
                    counter!(EVENTS_REFUSED, "outcome" => "later").increment(1);
                    complaint = Some(why);
                    self.busy.remove(&aggregate);
                    self.later.insert(aggregate, Instant::now() + TRY_AGAIN);
                }
            }
        }
        if !self.told.is_empty() {
            fault_point!("relay.acked");
        }
        self.status.broker(complaint);
        let mut failed = None;
        for (flight, why) in culprits {
            let fact = flight.fact;
            counter!(EVENTS_REFUSED, "outcome" => "set_aside").increment(1);
            tracing::error!(
                event.id = %fact.event_id, event.r#type = fact.event_type, aggregate.id = %fact.aggregate_id, size_bytes = flight.size, why,
                "the broker will never take this fact: it is set aside, and what follows of its aggregate waits (holdfast events poison)"
            );
            let set_aside = self.store.put_set_aside(EventId(fact.event_id), &why, flight.size, now).await;
            // If the database is away it comes here again: it is still the first of its aggregate.
            self.busy.remove(&fact.aggregate_id);
            failed = failed.or(set_aside.err());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Nothing came back although something is on its way: the client knows why.
    fn complain_if_nothing_lands(&self) {
        if !self.flights.is_empty()
            && let Some(why) = self.producer.as_ref().and_then(Producer::complaint)
        {
            self.status.broker(Some(why));
        }
    }

    /// Takes away what the broker has taken, in one statement.
    async fn take_away(&mut self) -> Result<usize, StoreError> {
        if self.told.is_empty() {
            return Ok(0);
        }
        let rows: Vec<Told> = self.told.iter().map(|(told, _)| *told).collect();
        let gone = self.store.delete_told(&rows).await?;
        let count = rows.len();
        if gone < count as u64 {
            tracing::info!(told = count, gone, "some facts were told whose shard has another owner now: they are told twice");
        }
        for (_, aggregate) in self.told.drain(..) {
            self.busy.remove(&aggregate);
            self.also.insert(aggregate);
        }
        Ok(count)
    }
}
