//! What an answer means for a reservation: the moves it makes, and whether the matter is known now.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{
    Answer, Cause, Hold, HoldState, IllegalTransition, Look, Operation, PendingOperation, Policy, Refusal, Rejection, Reservation,
    ReservationStatus as Status, Transition, next,
};

/// What is known after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The row tells the truth.
    Known,
    /// It is still open; why.
    NotKnown(String),
    /// Nothing was sent; why.
    NotSent(String),
    /// The operation was refused and the hold is as it was.
    Refused(Rejection),
}

/// The row as it is to be written, and how it came to that.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The row after the answer. Its version and epoch are those it was claimed with.
    pub after: Reservation,
    /// The moves made, oldest first.
    pub moves: Vec<Transition>,
    /// What is known now.
    pub said: Said,
    /// When the reconciler looks at it; never, if nothing is due.
    pub next_check_at: Option<DateTime<Utc>>,
}

/// A call that was started and never ended is a lost outcome: turns it into one. Look-ups leave nothing behind.
///
/// # Errors
/// [`IllegalTransition`] if the row is in a state in which no such call can be open.
pub fn outcome_lost(before: &Reservation) -> Result<(Reservation, Vec<Transition>), IllegalTransition> {
    let mut row = Rewriting::of(before);
    if before.open_call.is_some_and(|call| call.operation.is_effect())
        && matches!(before.status, Status::Requested | Status::ReleaseRequested)
    {
        row.go(Cause::OutcomeLost)?;
        row.after.absent_looks = 0;
    }
    row.after.open_call = None;
    Ok((row.after, row.moves))
}

/// Decides what an answer means for the row that was claimed for the call.
///
/// # Errors
/// [`IllegalTransition`] when the answer asks for a move that the table does not have: a bug, never the inventory's fault.
pub fn settle(
    before: &Reservation,
    operation: Operation,
    answer: &Answer<Look>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<Settlement, IllegalTransition> {
    let mut row = Rewriting::of(before);
    row.after.open_call = None;
    // A look shows the state at the time of its answer, which may be long before it is settled. To be safe its time is taken to be when
    // the call began.
    let begun = before.open_call.map_or(now, |call| call.started_at.min(now));
    let said = match operation {
        Operation::Reserve => row.reserve(answer, policy, now)?,
        Operation::Lookup | Operation::List => row.lookup(answer, policy, (begun, now))?,
        Operation::Release => row.release(answer, now)?,
        Operation::Confirm | Operation::Extend => row.confirm_or_extend(answer, now)?,
        Operation::Check => Said::Known,
    };
    Ok(row.finish(said, policy, now))
}

/// A settlement for a move that needs no call.
///
/// # Errors
/// [`IllegalTransition`] when the table has no such arrow.
pub(crate) fn settle_move(
    before: &Reservation,
    cause: Cause,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<Settlement, IllegalTransition> {
    let mut row = Rewriting::of(before);
    row.go(cause)?;
    row.stamp(now);
    let mut settlement = row.finish(Said::Known, policy, now);
    if cause == Cause::FoundHeld {
        // So a human said. Whoever can look learns until when it holds, and that its order may be gone by now.
        settlement.next_check_at = Some(now + policy.first_check);
    }
    Ok(settlement)
}

struct Rewriting {
    after: Reservation,
    moves: Vec<Transition>,
}

impl Rewriting {
    fn of(before: &Reservation) -> Self {
        Self { after: before.clone(), moves: Vec::new() }
    }

    fn go(&mut self, cause: Cause) -> Result<(), IllegalTransition> {
        let from = self.after.status;
        let to = next(from, cause)?;
        self.after.status = to;
        self.moves.push(Transition { from, cause, to });
        Ok(())
    }

    fn reserve(&mut self, answer: &Answer<Look>, policy: &Policy, now: DateTime<Utc>) -> Result<Said, IllegalTransition> {
        let was_unknown = self.after.status == Status::Unknown;
        match answer {
            Answer::Done(Look::Found(hold)) if hold.reference.is_none() && self.after.reference.is_none() => {
                self.lost("the answer names no reference".to_owned())
            }
            Answer::Done(Look::Found(hold)) => {
                self.take(hold);
                let nothing_held = !hold.lines.is_empty() && hold.lines.iter().all(|line| line.reserved <= Decimal::ZERO);
                if nothing_held && matches!(hold.state, HoldState::Held) {
                    return self.refused("NOTHING_RESERVED", None, was_unknown);
                }
                match hold.state {
                    HoldState::Released | HoldState::Expired => {
                        // The inventory replays a hold that has ended since: what the first call did is only now found out.
                        if !was_unknown {
                            self.go(Cause::OutcomeLost)?;
                        }
                        self.go(if hold.state == HoldState::Expired { Cause::HoldExpired } else { Cause::FoundReleased })?;
                    }
                    HoldState::Held | HoldState::Confirmed if !was_unknown => self.go(Cause::HoldPlaced)?,
                    HoldState::Held | HoldState::Confirmed if self.after.release_wanted => self.go(Cause::ReleaseAsked)?,
                    HoldState::Held => self.go(Cause::FoundHeld)?,
                    HoldState::Confirmed => self.go(Cause::FoundConsumed)?,
                }
                self.weigh_partial(policy);
                self.stamp(now);
                Ok(Said::Known)
            }
            Answer::Refused(refusal) => {
                self.take_short_lines(refusal);
                self.refused(&refusal.code, refusal.message.clone(), was_unknown)
            }
            Answer::Done(Look::Absent) => self.lost("the answer to a create describes no hold".to_owned()),
            Answer::NotSent(why) if was_unknown => Ok(Said::NotKnown(format!("could not ask again: {why}"))),
            Answer::NotSent(why) => Ok(Said::NotSent(why.clone())),
            Answer::Unknown(why) => self.lost(why.clone()),
        }
    }

    /// A hold of less than was asked for, just placed or just found, is to go where the policy does not accept it.
    fn weigh_partial(&mut self, policy: &Policy) {
        if self.after.status == Status::Reserved && self.after.is_partial() && !policy.accept_partial {
            self.after.release_wanted = true;
            self.after.rejection =
                Some(Rejection { code: "PARTIAL_HOLD".to_owned(), message: Some("the inventory held less than was asked for".to_owned()) });
        }
    }

    fn refused(&mut self, code: &str, message: Option<String>, was_unknown: bool) -> Result<Said, IllegalTransition> {
        self.after.rejection = Some(Rejection { code: code.to_owned(), message });
        self.go(if was_unknown { Cause::FoundRefused } else { Cause::HoldRefused })?;
        // Nothing is held, so that nothing is left to be let go.
        self.after.release_wanted = false;
        Ok(Said::Known)
    }

    fn lost(&mut self, why: String) -> Result<Said, IllegalTransition> {
        self.after.absent_looks = 0;
        if matches!(self.after.status, Status::Requested | Status::ReleaseRequested) {
            self.go(Cause::OutcomeLost)?;
        }
        Ok(Said::NotKnown(why))
    }

    fn lookup(
        &mut self,
        answer: &Answer<Look>,
        policy: &Policy,
        (begun, now): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Said, IllegalTransition> {
        match answer {
            Answer::Done(Look::Found(hold)) => {
                self.after.absent_looks = 0;
                // A hold that cannot be named cannot be released or confirmed either.
                if hold.reference.is_none() && self.after.reference.is_none() {
                    return Ok(Said::NotKnown("the answer names no reference".to_owned()));
                }
                self.take(hold);
                self.found(hold, policy, (begun, now))
            }
            Answer::Done(Look::Absent) => self.absent(policy, (begun, now)),
            Answer::Refused(refusal) => Ok(Said::NotKnown(format!("the inventory refused to be asked: {}", refusal.code))),
            Answer::NotSent(why) | Answer::Unknown(why) => Ok(Said::NotKnown(format!("could not look: {why}"))),
        }
    }

    fn found(&mut self, hold: &Hold, policy: &Policy, (begun, now): (DateTime<Utc>, DateTime<Utc>)) -> Result<Said, IllegalTransition> {
        let releasing = self.after.release_wanted;
        let cause = match (self.after.status, hold.state) {
            (Status::Unknown, HoldState::Held | HoldState::Confirmed) if releasing => Some(Cause::ReleaseAsked),
            (Status::Unknown, HoldState::Held) => Some(Cause::FoundHeld),
            // The release did not act. A confirmation that was open when it was sent may have acted instead; that the inventory
            // will not let go of a commitment is for it to say, in answer to a release.
            (Status::ReleaseUnknown, HoldState::Held | HoldState::Confirmed) => Some(Cause::FoundHeld),
            (Status::Unknown | Status::Reserved, HoldState::Confirmed) => {
                Some(if self.after.pending == Some(PendingOperation::Confirm) { Cause::HoldConfirmed } else { Cause::FoundConsumed })
            }
            (Status::ReleaseRequested, HoldState::Confirmed) => Some(Cause::ReleaseRefused),
            (Status::ReleaseRequested, HoldState::Released) => Some(Cause::HoldReleased),
            (Status::Unknown | Status::ReleaseUnknown | Status::Reserved | Status::Confirmed, HoldState::Released) => {
                Some(Cause::FoundReleased)
            }
            (
                Status::Unknown | Status::ReleaseUnknown | Status::ReleaseRequested | Status::Reserved | Status::Confirmed,
                HoldState::Expired,
            ) => Some(Cause::HoldExpired),
            (Status::Reserved, HoldState::Held) => return Ok(self.still_held(hold, policy, begun)),
            (Status::Confirmed, HoldState::Held | HoldState::Confirmed) | (Status::ReleaseRequested, HoldState::Held) => None,
            (Status::Released, HoldState::Held | HoldState::Confirmed) => {
                // It acted after all, later than anyone waits. The row stays at its end; the hold is let go.
                self.after.release_wanted = true;
                None
            }
            (Status::Requested | Status::Rejected | Status::Released | Status::Expired, _) => None,
        };
        if let Some(cause) = cause {
            let was_unknown = self.after.status == Status::Unknown;
            self.go(cause)?;
            if was_unknown {
                self.weigh_partial(policy);
            }
            self.stamp(now);
        }
        Ok(Said::Known)
    }

    /// The hold is as it was: an open confirmation or extension did not act, or has not acted yet.
    fn still_held(&mut self, hold: &Hold, policy: &Policy, begun: DateTime<Utc>) -> Said {
        let done = match self.after.pending {
            None => true,
            Some(PendingOperation::Extend { until }) if hold.expires_at.is_some_and(|at| at >= until) => true,
            // Past the linger the call can no longer act, so that it may be sent anew.
            Some(_) => self.lingered(policy, begun),
        };
        if !done {
            return Said::NotKnown("the hold is unchanged, but the call may still act".to_owned());
        }
        self.after.pending = None;
        Said::Known
    }

    fn absent(&mut self, policy: &Policy, (begun, now): (DateTime<Utc>, DateTime<Utc>)) -> Result<Said, IllegalTransition> {
        self.after.absent_looks += 1;
        let proven = self.after.absent_looks >= policy.absent_looks && self.lingered(policy, begun);
        let cause = match self.after.status {
            Status::Unknown if proven && !self.after.release_wanted => Cause::FoundAbsent,
            Status::Unknown | Status::Reserved | Status::Confirmed if proven => Cause::FoundReleased,
            Status::Reserved if self.after.expires_at.is_some_and(|at| at <= now) => Cause::HoldExpired,
            // The hold was seen before its release was sent, so that its absence is the release.
            Status::ReleaseUnknown if self.after.reference.is_some() => Cause::FoundReleased,
            Status::ReleaseRequested if self.after.reference.is_some() => Cause::HoldReleased,
            Status::Unknown | Status::ReleaseUnknown | Status::ReleaseRequested | Status::Reserved | Status::Confirmed => {
                return Ok(Said::NotKnown(format!(
                    "nothing found, look {} of {}; a request may still be under way",
                    self.after.absent_looks, policy.absent_looks
                )));
            }
            Status::Requested | Status::Rejected | Status::Released | Status::Expired => return Ok(Said::Known),
        };
        self.go(cause)?;
        self.stamp(now);
        Ok(Said::Known)
    }

    /// Letting go of a hold that showed up after its reservation had ended moves nothing: the row is where it should be.
    fn release_late_hold(&mut self, answer: &Answer<Look>) -> Said {
        let gone = match answer {
            Answer::Done(Look::Found(hold)) => matches!(hold.state, HoldState::Released | HoldState::Expired),
            Answer::Done(Look::Absent) => true,
            Answer::Refused(refusal) => matches!(refusal.state, Some(HoldState::Released | HoldState::Expired)),
            Answer::NotSent(_) | Answer::Unknown(_) => false,
        };
        if gone {
            self.after.release_wanted = false;
            Said::Known
        } else if let Answer::Refused(Refusal { state: Some(HoldState::Confirmed), code, message, .. }) = answer {
            // It is used up: asking again would be refused again.
            self.after.release_wanted = false;
            Said::Refused(Rejection { code: code.clone(), message: message.clone() })
        } else {
            Said::NotKnown("a hold that showed up after the end is not released yet".to_owned())
        }
    }

    fn release(&mut self, answer: &Answer<Look>, now: DateTime<Utc>) -> Result<Said, IllegalTransition> {
        if self.after.status.is_end() {
            return Ok(self.release_late_hold(answer));
        }
        let state = match answer {
            Answer::Done(Look::Found(hold)) if matches!(hold.state, HoldState::Released | HoldState::Expired) => hold.state,
            Answer::Done(Look::Found(_)) => return self.lost("the release was answered, yet the hold is described as held".to_owned()),
            Answer::Done(Look::Absent) => HoldState::Released,
            Answer::Refused(Refusal { state: Some(state), .. }) if *state != HoldState::Held => *state,
            Answer::Refused(refusal) => {
                return self
                    .lost(format!("the inventory refused the release with {} and did not say what became of the hold", refusal.code));
            }
            Answer::NotSent(why) if self.after.status == Status::ReleaseUnknown => {
                return Ok(Said::NotKnown(format!("could not ask again: {why}")));
            }
            Answer::NotSent(why) => return Ok(Said::NotSent(why.clone())),
            Answer::Unknown(why) => return self.lost(why.clone()),
        };
        match state {
            HoldState::Confirmed => {
                if let Answer::Refused(Refusal { code, message, .. }) = answer {
                    self.after.rejection = Some(Rejection { code: code.clone(), message: message.clone() });
                }
                self.go(Cause::ReleaseRefused)?;
            }
            HoldState::Expired => self.go(Cause::HoldExpired)?,
            HoldState::Released | HoldState::Held => self.go(Cause::HoldReleased)?,
        }
        self.stamp(now);
        Ok(Said::Known)
    }

    fn confirm_or_extend(&mut self, answer: &Answer<Look>, now: DateTime<Utc>) -> Result<Said, IllegalTransition> {
        let pending = self.after.pending;
        let state = match answer {
            Answer::Done(Look::Found(hold)) => {
                self.take(hold);
                match (pending, hold.state) {
                    (Some(PendingOperation::Confirm), HoldState::Held | HoldState::Confirmed) => HoldState::Confirmed,
                    (_, state) => state,
                }
            }
            Answer::Done(Look::Absent) => return Ok(Said::NotKnown("the answer describes no hold".to_owned())),
            Answer::Refused(Refusal { state: Some(state), .. }) if *state != HoldState::Held => *state,
            // The hold is as it was.
            Answer::Refused(refusal) => {
                self.after.pending = None;
                return Ok(Said::Refused(Rejection { code: refusal.code.clone(), message: refusal.message.clone() }));
            }
            Answer::NotSent(why) => {
                self.after.pending = None;
                return Ok(Said::NotSent(why.clone()));
            }
            Answer::Unknown(why) => return Ok(Said::NotKnown(why.clone())),
        };
        self.after.pending = None;
        match state {
            HoldState::Confirmed if self.after.status == Status::Reserved => self.go(Cause::HoldConfirmed)?,
            HoldState::Released => self.go(Cause::FoundReleased)?,
            HoldState::Expired => self.go(Cause::HoldExpired)?,
            HoldState::Confirmed | HoldState::Held => {
                if let (Some(PendingOperation::Extend { until }), Answer::Done(Look::Found(Hold { expires_at: None, .. }))) =
                    (pending, answer)
                {
                    self.after.expires_at = Some(until);
                }
            }
        }
        self.stamp(now);
        Ok(Said::Known)
    }

    /// Nothing that was sent could act any more at this instant.
    fn lingered(&self, policy: &Policy, when: DateTime<Utc>) -> bool {
        self.after.last_effect_at.is_none_or(|at| when - at >= policy.linger)
    }

    /// Takes over what the inventory says of the hold.
    fn take(&mut self, hold: &Hold) {
        if hold.reference.is_some() {
            self.after.reference.clone_from(&hold.reference);
        }
        if hold.state.is_active() {
            self.after.expires_at = hold.expires_at.or(self.after.expires_at);
        }
        for told in &hold.lines {
            if let Some(line) = self.after.lines.iter_mut().find(|line| line.line.order_line == told.order_line) {
                line.reserved = Some(told.reserved);
            }
        }
    }

    fn take_short_lines(&mut self, refusal: &Refusal) {
        for short in &refusal.lines {
            if let Some(line) = self.after.lines.iter_mut().find(|line| line.line.order_line == short.order_line) {
                line.available = short.available;
            }
        }
    }

    /// Writes the instants that belong to the state just entered.
    fn stamp(&mut self, now: DateTime<Utc>) {
        match self.after.status {
            Status::Reserved => self.after.reserved_at = self.after.reserved_at.or(Some(now)),
            Status::Confirmed => {
                self.after.reserved_at = self.after.reserved_at.or(Some(now));
                self.after.confirmed_at = self.after.confirmed_at.or(Some(now));
                // The inventory will not let go, or has a commitment: nothing is left to be released.
                self.after.release_wanted = false;
                self.after.pending = None;
            }
            Status::Released | Status::Expired => {
                self.after.release_wanted = false;
                self.after.released_at = self.after.released_at.or(Some(now));
                self.after.pending = None;
            }
            // What was open about the hold is overtaken: whatever it did, the hold goes.
            Status::ReleaseRequested => self.after.pending = None,
            Status::Requested | Status::Rejected | Status::Unknown | Status::ReleaseUnknown => {}
        }
    }

    fn finish(mut self, said: Said, policy: &Policy, now: DateTime<Utc>) -> Settlement {
        let open = matches!(self.after.status, Status::Unknown | Status::ReleaseUnknown) || self.after.pending.is_some();
        // A release that was lost, is found to have done nothing, and is sent again is one question, and its pauses go on growing: else an
        // inventory that never lets go would be asked every second, and nobody would ever be told.
        let sent_again =
            self.after.status == Status::ReleaseRequested && self.moves.last().is_none_or(|m| m.from == Status::ReleaseUnknown);
        if open {
            let since = *self.after.unknown_since.get_or_insert(self.after.last_effect_at.unwrap_or(now));
            if now - since >= policy.manual_after {
                self.after.manual_since = self.after.manual_since.or(Some(now));
            }
        } else {
            if !sent_again {
                self.after.checks = 0;
                self.after.manual_since = None;
                self.after.unknown_since = None;
            }
            if said == Said::Known {
                self.after.absent_looks = 0;
            }
        }
        let next_check_at = if open {
            let pause = policy.pause(self.after.checks);
            self.after.checks = self.after.checks.saturating_add(1);
            Some(now + pause)
        } else {
            match self.after.status {
                // A release is wanted, or nothing was seen where a hold should be: look again soon.
                Status::Reserved | Status::Confirmed if self.after.release_wanted || self.after.absent_looks > 0 => {
                    Some(now + policy.first_check)
                }
                Status::Reserved if matches!(said, Said::NotSent(_)) && policy.next_extension(&self.after).is_some() => {
                    Some(now + policy.first_check * 5)
                }
                Status::Reserved => policy
                    .next_try_to_extend(&self.after, now)
                    .or(self.after.expires_at.map(|at| (at + policy.expiry_grace).max(now + policy.first_check))),
                Status::ReleaseRequested => Some(now + policy.orphan_after),
                Status::Released | Status::Rejected | Status::Expired if self.after.release_wanted => {
                    Some(now + if said == Said::Known { policy.first_check } else { policy.orphan_after })
                }
                Status::Released if said != Said::Known => Some(now + policy.slowest_check),
                // Nothing was seen of the create; look once more when it can no longer act.
                Status::Released if self.moves.last().is_some_and(|m| m.from == Status::Unknown) => Some(now + policy.linger),
                Status::Requested
                | Status::Rejected
                | Status::Confirmed
                | Status::Released
                | Status::Expired
                | Status::Unknown
                | Status::ReleaseUnknown => None,
            }
        };
        Settlement { after: self.after, moves: self.moves, said, next_check_at }
    }
}

#[cfg(test)]
mod tests;
