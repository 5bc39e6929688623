//! The tasks that this process works on: one place each, taken on delivery and given back by dropping a guard.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Gauge, gauge};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use super::fetch::LockedTask;
use super::id::TaskId;
use super::lease::{CancelReason, TaskLease};
use crate::clock::SharedClock;
use crate::metrics::ENGINE_TASKS_IN_FLIGHT;

/// A task as it is handed to a [`TaskHandler`](super::TaskHandler): what is to be done, and the hold on it.
#[derive(Debug)]
pub struct HeldTask {
    /// What is to be done.
    pub task: LockedTask,
    /// Keeps the permit, and the lock extended, until it is dropped.
    pub hold: Hold,
}

/// Keeps a task's permit, and its lock extended, until it is dropped.
///
/// Drop it when the engine has been told. Dropping it sooner leaves the task locked until the lock runs out;
/// while the process stops, a task whose work never began is unlocked instead.
#[derive(Debug)]
pub struct Hold {
    id: TaskId,
    place: Arc<Place>,
    in_flight: Arc<InFlight>,
    given_back: bool,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Place {
    lease: Arc<TaskLease>,
    /// The engine delivered the task again after its lock ran out, so that nobody works under the newer lock.
    delivered_again: AtomicBool,
}

/// Everything in flight of one poll loop.
#[derive(Debug)]
pub(super) struct InFlight {
    places: Mutex<HashMap<TaskId, Arc<Place>>>,
    permits: Arc<Semaphore>,
    stopping: AtomicBool,
    hand_back: mpsc::UnboundedSender<HandBack>,
    emptied: Notify,
    gauge: Gauge,
    clock: SharedClock,
}

/// A task to be unlocked, because nobody has begun it.
#[derive(Debug)]
pub(super) struct HandBack {
    pub(super) task: TaskId,
    pub(super) reason: &'static str,
}

/// What became of a delivery.
#[derive(Debug)]
pub(super) enum Delivery {
    /// It has a place now.
    Accepted(Hold),
    /// This process works on the task already; its lease was renewed, or will be handed back with it.
    Duplicate,
    /// More tasks came than were asked for.
    NoRoom,
}

impl InFlight {
    pub(super) fn new(loop_name: &str, permits: usize, clock: SharedClock) -> (Arc<Self>, mpsc::UnboundedReceiver<HandBack>) {
        let (hand_back, to_hand_back) = mpsc::unbounded_channel();
        let in_flight = Self {
            places: Mutex::default(),
            permits: Arc::new(Semaphore::new(permits)),
            stopping: AtomicBool::new(false),
            hand_back,
            emptied: Notify::new(),
            gauge: gauge!(ENGINE_TASKS_IN_FLIGHT, "loop" => loop_name.to_owned()),
            clock,
        };
        (Arc::new(in_flight), to_hand_back)
    }

    pub(super) fn permits(&self) -> &Arc<Semaphore> {
        &self.permits
    }

    /// Gives a delivered task its place.
    pub(super) fn accept(self: &Arc<Self>, id: &TaskId, deadline: Instant, lock_duration: Duration) -> Delivery {
        let mut places = self.places();
        match places.entry(id.clone()) {
            Entry::Occupied(held) => {
                let place = held.get();
                place.lease.renew(deadline.checked_sub(lock_duration).unwrap_or(deadline));
                if place.lease.cancel_reason().is_some() {
                    place.delivered_again.store(true, Ordering::Release);
                }
                Delivery::Duplicate
            }
            Entry::Vacant(vacant) => {
                let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return Delivery::NoRoom };
                let lease = Arc::new(TaskLease::new(deadline, lock_duration));
                let place = Arc::new(Place { lease, delivered_again: AtomicBool::new(false) });
                vacant.insert(Arc::clone(&place));
                self.gauge.set(places.len() as f64);
                Delivery::Accepted(Hold { id: id.clone(), place, in_flight: Arc::clone(self), given_back: false, _permit: permit })
            }
        }
    }

    /// Asks for a task to be unlocked.
    pub(super) fn hand_back(&self, task: TaskId, reason: &'static str) {
        // The receiver outlives every hold but those of a handler that outlived the hard stop.
        let _ = self.hand_back.send(HandBack { task, reason });
    }

    /// The tasks whose lock is to be extended now.
    pub(super) fn due(&self, now: Instant) -> Vec<(TaskId, Arc<TaskLease>)> {
        let places = self.places();
        let due = places.iter().filter(|(_, place)| place.lease.is_due(now));
        due.map(|(id, place)| (id.clone(), Arc::clone(&place.lease))).collect()
    }

    pub(super) fn contains(&self, task: &TaskId) -> bool {
        self.places().contains_key(task)
    }

    pub(super) fn ids(&self) -> Vec<TaskId> {
        self.places().keys().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.places().len()
    }

    /// From now on a task that is dropped before it began is handed back.
    pub(super) fn begin_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Withdraws every lease; says how many.
    pub(super) fn cancel_all(&self, reason: CancelReason) -> usize {
        self.places().values().filter(|place| place.lease.cancel(reason)).count()
    }

    /// Returns once nothing is in flight.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.places().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// The right to work on the task.
    #[must_use]
    pub fn lease(&self) -> &Arc<TaskLease> {
        &self.place.lease
    }

    /// Gives the task back unworked: it is unlocked and offered to whoever polls, this process included.
    pub fn hand_back(mut self) {
        self.give_back("given_back");
    }

    fn give_back(&mut self, reason: &'static str) {
        let lease = &self.place.lease;
        // Unlock asks nobody for ownership, so only a lock that is certainly ours is given up; one that is
        // about to run out frees the task by itself.
        if lease.remaining(self.in_flight.clock.instant()) > lease.lock_duration() / 10 {
            self.in_flight.hand_back(self.id.clone(), reason);
        }
        self.given_back = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let lease = &self.place.lease;
        let is_ours = !matches!(lease.cancel_reason(), Some(CancelReason::Gone | CancelReason::LockLost));
        let stopping = self.in_flight.stopping.load(Ordering::Acquire);
        if self.given_back {
            // Once is enough: by now the lock may be somebody else's.
        } else if self.place.delivered_again.load(Ordering::Acquire) {
            self.give_back("delivered_again");
        } else if stopping && is_ours && !lease.has_begun() && !std::thread::panicking() {
            // Not after a panic: the task would come back to the next process and panic again at once.
            self.give_back("stopping");
        }
        let mut places = self.in_flight.places();
        places.remove(&self.id);
        self.in_flight.gauge.set(places.len() as f64);
        if places.is_empty() {
            self.in_flight.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    const MINUTE: Duration = Duration::from_secs(60);

    struct Fixture {
        in_flight: Arc<InFlight>,
        handed_back: mpsc::UnboundedReceiver<HandBack>,
    }

    impl Fixture {
        fn with_permits(permits: usize) -> Self {
            let (in_flight, handed_back) = InFlight::new("test", permits, SystemClock::shared());
            Self { in_flight, handed_back }
        }

        fn deliver(&self, id: &str, lock: Duration) -> Delivery {
            self.in_flight.accept(&TaskId::from(id), self.in_flight.clock.instant() + lock, MINUTE)
        }

        fn accepted(&self, id: &str) -> Hold {
            match self.deliver(id, MINUTE) {
                Delivery::Accepted(hold) => hold,
                other => panic!("{other:?}"),
            }
        }

        fn handed_back(&mut self) -> Vec<&'static str> {
            std::iter::from_fn(|| self.handed_back.try_recv().ok()).map(|item| item.reason).collect()
        }
    }

    #[test]
    fn a_place_is_taken_by_delivery_and_given_back_by_dropping_the_hold() {
        let mut fixture = Fixture::with_permits(1);
        let hold = fixture.accepted("a");
        assert!(matches!(fixture.deliver("b", MINUTE), Delivery::NoRoom));
        drop(hold);
        drop(fixture.accepted("b"));
        assert_eq!((fixture.in_flight.len(), fixture.handed_back()), (0, vec![]));
    }

    #[test]
    fn a_second_delivery_renews_the_lease_of_the_first() {
        let fixture = Fixture::with_permits(2);
        let hold = fixture.accepted("a");
        let before = hold.lease().deadline();
        assert!(matches!(fixture.deliver("a", MINUTE * 2), Delivery::Duplicate));
        assert!(hold.lease().deadline() > before);
        assert_eq!(fixture.in_flight.len(), 1);
    }

    #[test]
    fn a_task_delivered_again_after_its_work_was_cancelled_is_handed_back_when_that_ends() {
        let mut fixture = Fixture::with_permits(2);
        let hold = fixture.accepted("a");
        hold.lease().cancel(CancelReason::LockLost);
        assert!(matches!(fixture.deliver("a", MINUTE), Delivery::Duplicate));
        assert!(fixture.handed_back().is_empty());
        drop(hold);
        assert_eq!(fixture.handed_back(), ["delivered_again"]);
    }

    #[test]
    fn only_while_stopping_is_a_task_that_never_began_handed_back() {
        let mut fixture = Fixture::with_permits(9);
        drop(fixture.accepted("dropped while running"));
        let (idle, begun, gone) = (fixture.accepted("idle"), fixture.accepted("begun"), fixture.accepted("gone"));
        begun.lease().begin(fixture.in_flight.clock.instant()).unwrap();
        gone.lease().cancel(CancelReason::Gone);
        fixture.in_flight.begin_stopping();
        drop((idle, begun, gone));
        assert_eq!(fixture.handed_back(), ["stopping"]);
    }

    #[test]
    fn a_task_is_handed_back_once_and_only_while_its_lock_is_certainly_ours() {
        let mut fixture = Fixture::with_permits(9);
        let (given_back, running_out) = (fixture.accepted("given back"), fixture.deliver("running out", MINUTE / 20));
        fixture.in_flight.begin_stopping();
        given_back.hand_back();
        drop(running_out);
        assert_eq!(fixture.handed_back(), ["given_back"]);
    }

    #[tokio::test]
    async fn emptiness_is_noticed_by_whoever_waits_for_it() {
        let fixture = Fixture::with_permits(2);
        let holds = (fixture.accepted("a"), fixture.accepted("b"));
        let waiting = tokio::spawn({
            let in_flight = Arc::clone(&fixture.in_flight);
            async move { in_flight.emptied().await }
        });
        drop(holds);
        waiting.await.unwrap();
    }
}
