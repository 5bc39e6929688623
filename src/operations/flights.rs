//! Questions under way: equal ones wait for one answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::domain::{AvailabilityEvidence, Fingerprint};
use crate::operations::check_availability::{CheckError, Provenance};

/// What a question came to.
pub(crate) type Landed = Result<(Arc<AvailabilityEvidence>, Provenance), CheckError>;

/// The task that was to find the answer ended without one.
#[derive(Debug)]
pub(crate) struct Lost;

/// A question under way: since when, and where its answer will be.
#[derive(Debug, Clone)]
struct Flight {
    begun_at: DateTime<Utc>,
    landing: watch::Receiver<Option<Landed>>,
}

/// The questions that are under way in this process; of equal ones the one that began last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Fingerprint, Flight>>>);

/// Takes a question off the list, however its task ends.
struct Departed {
    flights: Flights,
    question: Fingerprint,
    landing: watch::Receiver<Option<Landed>>,
}

impl Drop for Departed {
    fn drop(&mut self) {
        let mut list = self.flights.list();
        // One that began later may stand in its place.
        if list.get(&self.question).is_some_and(|flight| flight.landing.same_channel(&self.landing)) {
            list.remove(&self.question);
        }
    }
}

impl Flights {
    /// Waits for the answer to a question: for one that is under way and began no earlier than `since`, else by asking in a task of
    /// its own, which goes on if whoever asked goes away. Says whether this caller's asking it was.
    pub(crate) async fn board<Asking>(
        &self,
        question: Fingerprint,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
        asking: Asking,
    ) -> Result<(Landed, bool), Lost>
    where
        Asking: Future<Output = Landed> + Send + 'static,
    {
        let (mut landing, mine) = {
            let mut list = self.list();
            match list.get(&question).filter(|flight| flight.begun_at >= since) {
                Some(flight) => (flight.landing.clone(), false),
                None => {
                    let (land, landing) = watch::channel(None);
                    list.insert(question, Flight { begun_at: now, landing: landing.clone() });
                    let departed = Departed { flights: self.clone(), question, landing: landing.clone() };
                    tokio::spawn(async move {
                        let landed = asking.await;
                        // Off the list before anybody hears of it: whoever asks next finds the row.
                        drop(departed);
                        land.send_replace(Some(landed));
                    });
                    (landing, true)
                }
            }
        };
        let landed = landing.wait_for(Option::is_some).await.map_err(|_| Lost)?.clone();
        landed.map(|landed| (landed, mine)).ok_or(Lost)
    }

    fn list(&self) -> std::sync::MutexGuard<'_, HashMap<Fingerprint, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    fn question(n: u8) -> Fingerprint {
        Fingerprint::from_bytes([n; 32])
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[tokio::test]
    async fn equal_questions_wait_for_one_answer_and_others_do_not() {
        let (flights, asked, go) = (Flights::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let board = |n| {
            let (asked, go, flights) = (Arc::clone(&asked), Arc::clone(&go), flights.clone());
            async move {
                let asking = async move {
                    asked.fetch_add(1, Ordering::SeqCst);
                    go.notified().await;
                    Err(CheckError::BrokenOff)
                };
                flights.board(question(n), at(0), at(0), asking).await.unwrap().1
            }
        };
        let mut all = futures::future::join_all([board(1), board(1), board(1), board(2)]);
        assert!(futures::poll!(&mut all).is_pending());
        go.notify_waiters();
        tokio::task::yield_now().await;
        go.notify_waiters();
        let mine = all.await;
        assert_eq!((mine, asked.load(Ordering::SeqCst)), (vec![true, false, false, true], 2));
        assert!(flights.list().is_empty());
    }

    #[tokio::test]
    async fn the_answer_is_found_even_if_whoever_asked_first_has_gone() {
        let (flights, go) = (Flights::default(), Arc::new(Notify::new()));
        let asking = {
            let go = Arc::clone(&go);
            async move {
                go.notified().await;
                Err(CheckError::BrokenOff)
            }
        };
        let mut first = Box::pin(flights.board(question(1), at(0), at(0), asking));
        assert!(futures::poll!(&mut first).is_pending());
        let mut second = Box::pin(flights.board(question(1), at(0), at(0), async { unreachable!("it is under way already") }));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        go.notify_one();
        assert!(!second.await.unwrap().1);
    }

    #[tokio::test]
    async fn who_accepts_no_older_answer_waits_for_no_question_that_was_put_before() {
        let (flights, go) = (Flights::default(), Arc::new(Notify::new()));
        let asking = || {
            let go = Arc::clone(&go);
            async move {
                go.notified().await;
                Err(CheckError::BrokenOff)
            }
        };
        let mut first = Box::pin(flights.board(question(1), at(7), at(7), asking()));
        assert!(futures::poll!(&mut first).is_pending());
        let mut strict = Box::pin(flights.board(question(1), at(8), at(8), asking()));
        assert!(futures::poll!(&mut strict).is_pending());
        tokio::task::yield_now().await;
        go.notify_one();
        assert!(first.await.unwrap().1);
        // The first is over, and the second still stands where both stood.
        let mut patient = Box::pin(flights.board(question(1), at(0), at(9), asking()));
        assert!(futures::poll!(&mut patient).is_pending());
        go.notify_one();
        assert!(strict.await.unwrap().1);
        assert!(!patient.await.unwrap().1);
        assert!(flights.list().is_empty());
    }

    #[tokio::test]
    async fn a_task_that_panics_leaves_nobody_waiting_and_nothing_behind() {
        let flights = Flights::default();
        assert!(flights.board(question(1), at(0), at(0), async { panic!("planted") }).await.is_err());
        assert!(flights.list().is_empty());
    }
}
