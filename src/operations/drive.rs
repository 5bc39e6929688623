//! The three acts, repeated until the goal is reached or cannot be reached now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::chain::chain;
use crate::domain::{
    Answer, Goal, Look, Operation, Plan, Reservation, ReservationId, ReservationStatus, Said, Settlement, SourceName, plan, settle,
};
use crate::fault_points::fault_point;
#[cfg(feature = "planted-bugs")]
use crate::fault_points::planted_bug;
use crate::metrics;
use crate::operations::look_in_list::Sighting;
use crate::operations::{Conclusion, Errand, OperationError, Operations, ids};
use crate::store::{Asking, Claimed, Ended, SettleJob, StoreError, Unasked, Wanted};
use crate::supplier::{HoldAsk, Reply, Source};

/// No goal needs more steps: lost outcome found absent, sent again, found partial, released, and some to spare.
const MOST_STEPS: usize = 8;
/// How soon after it was put on record an effect must leave. A claim may wait for a database that is slow.
const EFFECT_LEAVES_WITHIN: TimeDelta = TimeDelta::seconds(3);
/// How long and how often a command waits for somebody else who works on its row.
const BUSY_PAUSE: Duration = Duration::from_millis(300);
const BUSY_TRIES: u32 = 20;
/// How long a settlement waits for a database that is away before it asks again.
const SETTLE_PAUSES: [Duration; 5] =
    [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(400), Duration::from_secs(1), LONGEST_SETTLE_PAUSE];
const LONGEST_SETTLE_PAUSE: Duration = Duration::from_secs(2);
/// How long after the end of its lease a session still tries to write down what nobody else knows.
const SETTLE_BEYOND_LEASE: Duration = Duration::from_secs(60);

impl Operations {
    /// Runs an errand for a reservation that exists.
    ///
    /// # Errors
    /// [`OperationError`]; nothing more was sent then.
    pub async fn run(&self, errand: &Errand) -> Result<Conclusion, OperationError> {
        self.go_on(errand, None, None).await
    }

    /// The same, but waits while somebody else works on the row: at the most until the lease of a session that died would be over.
    ///
    /// # Errors
    /// [`OperationError`]; nothing more was sent then.
    pub(crate) async fn run_in_turn(&self, errand: &Errand) -> Result<Conclusion, OperationError> {
        let mut conclusion = self.run(errand).await?;
        for _ in 0..BUSY_TRIES {
            let Conclusion::Busy(_) = conclusion else { break };
            tokio::time::sleep(BUSY_PAUSE).await;
            conclusion = self.run(errand).await?;
        }
        Ok(conclusion)
    }

    /// Goes on from a claim that was just made, or makes the first one.
    pub(crate) async fn go_on(
        &self,
        errand: &Errand,
        request_hash: Option<[u8; 32]>,
        mut asking: Option<Asking>,
    ) -> Result<Conclusion, OperationError> {
        let actor = errand.actor.as_deref().map_or_else(|| Arc::clone(&self.actor), Arc::from);
        for step in 0..MOST_STEPS {
            // Claim.
            let claim = match asking.take() {
                Some(claim) => claim,
                None => match self.claim(errand, request_hash, &actor).await.map_err(|error| interrupted(error, step > 0))? {
                    Claimed::Asking(claim) => *claim,
                    Claimed::Unasked(why) => return Ok(conclude(why)),
                    Claimed::NoSource(name) => return Err(self.no_source(&name)),
                },
            };
            let source = self.source(&claim.row.source)?;

            fault_point!("{}.claimed", claim.operation.as_str());

            // Ask: no transaction is open.
            let started = Instant::now();
            let Sighting { reply, needs_human } = self.ask(&claim, source).await?;
            #[cfg(feature = "planted-bugs")]
            let reply = misread(claim.operation, reply);
            metrics::supplier_call(claim.row.source.as_str(), claim.operation.as_str(), reply.answer.class().as_str(), started.elapsed());

            fault_point!("{}.answered", claim.operation.as_str());

            // Settle.
            let mut settlement =
                settle(&claim.row, claim.operation, &reply.answer, &source.policy, self.clock.now()).map_err(StoreError::from)?;
            self.call_for_a_human(&mut settlement, source, needs_human);
            match self.settle(errand, &claim, &reply, &settlement, &actor).await {
                Ok(()) => {}
                // Somebody else found out, or will: whoever holds the row now answers.
                Err(StoreError::ClaimLost(_)) => return Ok(Conclusion::Busy(Box::new(claim.row.clone()))),
                Err(error) => return Err(OperationError::Interrupted(error)),
            }
            fault_point!("{}.settled", claim.operation.as_str());
            let Settlement { after, said, .. } = settlement;
            let after = Box::new(after);
            match said {
                Said::NotKnown(why) => return Ok(Conclusion::Unknown(after, why)),
                Said::NotSent(why) => return Ok(Conclusion::NotSent(after, why)),
                Said::Refused(rejection) => return Ok(Conclusion::Refused(after, rejection)),
                Said::Known if is_answered(claim.operation, &after, &errand.goal) => return Ok(Conclusion::Settled(after)),
                Said::Known => {
                    let capabilities = source.supplier.capabilities();
                    if plan(&after, &errand.goal, &capabilities, &source.policy, self.clock.now()) == Plan::Conclude {
                        return Ok(Conclusion::Settled(after));
                    }
                }
            }
        }
        let row = self.store.get_reservation(errand.tenant, &errand.find).await.map_err(OperationError::Interrupted)?;
        Ok(row.map_or(Conclusion::NotFound, |row| Conclusion::Unknown(Box::new(row), format!("no end in {MOST_STEPS} steps"))))
    }

    /// The configured inventory of this name.
    pub(crate) fn source(&self, name: &SourceName) -> Result<&Source, OperationError> {
        self.suppliers.get(name).ok_or_else(|| self.no_source(name))
    }

    fn no_source(&self, name: &SourceName) -> OperationError {
        OperationError::UnknownSource { name: name.to_string(), known: self.suppliers.names().collect::<Vec<_>>().join(", ") }
    }

    async fn claim(&self, errand: &Errand, request_hash: Option<[u8; 32]>, actor: &Arc<str>) -> Result<Claimed, StoreError> {
        let wanted = Wanted {
            tenant: errand.tenant,
            find: errand.find.clone(),
            goal: errand.goal.clone(),
            request_hash,
            call: ids::call(),
            actor: Arc::clone(actor),
            waiting: errand.waiting.clone(),
            now: self.clock.now(),
        };
        self.store.claim(&wanted, &|row| self.terms(row)).await
    }

    /// What no call can find out needs a human from the start, not only when patience has run out.
    fn call_for_a_human(&self, settlement: &mut Settlement, source: &Source, unclear: bool) {
        let (after, now) = (&settlement.after, self.clock.now());
        let nobody_can_look = || plan(after, &Goal::Resolve, &source.supplier.capabilities(), &source.policy, now) == Plan::NeedsHuman;
        if after.is_open() && (unclear || nobody_can_look()) {
            settlement.after.manual_since = settlement.after.manual_since.or(Some(now));
        }
    }

    async fn ask(&self, claim: &Asking, source: &Source) -> Result<Sighting, OperationError> {
        let row = &claim.row;
        if claim.operation == Operation::List {
            return self.look_in_list(row, source).await;
        }
        let ask = HoldAsk {
            tenant: row.tenant,
            source: row.source.clone(),
            order: row.order,
            key: row.key.clone(),
            reference: row.reference.clone(),
            lines: row.lines.iter().map(|record| record.line.clone()).collect(),
            hold_seconds: row.hold_seconds,
            until: match row.pending {
                Some(crate::domain::PendingOperation::Extend { until }) => Some(until),
                _ => None,
            },
            accept_partial: source.policy.accept_partial,
            customer: row.customer.clone(),
            location: row.location.clone(),
            timeout: source.timeout,
            send_before: self.send_before(claim),
        };
        let reply = match claim.operation {
            Operation::Reserve => source.supplier.reserve(&ask).await,
            Operation::Lookup | Operation::List | Operation::Check => source.supplier.lookup(&ask).await,
            Operation::Release => source.supplier.release(&ask).await,
            Operation::Confirm => source.supplier.confirm(&ask).await,
            Operation::Extend => source.supplier.extend(&ask).await,
        };
        Ok(Sighting { reply, needs_human: false })
    }

    /// Until when a call may leave: as long as our lease lasts, and an effect only soon after it was put on record, because from there on
    /// it is counted for how long it may still act (`linger_ms`).
    fn send_before(&self, claim: &Asking) -> Instant {
        let leased = self.lease.until();
        let Some(recorded_at) = claim.row.last_effect_at.filter(|_| claim.operation.is_effect()) else { return leased };
        let left = EFFECT_LEAVES_WITHIN - (self.clock.now() - recorded_at);
        leased.min(self.clock.instant() + left.to_std().unwrap_or_default())
    }

    /// Writes what came of a call. An answer in hand is not thrown away because the database is away for a moment.
    async fn settle(
        &self,
        errand: &Errand,
        claim: &Asking,
        reply: &Reply<Look>,
        settlement: &Settlement,
        actor: &Arc<str>,
    ) -> Result<(), StoreError> {
        let note = match (&reply.answer, &settlement.said) {
            (Answer::Done(_) | Answer::Refused(_), Said::NotKnown(why)) => why.clone(),
            (answer, _) => answer.note(),
        };
        let open = matches!(settlement.said, Said::NotKnown(_)) && settlement.after.is_open();
        let job = SettleJob {
            after: settlement.after.clone(),
            moves: settlement.moves.clone(),
            wish_known: claim.row.release_wanted,
            next_check_at: settlement.next_check_at,
            ended: Some(Ended {
                call: claim.call,
                operation: claim.operation,
                class: reply.answer.class(),
                note: Some(note),
                evidence: reply.evidence.clone(),
            }),
            waiting: if open { errand.waiting.clone() } else { None },
            actor: Arc::clone(actor),
            now: self.clock.now(),
        };
        match self.kept(claim.row.id, || self.store.settle(job.clone())).await {
            // The commit may have gone through although its answer was lost: then the row has our call's end already.
            Err(StoreError::ClaimLost(_)) if self.settled_before(&job).await => Ok(()),
            done => done,
        }
    }

    /// Writes down what nobody else knows, again and again while the database is away.
    pub(crate) async fn kept<F: Future<Output = Result<(), StoreError>>>(
        &self,
        id: ReservationId,
        write: impl Fn() -> F,
    ) -> Result<(), StoreError> {
        let mut pauses = SETTLE_PAUSES.iter().chain(std::iter::repeat(&LONGEST_SETTLE_PAUSE));
        loop {
            match write().await {
                Err(error) if error.is_away() && Instant::now() < self.lease.until() + SETTLE_BEYOND_LEASE => {
                    tracing::warn!(reservation.id = %id, error = %chain(&error), "an answer waits for the database");
                    metrics::settle_retried();
                    if let Some(pause) = pauses.next() {
                        tokio::time::sleep(*pause).await;
                    }
                }
                done => return done,
            }
        }
    }

    /// Whether the call has this very end on record. Whoever took the row over has ended it too, but in other words.
    async fn settled_before(&self, job: &SettleJob) -> bool {
        let Some(ended) = &job.ended else { return false };
        self.store.is_ended_so(job.after.tenant, ended).await.unwrap_or(false)
    }
}

/// Two bugs that a test may plant: what nobody knows is taken for an answer.
#[cfg(feature = "planted-bugs")]
fn misread(operation: Operation, reply: Reply<Look>) -> Reply<Look> {
    let Reply { mut answer, evidence } = reply;
    let why = match &answer {
        Answer::Unknown(why) if operation == Operation::Reserve => why.clone(),
        _ => return Reply { answer, evidence },
    };
    planted_bug!("timeout_is_a_refusal", {
        if why.contains("no answer within") {
            answer = Answer::Refused(crate::domain::Refusal { state: None, code: "TIMEOUT".to_owned(), message: None, lines: Vec::new() });
        }
    });
    planted_bug!("bad_body_is_a_failure", {
        if evidence.http_status.is_some_and(|status| (200..300).contains(&status)) {
            answer = Answer::NotSent(why);
        }
    });
    Reply { answer, evidence }
}

/// Some goals end with the call that showed how things stand; asking again would answer the same.
fn is_answered(operation: Operation, after: &Reservation, goal: &Goal) -> bool {
    let to_be_released = after.release_wanted || after.status == ReservationStatus::ReleaseRequested;
    let is_held = matches!(after.status, ReservationStatus::Reserved | ReservationStatus::Confirmed);
    match goal {
        Goal::Verify => operation.is_look() && !to_be_released,
        Goal::Resolve | Goal::Decide(_) => !after.is_open() && !to_be_released,
        // A hold that is still there after its release was answered is one that the inventory does not let go of.
        Goal::Release => operation == Operation::Release && !to_be_released,
        // An inventory that grants less than was asked for has said all that it will say; one whose hold is over has not extended it.
        Goal::Extend { .. } => operation == Operation::Extend && is_held && !to_be_released,
        Goal::Reserve | Goal::Confirm => false,
    }
}

/// What kept us from the next step; after a call of an earlier step that is another matter than before anything was sent.
fn interrupted(error: StoreError, asked: bool) -> OperationError {
    if asked { OperationError::Interrupted(error) } else { OperationError::Store(error) }
}

fn conclude(unasked: Unasked) -> Conclusion {
    match unasked {
        Unasked::NotFound => Conclusion::NotFound,
        Unasked::Busy(row) => Conclusion::Busy(row),
        Unasked::OtherRequest(row) => Conclusion::OtherRequest(row),
        Unasked::Concluded(row) => Conclusion::Settled(row),
        Unasked::NeedsHuman(row) => Conclusion::Unknown(row, "this inventory offers no way to find out: a human must decide".to_owned()),
        Unasked::Refused(row, refused) => Conclusion::NotPossible(row, refused),
    }
}
