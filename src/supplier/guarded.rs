//! Stands before an inventory: asks it less while it is down, and no faster than it likes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{Answer, Capabilities, Evidence, Look, Operation, SourceName, TenantId};
use crate::supplier::{AvailabilityAnswer, CheckAsk, HoldAsk, ListAsk, ListedPage, Listing, Question, Reply, Supplier};

use super::breaker::{Breaker, Change, Health};
use super::turns::Turns;

/// An inventory behind its circuit breakers and, if there are any, rate limits.
///
/// Checks have a breaker of their own: what is asked in them comes from callers of the API, and nothing that these ask may keep a
/// hold of anybody from being confirmed or released. Look-ups pass an open breaker: finding out must not wait for anybody's pause,
/// and one that is answered closes that of the effects.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    inner: S,
    name: SourceName,
    checks: Mutex<Breaker>,
    effects: Mutex<Breaker>,
    limits: Vec<Turns>,
}

/// Why a call was not let through.
enum Held {
    CircuitOpen(Duration),
    RateLimit(Duration),
}

impl Held {
    fn why(&self) -> String {
        match self {
            Self::CircuitOpen(left) => format!("circuit open: too many calls in a row failed; the next try is in {} ms", left.as_millis()),
            Self::RateLimit(wait) => format!("rate limit: the next turn is in {} ms, which is too long for this call", wait.as_millis()),
        }
    }
}

impl<S: Supplier> Guarded<S> {
    /// Puts an inventory behind its guards: checks and effects each behind a breaker like this one.
    pub(super) fn new(inner: S, name: SourceName, breaker: Breaker, limits: Vec<Turns>) -> Self {
        Self { inner, name, checks: Mutex::new(breaker.clone()), effects: Mutex::new(breaker), limits }
    }

    fn breaker<T>(&self, operation: Operation, act: impl FnOnce(&mut Breaker) -> T) -> T {
        let breaker = if operation == Operation::Check { &self.checks } else { &self.effects };
        // The breaker's few numbers are never half written, so that a panic elsewhere leaves nothing to fear.
        act(&mut breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a call through, and says how much time is left for it.
    async fn pass(
        &self,
        operation: Operation,
        tenant: TenantId,
        timeout: Duration,
        send_before: Option<Instant>,
    ) -> Result<Duration, Held> {
        let looks = operation.is_look();
        // The breaker is asked before and after the wait: before, so that a call it would stop uses up no turn of the rate limit; after,
        // so that only a call that got its turn becomes the breaker's probe.
        if let Some(left) = self.breaker(operation, |breaker| breaker.closed_for(now())).filter(|_| !looks) {
            return Err(Held::CircuitOpen(left));
        }
        let waited = self.wait_for_turn(tenant, timeout, send_before).await?;
        if !looks {
            self.breaker(operation, |breaker| breaker.admit(now())).map_err(Held::CircuitOpen)?;
        }
        Ok(timeout.saturating_sub(waited))
    }

    async fn wait_for_turn(&self, tenant: TenantId, timeout: Duration, send_before: Option<Instant>) -> Result<Duration, Held> {
        let begun = now();
        let claim = send_before.map_or(Duration::MAX, |at| at.saturating_duration_since(begun));
        // At most half of the timeout is spent waiting for a turn; the rest is left for the call.
        let patience = (timeout / 2).min(claim);
        for limit in &self.limits {
            let now = now();
            let left = patience.saturating_sub(now.saturating_duration_since(begun));
            let wait = limit.take(tenant, &self.name, now, left).await.map_err(Held::RateLimit)?;
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
        Ok(if self.limits.is_empty() { Duration::ZERO } else { now().saturating_duration_since(begun) })
    }

    fn note<T>(&self, operation: Operation, reply: &Reply<T>, send_before: Option<Instant>) {
        let now = now();
        let health = match &reply.answer {
            Answer::Done(_) | Answer::Refused(_) => Health::Good,
            // A look-up that fails is let through again anyway.
            Answer::NotSent(_) | Answer::Unknown(_) if operation.is_look() => Health::Untold,
            // One tenant's odd question must not silence the inventory for the others.
            Answer::Unknown(_) if operation == Operation::Check && blames_the_question(reply.evidence.http_status) => Health::Untold,
            Answer::NotSent(_) if send_before.is_some_and(|at| now >= at) => Health::Untold,
            Answer::NotSent(_) | Answer::Unknown(_) => Health::Bad,
        };
        let circuit = if operation == Operation::Check { "checks" } else { "effects" };
        match self.breaker(operation, |breaker| breaker.note(health, now)) {
            Some(Change::Opened) => {
                tracing::warn!(supplier.name = %self.name, circuit, "the circuit to the inventory is open: too many calls in a row failed")
            }
            Some(Change::Closed) => tracing::info!(supplier.name = %self.name, circuit, "the circuit to the inventory is closed again"),
            None => {}
        }
    }

    async fn hold(&self, operation: Operation, ask: &HoldAsk) -> Reply<Look> {
        if let Some(why) = self.inner.obstacle(Question::Hold(operation, ask)) {
            return unsent(Answer::NotSent(why));
        }
        let ask = match self.pass(operation, ask.tenant, ask.timeout, Some(ask.send_before)).await {
            Ok(timeout) => &HoldAsk { timeout, ..ask.clone() },
            Err(held) => return unsent(Answer::NotSent(held.why())),
        };
        let reply = match operation {
            Operation::Reserve => self.inner.reserve(ask).await,
            Operation::Release => self.inner.release(ask).await,
            Operation::Confirm => self.inner.confirm(ask).await,
            Operation::Extend => self.inner.extend(ask).await,
            Operation::Lookup | Operation::List | Operation::Check => self.inner.lookup(ask).await,
        };
        self.note(operation, &reply, Some(ask.send_before));
        reply
    }
}

/// The one place where the guards look at the clock.
fn now() -> Instant {
    Instant::now()
}

/// A status by which an inventory finds fault with what it was asked, and not with being asked just now or so often.
fn blames_the_question(status: Option<u16>) -> bool {
    status.is_some_and(|status| (400..500).contains(&status) && !matches!(status, 408 | 425 | 429))
}

fn unsent<T>(answer: Answer<T>) -> Reply<T> {
    Reply { answer, evidence: Evidence::default() }
}

fn held_back<T>(answer: Answer<T>, left: Duration) -> Reply<T> {
    Reply { answer, evidence: Evidence { again_in: Some(left), ..Evidence::default() } }
}

#[async_trait]
impl<S: Supplier> Supplier for Guarded<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn obstacle(&self, question: Question<'_>) -> Option<String> {
        self.inner.obstacle(question)
    }

    async fn server_date(&self, timeout: Duration) -> Option<DateTime<Utc>> {
        self.inner.server_date(timeout).await
    }

    async fn check(&self, ask: &CheckAsk) -> Reply<AvailabilityAnswer> {
        if let Some(why) = self.inner.obstacle(Question::Check(ask)) {
            return unsent(Answer::NotSent(why));
        }
        let ask = match self.pass(Operation::Check, ask.tenant, ask.timeout, None).await {
            Ok(timeout) => &CheckAsk { timeout, ..ask.clone() },
            // What is available is not known while nobody may ask.
            Err(held @ Held::CircuitOpen(left)) => return held_back(Answer::Unknown(held.why()), left),
            Err(held @ Held::RateLimit(wait)) => return held_back(Answer::NotSent(held.why()), wait),
        };
        let reply = self.inner.check(ask).await;
        self.note(Operation::Check, &reply, None);
        reply
    }

    fn listing(&self) -> Option<Listing> {
        self.inner.listing()
    }

    fn releases_by_reference(&self) -> bool {
        self.inner.releases_by_reference()
    }

    async fn list_active(&self, ask: &ListAsk) -> Reply<ListedPage> {
        // Listing is finding out, which waits for no pause; and it says nothing of how effects fare.
        match self.wait_for_turn(ask.tenant, ask.timeout, None).await {
            Ok(waited) => self.inner.list_active(&ListAsk { timeout: ask.timeout.saturating_sub(waited), ..ask.clone() }).await,
            Err(held) => unsent(Answer::NotSent(held.why())),
        }
    }

    async fn reserve(&self, ask: &HoldAsk) -> Reply<Look> {
        self.hold(Operation::Reserve, ask).await
    }

    async fn lookup(&self, ask: &HoldAsk) -> Reply<Look> {
        self.hold(Operation::Lookup, ask).await
    }

    async fn release(&self, ask: &HoldAsk) -> Reply<Look> {
        self.hold(Operation::Release, ask).await
    }

    async fn confirm(&self, ask: &HoldAsk) -> Reply<Look> {
        self.hold(Operation::Confirm, ask).await
    }

    async fn extend(&self, ask: &HoldAsk) -> Reply<Look> {
        self.hold(Operation::Extend, ask).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::AnswerClass;
    use crate::supplier::sample::ask;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Answers what it is told to, and counts.
    struct Fake {
        answer: Mutex<Answer<Look>>,
        status: Mutex<Option<u16>>,
        calls: AtomicUsize,
        shortest: Mutex<Duration>,
    }

    impl Fake {
        fn call(&self, timeout: Duration) -> Answer<Look> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let mut shortest = self.shortest.lock().unwrap();
            *shortest = timeout.min(*shortest);
            self.answer.lock().unwrap().clone()
        }
    }

    #[async_trait]
    impl Supplier for Fake {
        fn capabilities(&self) -> Capabilities {
            Capabilities {
                idempotent_create: true,
                lookup: true,
                lookup_by_key: true,
                release: true,
                idempotent_release: true,
                confirm: true,
                extend: true,
                list: false,
            }
        }

        fn obstacle(&self, question: Question<'_>) -> Option<String> {
            matches!(question, Question::Hold(Operation::Extend, _)).then(|| "no such thing".to_owned())
        }

        async fn check(&self, ask: &CheckAsk) -> Reply<AvailabilityAnswer> {
            let answer = self.call(ask.timeout).map(|_| AvailabilityAnswer { reference: None, lines: Vec::new() });
            Reply { answer, evidence: Evidence { http_status: *self.status.lock().unwrap(), ..Evidence::default() } }
        }

        async fn reserve(&self, ask: &HoldAsk) -> Reply<Look> {
            unsent(self.call(ask.timeout))
        }

        async fn lookup(&self, ask: &HoldAsk) -> Reply<Look> {
            unsent(self.call(ask.timeout))
        }

        async fn release(&self, ask: &HoldAsk) -> Reply<Look> {
            unsent(self.call(ask.timeout))
        }

        async fn confirm(&self, ask: &HoldAsk) -> Reply<Look> {
            unsent(self.call(ask.timeout))
        }

        async fn extend(&self, ask: &HoldAsk) -> Reply<Look> {
            unsent(self.call(ask.timeout))
        }
    }

    fn guarded(answer: Answer<Look>, failures: u32, per_second: Option<f64>) -> Guarded<Fake> {
        let inner = Fake { answer: Mutex::new(answer), status: Mutex::new(None), calls: AtomicUsize::new(0), shortest: Mutex::new(HOUR) };
        let limits = per_second.and_then(|rate| Turns::new(rate, false, None)).into_iter().collect();
        Guarded::new(inner, SourceName::parse("main").unwrap(), Breaker::new(failures, HOUR), limits)
    }

    fn check() -> CheckAsk {
        let ask = ask();
        CheckAsk {
            tenant: ask.tenant,
            correlation: String::new(),
            lines: Vec::new(),
            customer: None,
            location: None,
            channel: None,
            timeout: ask.timeout,
        }
    }

    fn calls(guarded: &Guarded<Fake>) -> usize {
        guarded.inner.calls.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn an_open_circuit_sends_no_effect_answers_no_check_and_lets_looks_through() {
        let guarded = guarded(Answer::Unknown("lost".into()), 2, None);
        guarded.reserve(&ask()).await;
        guarded.confirm(&ask()).await;
        let reply = guarded.release(&ask()).await;
        assert!(matches!(&reply.answer, Answer::NotSent(why) if why.starts_with("circuit open: ")), "{reply:?}");
        assert_eq!(calls(&guarded), 2);
        // A look that fails changes nothing; one that is answered shows that the inventory is there again.
        guarded.lookup(&ask()).await;
        assert_eq!(guarded.confirm(&ask()).await.answer.class(), AnswerClass::NotSent);
        *guarded.inner.answer.lock().unwrap() = Answer::Done(Look::Absent);
        guarded.lookup(&ask()).await;
        assert_eq!(guarded.confirm(&ask()).await.answer.class(), AnswerClass::Done);
        assert_eq!(calls(&guarded), 5);
    }

    #[tokio::test]
    async fn checks_that_fail_stop_checks_and_no_effect() {
        let guarded = guarded(Answer::Unknown("lost".into()), 2, None);
        for _ in 0..3 {
            guarded.check(&check()).await;
        }
        assert!(matches!(guarded.check(&check()).await.answer, Answer::Unknown(why) if why.starts_with("circuit open: ")));
        assert_eq!(calls(&guarded), 2);
        *guarded.inner.answer.lock().unwrap() = Answer::Done(Look::Absent);
        for reply in [guarded.reserve(&ask()).await, guarded.confirm(&ask()).await, guarded.release(&ask()).await] {
            assert_eq!(reply.answer.class(), AnswerClass::Done);
        }
        assert!(matches!(guarded.check(&check()).await.answer, Answer::Unknown(_)), "what is done with holds says nothing of checks");
    }

    #[tokio::test]
    async fn an_inventory_that_finds_fault_with_a_question_is_asked_the_next_one() {
        let guarded = guarded(Answer::Unknown("status 404 is not mapped".into()), 2, None);
        *guarded.inner.status.lock().unwrap() = Some(404);
        for _ in 0..9 {
            guarded.check(&check()).await;
        }
        assert_eq!(calls(&guarded), 9);
        *guarded.inner.status.lock().unwrap() = Some(429);
        for _ in 0..9 {
            guarded.check(&check()).await;
        }
        assert_eq!(calls(&guarded), 11);
    }

    #[tokio::test]
    async fn what_is_not_the_inventory_s_fault_does_not_count_against_it() {
        let guarded = guarded(Answer::NotSent("too late".into()), 1, None);
        for _ in 0..3 {
            assert_eq!(guarded.extend(&ask()).await.answer, Answer::NotSent("no such thing".into()));
            guarded.reserve(&HoldAsk { send_before: Instant::now(), ..ask() }).await;
        }
        assert_eq!(calls(&guarded), 3, "an extension cannot even be asked for");
        guarded.reserve(&ask()).await;
        guarded.reserve(&ask()).await;
        assert_eq!(calls(&guarded), 4);
    }

    #[tokio::test]
    async fn who_comes_too_fast_waits_and_what_cannot_wait_is_not_sent() {
        let patient = guarded(Answer::Done(Look::Absent), 1, Some(4.0));
        for _ in 0..5 {
            assert_eq!(patient.reserve(&ask()).await.answer.class(), AnswerClass::Done);
        }
        let shortest = *patient.inner.shortest.lock().unwrap();
        assert!(shortest > Duration::from_secs(4) && shortest < Duration::from_secs(5), "the wait is part of the timeout: {shortest:?}");
        let slow = guarded(Answer::Done(Look::Absent), 1, Some(0.01));
        slow.lookup(&ask()).await;
        for _ in 0..2 {
            assert!(matches!(slow.reserve(&ask()).await.answer, Answer::NotSent(why) if why.starts_with("rate limit: ")));
        }
        assert_eq!(calls(&slow), 1);
    }
}
