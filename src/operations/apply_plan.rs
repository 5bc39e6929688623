//! Carries out one planned correction at a time: looked at again right before, guarded by the row's version, on record before it is made.

use std::collections::HashMap;

use tokio::sync::OnceCell;

use crate::domain::{
    Answer, CallId, Decision, DriftKind, Evidence, ExternalReference, Goal, HoldState, IdempotencyKey, Look, Operation, Remedy,
    Reservation, ReservationId, ReservationStatus as Status, SourceName, TenantId,
};
use crate::operations::{Conclusion, Errand, OperationError, Operations, ids};
use crate::store::{Find, LooseCall};
use crate::supplier::{HoldAsk, Source};

/// How this appears in timelines.
const ACTOR: &str = "holds apply";

/// One correction as it was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// What kind of difference it corrects.
    pub kind: DriftKind,
    /// How.
    pub remedy: Remedy,
    /// Whose hold it is.
    pub tenant: TenantId,
    /// The hold.
    pub reference: Option<ExternalReference>,
    /// Its key, as the inventory listed it.
    pub key: Option<String>,
    /// The reservation, and the version that it was planned on.
    pub reservation: Option<(ReservationId, i64)>,
}

/// What became of a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The hold is let go.
    Released,
    /// The hold was gone already.
    WasGone,
    /// The reservation was looked at; it is in this state now.
    LookedAt(Status),
    /// The reservation was looked at, and the look showed no hold; the daemon looks again until that is proven.
    Missed(String),
    /// The hold is the reservation's own now; it is in this state.
    Adopted(Status),
    /// It would be carried out, if this were no rehearsal.
    Would,
    /// Nothing was done, because things are not as planned any more.
    Changed(String),
    /// It could not be brought to its end, and why.
    Open(String),
}

/// Why a plan does not fit any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Stale(pub String);

/// Carries out the corrections of one plan.
pub struct Applier<'a> {
    operations: &'a Operations,
    source: &'a Source,
    /// The list, for inventories that cannot be asked about one hold; read once.
    listed: OnceCell<HashMap<ExternalReference, HoldState>>,
}

impl Operations {
    /// Readies the carrying out of a plan for one inventory.
    ///
    /// # Errors
    /// [`OperationError::UnknownSource`].
    pub fn applier(&self, source: &SourceName) -> Result<Applier<'_>, OperationError> {
        Ok(Applier { operations: self, source: self.source(source)?, listed: OnceCell::new() })
    }
}

impl Applier<'_> {
    /// Whether a correction can still be carried out as planned; why not, if not. Nothing is asked of the inventory.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn check(&self, step: &PlannedStep) -> Result<Result<(), Stale>, OperationError> {
        let stale = |what: String| Ok(Err(Stale(what)));
        match (step.reservation, &step.key) {
            (Some((id, version)), _) => match self.operations.get(step.tenant, &Find::Id(id)).await? {
                None => stale(format!("there is no reservation {id} in this database")),
                Some(row) if row.source != self.source.name => stale(format!("reservation {id} is with `{}`", row.source)),
                Some(row) if row.version != version => stale(format!(
                    "reservation {id} has changed: it was planned at version {version}, and is {} at version {}",
                    row.status, row.version
                )),
                Some(_) => Ok(Ok(())),
            },
            (None, Some(key)) => {
                let find = Find::Key(self.source.name.clone(), IdempotencyKey::stored(key.clone()));
                match self.operations.get(step.tenant, &find).await? {
                    Some(row) => stale(format!("there is a reservation under {key} now: {}", row.id)),
                    None => Ok(Ok(())),
                }
            }
            (None, None) => stale("it names neither a reservation nor a key".to_owned()),
        }
    }

    /// Carries it out. `begun` is true if an earlier try may have come this far: then the row may have changed by that. `call` is the
    /// id of the call, should one be made beside the reservations. A rehearsal only looks.
    ///
    /// # Errors
    /// [`OperationError`]; the correction may then be tried again.
    pub async fn carry_out(&self, step: &PlannedStep, call: CallId, begun: bool, rehearsal: bool) -> Result<Applied, OperationError> {
        let row = match step.reservation {
            Some((id, version)) => match self.operations.get(step.tenant, &Find::Id(id)).await? {
                Some(row) if row.version == version || begun && is_by_us(step, &row) => Some(row),
                Some(row) => return Ok(Applied::Changed(format!("the reservation is {} at version {} now", row.status, row.version))),
                None => return Ok(Applied::Changed("the reservation is gone".to_owned())),
            },
            None => None,
        };
        match (step.remedy, row) {
            (Remedy::Release, row) => self.release(step, row, call, rehearsal).await,
            (Remedy::Recheck, Some(_)) if rehearsal => Ok(Applied::Would),
            (Remedy::Recheck, Some(row)) => self.recheck(&row).await,
            (Remedy::Adopt, Some(row)) => self.adopt(step, row, rehearsal).await,
            (Remedy::Recheck | Remedy::Adopt, None) => Ok(Applied::Changed("it names no reservation".to_owned())),
            (Remedy::None, _) => Ok(Applied::Changed("nothing was planned".to_owned())),
        }
    }

    /// A call of an earlier try that never got its end on record.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn bury(&self, tenant: TenantId, call: CallId) -> Result<(), OperationError> {
        let note = "the run that made this call ended before the answer";
        let now = self.operations.clock.now();
        let class = crate::domain::AnswerClass::Unknown;
        Ok(self.operations.store.end_loose_call(tenant, call, class, note, &Evidence::default(), now).await?)
    }

    async fn release(
        &self,
        step: &PlannedStep,
        row: Option<Reservation>,
        call: CallId,
        rehearsal: bool,
    ) -> Result<Applied, OperationError> {
        let Some(reference) = &step.reference else { return Ok(Applied::Changed("it names no hold".to_owned())) };
        match self.is_active(step, row.as_ref()).await {
            Ok(true) => {}
            Ok(false) if rehearsal => return Ok(Applied::WasGone),
            Ok(false) => return self.was_gone(step, row).await,
            Err(why) => return Ok(Applied::Open(format!("the hold could not be looked at right before: {why}"))),
        }
        if rehearsal {
            return Ok(Applied::Would);
        }
        match row {
            Some(row) if row.reference.as_ref().is_none_or(|own| own == reference) => self.release_own(step, row).await,
            row => self.release_beside(step, row, call).await,
        }
    }

    /// A hold that is gone already, perhaps by an earlier try of this step whose answer was never heard: its reservation must learn of it.
    async fn was_gone(&self, step: &PlannedStep, row: Option<Reservation>) -> Result<Applied, OperationError> {
        let own = row.filter(|row| row.reference.is_some() && row.reference == step.reference && !row.status.is_end());
        let Some(row) = own else { return Ok(Applied::WasGone) };
        let stands = matches!(row.status, Status::Reserved | Status::Confirmed) && !row.release_wanted && row.open_call.is_none();
        let goal = if stands { Goal::Verify } else { Goal::Release };
        Ok(match self.errand(&row, goal).await? {
            Conclusion::Settled(_) | Conclusion::NotPossible(..) => Applied::WasGone,
            Conclusion::Unknown(after, _) if after.absent_looks > row.absent_looks => Applied::WasGone,
            conclusion => Applied::Open(words(&conclusion)),
        })
    }

    /// A hold that a reservation knows as its own goes the way of every release.
    async fn release_own(&self, step: &PlannedStep, mut row: Reservation) -> Result<Applied, OperationError> {
        // Twice, because a reservation that was believed never to have been sent ends without asking the inventory.
        for _ in 0..2 {
            let now = self.operations.clock.now();
            if !row.release_wanted && !self.operations.store.want_release_at(row.tenant, row.id, row.version, now).await? {
                return Ok(Applied::Changed("the reservation changed at this very moment".to_owned()));
            }
            match self.errand(&row, Goal::Release).await? {
                Conclusion::Settled(after) if after.status.is_end() && !after.release_wanted => {
                    match self.is_active(step, Some(&after)).await {
                        Ok(true) => row = *after,
                        Ok(false) | Err(_) => return Ok(Applied::Released),
                    }
                }
                conclusion => return Ok(Applied::Open(words(&conclusion))),
            }
        }
        Ok(Applied::Open("the inventory still holds, although the release was answered".to_owned()))
    }

    /// A hold that no reservation knows as its own is let go by a call of its own.
    async fn release_beside(&self, step: &PlannedStep, row: Option<Reservation>, call: CallId) -> Result<Applied, OperationError> {
        let store = &self.operations.store;
        let key = step.key.clone().or_else(|| row.as_ref().map(|row| row.key.as_str().to_owned()));
        let Some(key) = key else { return Ok(Applied::Changed("its key is not known".to_owned())) };
        let same_key = row.as_ref().is_some_and(|row| row.key.as_str() == key);
        if same_key && !self.source.supplier.releases_by_reference() {
            return Ok(Applied::Changed(
                "the inventory releases by key only: that would let the reservation's own hold go, too".to_owned(),
            ));
        }
        let reservation = row.as_ref().map(|row| (row.id, row.version));
        let loose =
            LooseCall { call, tenant: step.tenant, source: self.source.name.clone(), reservation, key, operation: Operation::Release };
        if !store.open_loose_call(&loose, self.operations.clock.now()).await? {
            return Ok(Applied::Changed("a reservation came or changed at this very moment".to_owned()));
        }
        let reply = self.source.supplier.release(&self.ask(step, row.as_ref())).await;
        let now = self.operations.clock.now();
        store
            .end_loose_call(step.tenant, call, reply.answer.class(), &format!("{ACTOR}: {}", reply.answer.note()), &reply.evidence, now)
            .await?;
        match reply.answer {
            Answer::Done(Look::Found(hold)) if hold.state.is_active() => {
                Ok(Applied::Open("the release was answered, yet the hold is described as held".to_owned()))
            }
            Answer::Done(_) => Ok(Applied::Released),
            Answer::Refused(refusal) => Ok(Applied::Open(format!("the inventory refused with {}", refusal.code))),
            Answer::NotSent(why) => Ok(Applied::Open(format!("not sent: {why}"))),
            Answer::Unknown(why) => match self.is_active(step, row.as_ref()).await {
                Ok(false) => Ok(Applied::Released),
                Ok(true) | Err(_) => Ok(Applied::Open(format!("the answer was lost: {why}"))),
            },
        }
    }

    async fn recheck(&self, row: &Reservation) -> Result<Applied, OperationError> {
        Ok(match self.errand(row, Goal::Verify).await? {
            Conclusion::Settled(after) => Applied::LookedAt(after.status),
            // It is not there any more: that is known, too.
            Conclusion::NotPossible(after, _) => Applied::LookedAt(after.status),
            // One look that shows nothing proves nothing: the daemon goes on looking, now that it has missed the hold.
            Conclusion::Unknown(after, why) if after.absent_looks > row.absent_looks => Applied::Missed(why),
            conclusion => Applied::Open(words(&conclusion)),
        })
    }

    async fn adopt(&self, step: &PlannedStep, row: Reservation, rehearsal: bool) -> Result<Applied, OperationError> {
        if row.status != Status::Unknown {
            if row.reference == step.reference && !row.status.is_end() {
                return Ok(Applied::Adopted(row.status));
            }
            return Ok(Applied::Changed(format!("the reservation is {} now: nothing about it is open", row.status)));
        }
        match self.is_active(step, Some(&row)).await {
            Ok(true) if rehearsal => return Ok(Applied::Would),
            Ok(true) => {}
            Ok(false) => return Ok(Applied::WasGone),
            Err(why) => return Ok(Applied::Open(format!("the hold could not be looked at right before: {why}"))),
        }
        Ok(match self.errand(&row, Goal::Decide(Decision::Held(step.reference.clone()))).await? {
            Conclusion::Settled(after) => Applied::Adopted(after.status),
            conclusion => Applied::Open(words(&conclusion)),
        })
    }

    async fn errand(&self, row: &Reservation, goal: Goal) -> Result<Conclusion, OperationError> {
        let errand = Errand { tenant: row.tenant, find: Find::Id(row.id), goal, actor: Some(ACTOR.to_owned()), waiting: None };
        self.operations.run_in_turn(&errand).await
    }

    /// Whether the inventory still holds: by asking for this very hold, or else by its list.
    async fn is_active(&self, step: &PlannedStep, row: Option<&Reservation>) -> Result<bool, String> {
        let looked = if self.source.supplier.capabilities().lookup {
            self.source.supplier.lookup(&self.ask(step, row)).await.answer
        } else {
            Answer::NotSent("it cannot be asked about one hold".to_owned())
        };
        let why = match looked {
            Answer::Done(Look::Found(hold)) if hold.reference.as_ref() == step.reference.as_ref() => return Ok(hold.state.is_active()),
            // By a key under which there are two, a look-up may show the one that is not meant.
            Answer::Done(Look::Found(_)) => "the look-up found another hold".to_owned(),
            Answer::Done(Look::Absent) => return Ok(false),
            Answer::Refused(refusal) => refusal.code,
            Answer::NotSent(why) | Answer::Unknown(why) => why,
        };
        if self.source.supplier.listing().is_none() {
            return Err(why);
        }
        let listed = self.listed.get_or_try_init(|| async {
            let (holds, _) = self.operations.list_to_the_end(self.source, step.tenant).await?;
            Ok::<_, crate::operations::CompareError>(holds.into_iter().map(|hold| (hold.reference, hold.state)).collect())
        });
        let listed = listed.await.map_err(|error| format!("{why}; {error}"))?;
        Ok(step.reference.as_ref().and_then(|reference| listed.get(reference)).is_some_and(|state| state.is_active()))
    }

    fn ask(&self, step: &PlannedStep, row: Option<&Reservation>) -> HoldAsk {
        let key = match (&step.key, row) {
            // The inventory may list our key in another spelling: then the row's own key is used.
            (_, Some(row)) if step.key.as_deref().is_none_or(|key| IdempotencyKey::parts(key).is_none()) => row.key.clone(),
            (Some(key), _) => IdempotencyKey::stored(key.clone()),
            (None, Some(row)) => row.key.clone(),
            (None, None) => IdempotencyKey::stored(String::new()),
        };
        // A hold beside the reservation's own may have been placed by anybody: its lines need not be ours.
        let own = row.filter(|row| row.reference.is_none() || row.reference == step.reference);
        let order = IdempotencyKey::parts(key.as_str()).map(|(order, ..)| order).or(row.map(|row| row.order));
        HoldAsk {
            tenant: step.tenant,
            source: self.source.name.clone(),
            order: order.unwrap_or(crate::domain::OrderId(uuid::Uuid::nil())),
            key,
            reference: step.reference.clone(),
            lines: own.map(|row| row.lines.iter().map(|record| record.line.clone()).collect()).unwrap_or_default(),
            hold_seconds: row.map_or(0, |row| row.hold_seconds),
            until: None,
            accept_partial: self.source.policy.accept_partial,
            customer: row.and_then(|row| row.customer.clone()),
            location: row.and_then(|row| row.location.clone()),
            timeout: self.source.timeout,
            send_before: self.operations.lease.until(),
        }
    }
}

/// The row looks as an earlier try of this step would have left it.
fn is_by_us(step: &PlannedStep, row: &Reservation) -> bool {
    match step.remedy {
        Remedy::Release => {
            row.release_wanted || row.status.is_end() || matches!(row.status, Status::ReleaseRequested | Status::ReleaseUnknown)
        }
        // A look changes nothing but what is believed.
        Remedy::Recheck => true,
        Remedy::Adopt => row.reference == step.reference,
        Remedy::None => false,
    }
}

/// A new id for a call beside the reservations.
#[must_use]
pub fn new_call() -> CallId {
    ids::call()
}

fn words(conclusion: &Conclusion) -> String {
    match conclusion {
        Conclusion::Settled(row) => format!("the reservation is {}", row.status),
        Conclusion::Refused(_, rejection) => format!("the inventory refused with {}", rejection.code),
        Conclusion::NotPossible(_, why) => why.to_string(),
        Conclusion::Unknown(_, why) => format!("its outcome is not known yet: {why}; the daemon goes on finding out"),
        Conclusion::NotSent(_, why) => format!("not sent: {why}; the daemon tries again"),
        Conclusion::Busy(_) => "somebody is at work on the reservation; the daemon goes on".to_owned(),
        Conclusion::NotFound => "the reservation is gone".to_owned(),
        Conclusion::OtherRequest(_) | Conclusion::EarlierAttemptLives => conclusion.label().to_owned(),
    }
}
