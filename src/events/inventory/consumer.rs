//! The consumer of one topic: reads, takes in, and goes on where the database says. What it dies over comes again and counts.
//!
//! Work on a message is put on record before the message is looked at, so that one that kills the process is found out. It is
//! taken in, or becomes a dead letter, in the transaction that moves the partition on; the broker's own offset is a hint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::chain::chain;
use crate::clock::SharedClock;
use crate::events::KafkaConfig;
use crate::events::inventory::client::{Context, join, message_of};
use crate::events::inventory::place::Place;
use crate::events::inventory::status::ConsumerStatus;
use crate::events::inventory::{Reader, Reading};
use crate::fault_points::fault_point;
use crate::metrics::{DEAD_LETTERS, INVENTORY_EVENT_LAG, INVENTORY_EVENT_ODDITIES, INVENTORY_EVENTS};
use crate::retry::{Backoff, RetryPolicy};
use crate::shutdown::Shutdown;
use crate::store::{Batch, Content, Delivery, Message, NOBODY, Partition, Store, StoreError, Taken, TakenIn, Unusable};

/// How often it is looked how far the topic goes.
const LOOK: Duration = Duration::from_secs(2);
/// How soon after the end of a partition was met.
const SOON: Duration = Duration::from_millis(200);
/// How long a question to the broker may take.
const ASK: Duration = Duration::from_secs(2);
/// How long to wait after partitions could not be opened.
const REOPEN: RetryPolicy = RetryPolicy::new(Duration::from_millis(200), Duration::from_secs(5));

/// What a consumer is told.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    /// The brokers.
    pub kafka: KafkaConfig,
    /// The consumer group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The most messages in one transaction.
    pub batch: usize,
    /// How often work on a message is begun before it is given up.
    pub max_attempts: i32,
    /// Where messages go that cannot be used.
    pub dead_letter_topic: String,
}

/// Why a topic cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("read the topic `{topic}`")]
pub struct ConsumerError {
    topic: String,
    #[source]
    source: KafkaError,
}

/// The loop, and what it needs.
pub struct InventoryConsumer {
    store: Store,
    clock: SharedClock,
    reader: Reader,
    settings: ConsumerSettings,
    status: ConsumerStatus,
    client: Arc<StreamConsumer<Context>>,
    places: BTreeMap<i32, Place>,
    /// Partitions that are ours and not opened yet.
    wanted: Option<Vec<i32>>,
    open_at: Instant,
    look_at: Instant,
    reopen: Backoff,
    /// How many partitions of the topic are on record, opened or not.
    on_record: i32,
}

/// What came of one stride.
enum Stride {
    /// The partition has moved on.
    On,
    /// It stands elsewhere, by somebody else's doing.
    Fenced,
}

impl InventoryConsumer {
    /// Joins the group. Nothing is read before [`run`](Self::run).
    ///
    /// # Errors
    /// The client's word on a property that it does not know or that does not fit.
    pub fn new(store: Store, clock: SharedClock, reader: Reader, settings: ConsumerSettings) -> Result<Self, ConsumerError> {
        let client = join(&settings.kafka, &settings.group, &settings.topic)
            .map_err(|source| ConsumerError { topic: settings.topic.clone(), source })?;
        let client = Arc::new(client);
        let (now, reopen, topic) = (Instant::now(), REOPEN.start(), settings.topic.clone());
        Ok(Self {
            store,
            clock,
            reader,
            settings,
            status: ConsumerStatus::of(&topic),
            client,
            places: BTreeMap::new(),
            wanted: None,
            open_at: now,
            look_at: now,
            reopen,
            on_record: 0,
        })
    }

    /// How it is, for whoever asks while it runs.
    #[must_use]
    pub fn status(&self) -> ConsumerStatus {
        self.status.clone()
    }

    /// Reads until the soft stop, then leaves the group, so that others need not wait for what it had.
    pub async fn run(mut self, shutdown: &Shutdown) {
        while !shutdown.is_soft() {
            self.follow().await;
            let client = Arc::clone(&self.client);
            let heard = tokio::select! {
                biased;
                () = shutdown.soft() => break,
                () = client.context().changed() => None,
                () = tokio::time::sleep_until(self.wakes_at().into()) => None,
                received = client.recv() => Some(received.map(|message| message_of(&message, &self.settings.group))),
            };
            if let Some(heard) = heard {
                self.hear(heard);
                self.gather(&client);
                fault_point!("inbox.polled");
            }
            self.take_in(shutdown).await;
            self.look().await;
        }
        let (client, unassigned) = (self.client, self.wanted.is_some());
        drop(
            tokio::task::spawn_blocking(move || {
                if unassigned && let Err(error) = client.unassign() {
                    tracing::debug!(error = %error, "an assignment could not be declined");
                }
                // It leaves the group, and waits until it has.
                drop(client);
            })
            .await,
        );
    }

    /// The next instant at which there is something to do without a message.
    fn wakes_at(&self) -> Instant {
        let resting = self.places.values().filter(|place| !place.queue.is_empty()).filter_map(|place| place.rests_until);
        let opening = self.wanted.as_ref().map(|_| self.open_at);
        resting.chain(opening).fold(self.look_at, Instant::min)
    }

    /// Follows the group's decisions.
    async fn follow(&mut self) {
        let news = self.client.context().take();
        if news.complaint.is_some() {
            self.status.broker(news.complaint);
        }
        if news.revoked {
            self.places.clear();
            self.wanted = None;
        }
        if let Some(numbers) = news.assigned {
            self.wanted = Some(numbers);
            self.open_at = Instant::now();
        }
        let Some(numbers) = self.wanted.clone().filter(|_| self.open_at <= Instant::now()) else { return };
        match self.open(&numbers).await {
            Ok(places) => {
                self.reopen.reset();
                self.wanted = None;
                self.places = places;
            }
            Err(why) => {
                tracing::debug!(topic = self.settings.topic, why, "partitions could not be opened");
                self.status.broker(Some(why));
                self.open_at = Instant::now() + self.reopen.next_wait();
            }
        }
        self.status.reads(self.places.len());
    }

    /// Assigns these partitions to the client, each from where the database says.
    async fn open(&self, numbers: &[i32]) -> Result<BTreeMap<i32, Place>, String> {
        let mut places = BTreeMap::new();
        let mut assignment = TopicPartitionList::new();
        for number in numbers {
            let (low, high) = self.watermarks(*number).await.map_err(|error| error.to_string())?;
            let partition = self.partition(*number);
            let next = self.where_to_go_on(&partition, low, high).await.map_err(|error| error.to_string())?;
            assignment.add_partition_offset(&partition.topic, partition.number, Offset::Offset(next)).map_err(|error| error.to_string())?;
            places.insert(*number, Place::new(partition, next, high));
        }
        // The client keeps a pause over assignments, and whoever was to end it has gone with its place.
        self.client.resume(&assignment).map_err(|error| error.to_string())?;
        self.client.assign(&assignment).map_err(|error| error.to_string())?;
        Ok(places)
    }

    async fn where_to_go_on(&self, partition: &Partition, low: i64, high: i64) -> Result<i64, StoreError> {
        let now = self.clock.now();
        let next = self.store.open_partition(partition, low, now).await?;
        if (low..=high).contains(&next) {
            return Ok(next);
        }
        let what = if next < low {
            "messages were removed from the topic before they were read: what they said is missing"
        } else {
            "the topic ends before the place up to which it was read: it was made anew, and is read from its beginning"
        };
        tracing::warn!(topic = partition.topic, partition = partition.number, read_to = next, begins_at = low, ends_at = high, "{what}");
        self.store.rewind_partition(partition, next, low, now).await?;
        // Whoever was quicker has the last word.
        self.store.open_partition(partition, low, now).await
    }

    fn partition(&self, number: i32) -> Partition {
        Partition { group: self.settings.group.clone(), topic: self.settings.topic.clone(), number }
    }

    /// Where a partition begins and ends, by the broker's word.
    async fn watermarks(&self, number: i32) -> KafkaResult<(i64, i64)> {
        let (client, topic) = (Arc::clone(&self.client), self.settings.topic.clone());
        let asked = tokio::task::spawn_blocking(move || client.fetch_watermarks(&topic, number, ASK));
        asked.await.unwrap_or(Err(KafkaError::Canceled))
    }

    /// Puts partitions on record that are new in the topic, also those that the group has not given to anybody yet: until they are
    /// read, the topic is not read to its end. False before the client knows how many there are; it hears of new ones every five minutes
    /// (`topic.metadata.refresh.interval.ms`).
    async fn put_partitions_on_record(&mut self) -> Result<bool, String> {
        let Some(there) = self.client.context().partitions(&self.settings.topic) else { return Ok(false) };
        for number in self.on_record..there {
            let (low, _) = self.watermarks(number).await.map_err(|error| error.to_string())?;
            let opened = self.store.open_partition(&self.partition(number), low, self.clock.now()).await;
            opened.map_err(|error| error.to_string())?;
            self.on_record = number + 1;
        }
        Ok(true)
    }

    fn hear(&mut self, heard: KafkaResult<Message>) {
        match heard {
            Ok(message) => {
                self.status.broker(None);
                if let Some(place) = self.places.get_mut(&message.partition.number) {
                    place.read(message);
                }
            }
            Err(KafkaError::PartitionEOF(number)) => {
                if let Some(place) = self.places.get_mut(&number) {
                    place.at_end = true;
                    self.look_at = self.look_at.min(Instant::now() + SOON);
                }
            }
            Err(error) => {
                tracing::debug!(error = %error, topic = self.settings.topic, "the topic cannot be read");
                self.status.broker(Some(error.to_string()));
            }
        }
    }

    /// Takes what else is there already, without waiting.
    fn gather(&mut self, client: &StreamConsumer<Context>) {
        for _ in 1..self.settings.batch {
            match client.recv().now_or_never() {
                Some(received) => self.hear(received.map(|message| message_of(&message, &self.settings.group))),
                None => return,
            }
        }
    }

    /// Takes in what was read, of each partition as far as it goes.
    async fn take_in(&mut self, shutdown: &Shutdown) {
        let numbers: Vec<i32> = self.places.keys().copied().collect();
        for number in numbers {
            while !shutdown.is_hard() && self.places.get(&number).is_some_and(|place| place.is_ready(Instant::now())) {
                match self.stride(number).await {
                    Ok(Stride::On) => self.status.database(None),
                    Ok(Stride::Fenced) => {
                        tracing::warn!(topic = self.settings.topic, partition = number, "somebody else has moved the partition on");
                        self.places.clear();
                        self.wanted = Some(self.assigned());
                        self.open_at = Instant::now();
                        return;
                    }
                    Err(error) => self.rest(number, &error),
                }
            }
        }
    }

    /// The partitions that the client has.
    fn assigned(&self) -> Vec<i32> {
        let assignment = self.client.assignment().unwrap_or_default();
        assignment.elements().iter().map(|partition| partition.partition()).collect()
    }

    /// Takes in the next messages of a partition, or the next one where care is needed.
    async fn stride(&mut self, number: i32) -> Result<Stride, StoreError> {
        let reach = self.reach();
        let Some(place) = self.places.get_mut(&number) else { return Ok(Stride::On) };
        let attempts = match place.attempts {
            Some(attempts) => attempts,
            None => {
                let Some(attempts) = self.store.count_attempt(&place.partition, place.next).await? else { return Ok(Stride::Fenced) };
                if attempts > 1 {
                    place.careful_until = place.careful_until.max(place.next + reach);
                }
                place.attempts = Some(attempts);
                attempts
            }
        };
        fault_point!("inbox.counted");
        let now = self.clock.now();
        let messages = place.queue.iter().take(place.stride(self.settings.batch));
        let mut readings: Vec<Reading> = Vec::new();
        let mut deliveries: Vec<Delivery> = Vec::new();
        for message in messages {
            let mut reading = self.reader.read(message, now);
            if attempts > self.settings.max_attempts && deliveries.is_empty() {
                reading.content = Content::Unusable(gave_up(&reading.content, attempts, place.failed_on.as_deref()));
            }
            deliveries.push(Delivery { message: message.clone(), content: reading.content.clone() });
            readings.push(reading);
        }
        let Some(last) = deliveries.last() else { return Ok(Stride::On) };
        let next = last.message.offset + 1;
        let batch = Batch {
            partition: place.partition.clone(),
            expected: place.next,
            next,
            attempts,
            dead_letter_topic: self.settings.dead_letter_topic.clone(),
            deliveries,
        };
        let TakenIn::Done(taken) = self.store.take_in(&batch, now).await? else { return Ok(Stride::Fenced) };
        let rested = place.rests_until.is_some();
        place.move_on(next);
        count(&self.settings.topic, &readings, &taken);
        self.hint(number, next, rested);
        Ok(Stride::On)
    }

    /// How many messages are taken in one by one where one of them may be what others failed on.
    fn reach(&self) -> i64 {
        i64::try_from(self.settings.batch).unwrap_or(i64::MAX)
    }

    /// Lets the broker send more if it was to stop, and tells it how far the partition was taken in.
    fn hint(&self, number: i32, next: i64, rested: bool) {
        let mut place = TopicPartitionList::new();
        let told = place
            .add_partition_offset(&self.settings.topic, number, Offset::Offset(next))
            .and_then(|()| if rested { self.client.resume(&place) } else { Ok(()) })
            .and_then(|()| self.client.commit(&place, CommitMode::Async));
        if let Err(error) = told {
            tracing::debug!(error = %error, topic = self.settings.topic, partition = number, "the broker could not be told");
        }
        fault_point!("inbox.hinted");
    }

    /// A partition rests; the others go on.
    fn rest(&mut self, number: i32, error: &StoreError) {
        let reach = self.reach();
        let Some(place) = self.places.get_mut(&number) else { return };
        if place.rests_until.is_none() {
            tracing::warn!(error = %chain(error), topic = place.partition.topic, partition = number, "messages cannot be taken in; trying again");
            let mut paused = TopicPartitionList::new();
            paused.add_partition(&place.partition.topic, number);
            if let Err(error) = self.client.pause(&paused) {
                tracing::debug!(error = %error, "a partition could not be paused");
            }
        }
        if !error.is_away() {
            // It may be one of the messages: each goes alone, and every try counts.
            place.careful_until = place.careful_until.max(place.next + reach);
            place.attempts = None;
        }
        let what = chain(error);
        self.status.database(Some(what.clone()));
        place.rest(what);
    }

    /// Looks how far the topic goes, and puts on record which partitions were read to their end.
    async fn look(&mut self) {
        if Instant::now() < self.look_at {
            return;
        }
        self.look_at = Instant::now() + LOOK;
        // What is published while the questions are being answered may be in no answer: it counts from before the first of them.
        let asked_at = self.clock.now();
        match self.put_partitions_on_record().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => {
                // Who knows what waits in one that nobody has heard of.
                self.status.broker(Some(why));
                return;
            }
        }
        let numbers: Vec<i32> = self.places.keys().copied().collect();
        let (mut at_end, mut lag) = (Vec::new(), 0);
        for number in numbers {
            let high = match self.watermarks(number).await {
                Ok((_, high)) => high,
                Err(error) => {
                    // Nobody knows what waits there.
                    self.status.broker(Some(error.to_string()));
                    return;
                }
            };
            let Some(place) = self.places.get_mut(&number) else { continue };
            // The client has met the end, and it has not moved since. A topic may end in marks that are no messages.
            if place.queue.is_empty() && place.at_end && (high <= place.next || high == place.high) {
                at_end.push((place.partition.clone(), place.next));
            } else {
                lag += (high - place.next).max(0);
            }
            place.high = high;
            let waiting =
                if at_end.last().is_some_and(|(partition, _)| partition.number == number) { 0 } else { (high - place.next).max(0) };
            metrics::gauge!(INVENTORY_EVENT_LAG, "topic" => self.settings.topic.clone(), "partition" => number.to_string())
                .set(waiting as f64);
        }
        self.status.broker(None);
        self.status.lags(lag);
        if !at_end.is_empty()
            && let Err(error) = self.store.mark_read_to_end(&at_end, asked_at).await
        {
            tracing::debug!(error = %error, "it could not be put on record how far the topic was read");
        }
    }
}

/// A message on which work was begun too often.
fn gave_up(content: &Content, attempts: i32, failed_on: Option<&str>) -> Unusable {
    let (tenant, event_id) = match content {
        Content::Event(event) => (event.tenant, Some(event.change.stamp.event.as_str().to_owned())),
        Content::Unusable(why) => (why.tenant, why.event_id.clone()),
        Content::PassedOver => (NOBODY, None),
    };
    let begun = attempts - 1;
    let reason = match failed_on {
        Some(failed_on) => format!("work on it was begun {begun} times and failed; the last time: {failed_on}"),
        None => format!("work on it was begun {begun} times and never came to an end: it may be what ends the process"),
    };
    Unusable { tenant, event_id, code: "gave_up", reason }
}

fn count(topic: &str, readings: &[Reading], taken: &[Taken]) {
    for (reading, taken) in readings.iter().zip(taken) {
        let source = reading.source.as_ref().map_or_else(String::new, ToString::to_string);
        metrics::counter!(INVENTORY_EVENTS, "source" => source.clone(), "outcome" => taken.label()).increment(1);
        for odd in &reading.odd {
            metrics::counter!(INVENTORY_EVENT_ODDITIES, "source" => source.clone(), "kind" => odd.label()).increment(1);
        }
        if let Taken::Dead(reason) = taken {
            metrics::counter!(DEAD_LETTERS, "topic" => topic.to_owned(), "reason" => *reason).increment(1);
            tracing::warn!(topic, reason, "a message cannot be used and is on record as a dead letter");
        }
    }
}
