//! One round of the relay after the other: see to the shards, read, send, wait a moment for the broker's word, take away what was told.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use metrics::{counter, gauge, histogram};
use uuid::Uuid;

use crate::clock::SharedClock;
use crate::domain::EventId;
use crate::events::relay::floors::Floors;
use crate::events::relay::traffic::{Gates, Lane, Traffic};
use crate::events::relay::{RelaySettings, RelayStatus};
use crate::events::{Producer, Refusal};
use crate::fault_points::{fault_point, planted_bug};
use crate::metrics::{EVENT_LAG_SECONDS, EVENTS_REFUSED, EVENTS_SENT, RELAY_IN_FLIGHT, RELAY_SHARDS};
use crate::store::{HeldShard, Reading, SessionLease, Store, StoreError, Told, WaitingFact};

/// How often it is looked whose shards are whose.
const SHARE_EVERY: Duration = Duration::from_secs(1);
/// How long a round waits for the broker's word before others go on without it.
const PATIENCE: Duration = Duration::from_millis(50);

/// A fact that is with the broker.
struct Flight {
    fact: WaitingFact,
    held: HeldShard,
    lane: Lane,
    sent_at: Instant,
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
    /// Aggregates with a fact on its way, or told and not taken away yet, and the lanes that they take.
    traffic: Traffic,
    /// Told, to be taken away.
    told: Vec<(Told, Uuid)>,
    /// Landed since the last round.
    landed: Vec<(Flight, Result<(), Refusal>)>,
    /// Aggregates to look at again.
    also: HashSet<Uuid>,
    /// Facts that were refused together with others: each goes by itself in its lane, to find the culprit.
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
            traffic: Traffic::default(),
            told: Vec::new(),
            landed: Vec::new(),
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
            Some(landing) => self.land(landing),
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
        let sent = if Instant::now() < self.lease.until() { self.send_waiting().await? } else { false };
        let all_landed = self.wait_for_the_broker().await;
        self.judge().await?;
        let taken = self.take_away().await?;
        self.status.set(self.held.len(), self.flights.len());
        gauge!(RELAY_SHARDS).set(self.held.len() as f64);
        gauge!(RELAY_IN_FLIGHT).set(self.flights.len() as f64);
        Ok((sent && all_landed) || taken > 0)
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
        let now = Instant::now();
        let gone: Vec<HeldShard> = self.leaving.iter().copied().filter(|held| !self.traffic.holds(held.shard, now)).collect();
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

    /// Reads the first waiting fact of as many aggregates as may be on their way, and hands them to the broker. Says whether the next
    /// look may show more.
    async fn send_waiting(&mut self) -> Result<bool, StoreError> {
        if !self.see_to_the_producer() {
            return Ok(false);
        }
        let begun = Instant::now();
        let mut gates = self.traffic.gates(begun);
        if self.traffic.moves_again(&gates) {
            self.floors.begin_again();
        }
        let mut sent = self.send_suspects(&mut gates);
        let room = self.settings.batch.saturating_sub(gates.taken);
        if room == 0 || self.held.is_empty() {
            return Ok(sent > 0);
        }
        let sweep = self.floors.is_sweep_due(begun);
        let above = |held| if sweep { self.floors.sweep_floor(held, begun) } else { self.floors.floor(held, begun) };
        let probes = self.traffic.probes(&gates);
        let reading = Reading {
            shards: self.held.iter().map(|held| (*held, above(*held))).collect(),
            window: i64::try_from(room.div_ceil(self.held.len()).clamp(1, room)).unwrap_or(1),
            also: probes.iter().map(|(_, aggregate)| *aggregate).chain(self.also.iter().copied().take(room)).collect(),
            except: self.traffic.busy().collect(),
        };
        let facts = self.store.list_waiting_facts(&reading).await?;
        if !facts.is_empty() {
            fault_point!("relay.read");
        }
        let now = Instant::now();
        if sweep {
            self.floors.swept(now, now - begun);
        }
        let shown_more = self.floors.learn(&facts, sweep, now);
        for aggregate in reading.also {
            self.also.remove(&aggregate);
        }
        let passed_over = self.send_facts(facts, &mut gates, &mut sent).await?;
        for (lane, _) in probes.iter().filter(|(lane, _)| gates.is_untried(lane)) {
            // What was refused there is gone, or somebody else's by now.
            self.traffic.forget_refusal(lane);
        }
        if sent > 0 {
            fault_point!("relay.enqueued");
        }
        Ok(sent > 0 || (passed_over && shown_more))
    }

    /// Sends what its lane admits; says whether something was passed over.
    async fn send_facts(&mut self, facts: Vec<WaitingFact>, gates: &mut Gates, sent: &mut usize) -> Result<bool, StoreError> {
        let mut passed_over = false;
        for fact in facts {
            // A shard may have been given back since: then its next owner looks from the beginning.
            let Some(held) = self.held.iter().copied().find(|held| held.shard == fact.shard) else { continue };
            if Instant::now() >= self.lease.until() {
                // The lease ran out while the database answered. It may be renewed before another relay takes the shard, and the next
                // look begins above this fact.
                self.also.insert(fact.aggregate_id);
                continue;
            }
            if self.traffic.is_busy(&fact.aggregate_id) {
                continue;
            }
            let lane = self.lane(&fact);
            if !gates.admit(&lane) {
                self.traffic.pass_over(lane);
                passed_over = true;
                continue;
            }
            planted_bug!("marked_before_told", self.store.delete_told(&[Told { outbox_id: fact.outbox_id, held }]).await?;);
            self.send(fact, held, lane, false);
            *sent += 1;
        }
        Ok(passed_over)
    }

    /// Sends every suspect whose lane is quiet, and nothing beside it; says how many.
    fn send_suspects(&mut self, gates: &mut Gates) -> usize {
        let mut sent = 0;
        for (fact, held) in std::mem::take(&mut self.suspects) {
            let lane = self.lane(&fact);
            if gates.admit_alone(&lane) {
                self.send(fact, held, lane, true);
                sent += 1;
            } else {
                self.suspects.push_back((fact, held));
            }
        }
        sent
    }

    fn lane(&self, fact: &WaitingFact) -> Lane {
        let (topic, key) = (self.settings.publishing.topic(fact), self.settings.publishing.key(fact).to_string());
        Lane { partition: self.producer.as_ref().and_then(|producer| producer.partition(&topic, &key)), topic }
    }

    fn send(&mut self, fact: WaitingFact, held: HeldShard, lane: Lane, alone: bool) {
        let Some(producer) = &self.producer else { return };
        let message = self.settings.publishing.message(&fact);
        let (size, sent_at) = (message.size(), Instant::now());
        self.traffic.set_out(fact.aggregate_id, fact.shard, lane.clone(), alone, sent_at);
        let flight = Flight { fact, held, lane, sent_at, size, alone };
        match producer.send(&message) {
            Ok(delivery) => self.flights.push(Box::pin(async move { (flight, delivery.await) })),
            Err(refusal) => self.land((flight, Err(refusal))),
        }
    }

    fn land(&mut self, landing: (Flight, Result<(), Refusal>)) {
        self.traffic.landed(&landing.0.fact.aggregate_id);
        self.landed.push(landing);
    }

    /// Makes a producer where there is none, and another one for one that is broken; says whether there is one now.
    fn see_to_the_producer(&mut self) -> bool {
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
        self.producer.is_some()
    }

    /// Waits until the broker has said something about everything that is on its way and does not stand still, but not for long; says
    /// whether it has.
    async fn wait_for_the_broker(&mut self) -> bool {
        let overdue = self.traffic.overdue(Instant::now());
        let mut awaited = self.traffic.flights_outside(&overdue);
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        while awaited > 0 {
            tokio::select! {
                biased;
                Some(landing) = self.flights.next() => {
                    awaited -= usize::from(!overdue.contains(&landing.0.lane));
                    self.land(landing);
                    if self.landed.len() == 1 {
                        fault_point!("relay.part_acked");
                    }
                }
                () = &mut patience => return false,
            }
        }
        // Nobody waits for what stands still, but it is heard when it moves.
        while let Some(Some(landing)) = self.flights.next().now_or_never() {
            self.land(landing);
        }
        true
    }

    /// Sorts what has landed into told, refused for now, and refused for good.
    async fn judge(&mut self) -> Result<(), StoreError> {
        let landed = std::mem::take(&mut self.landed);
        if landed.is_empty() {
            self.complain_if_nothing_lands();
            return Ok(());
        }
        let now = self.clock.now();
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
                    self.traffic.accept(&flight.lane, flight.sent_at);
                    self.told.push((Told { outbox_id: flight.fact.outbox_id, held: flight.held }, aggregate));
                }
                Err(Refusal::Unacceptable(_)) if !flight.alone => self.suspects.push_back((flight.fact, flight.held)),
                Err(Refusal::TooLarge(why) | Refusal::Unacceptable(why)) => culprits.push((flight, why)),
                Err(Refusal::Later(why) | Refusal::Broken(why)) => {
                    counter!(EVENTS_REFUSED, "outcome" => "later").increment(1);
                    self.traffic.refuse(aggregate, flight.lane, why, Instant::now());
                }
            }
        }
        if !self.told.is_empty() {
            fault_point!("relay.acked");
        }
        self.status.broker(self.complaint());
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
            self.traffic.done(&fact.aggregate_id);
            failed = failed.or(set_aside.err());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Nothing came back although something is on its way: the client knows why.
    fn complain_if_nothing_lands(&self) {
        let client = || self.producer.as_ref().and_then(Producer::complaint);
        if !self.flights.is_empty()
            && let Some(why) = self.complaint().or_else(client)
        {
            self.status.broker(Some(why));
        }
    }

    fn complaint(&self) -> Option<String> {
        self.traffic.complaint(Instant::now(), || self.producer.as_ref().and_then(Producer::complaint))
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
            tracing::info!(
                told = count,
                gone,
                "some facts were told whose shard has another owner now, or that somebody asked for meanwhile: they are told twice"
            );
        }
        for (_, aggregate) in self.told.drain(..) {
            self.traffic.done(&aggregate);
            self.also.insert(aggregate);
        }
        Ok(count)
    }
}
