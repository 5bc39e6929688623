//! What workers and the reconciler do, with the functions that decide in production: `step` before a call, `settle` after it.

use holdfast::domain::{Answer as Said, Decision, Goal, Hold, HoldState, Look, Operation, Refusal, ReservationStatus as Status, StepEnd};

use crate::decisions::{Ended, Stepped};
use crate::mistakes::Mistake;
use crate::model::Search;
use crate::world::{Answer, At, Doing, Due, Errand, Exit, RECONCILER, Request, Row, Task, Wish, World, at, reference};

impl Search {
    /// Claim: decides the next step, writes it, and puts the call on record.
    pub(crate) fn claim(&self, world: &mut World, actor: usize, errand: Errand) {
        let Some(row) = &world.row else { return self.claim_nothing(world, actor, errand) };
        let Stepped { row: after, end, changed, due } = self.step(row, errand.wish, world.now);
        if changed {
            world.due = due;
            world.row = Some(after.clone());
            world.claim = end.asks().map(|_| (actor, true));
        }
        world.actors[actor].doing = match end.asks() {
            Some(operation) => Doing::Claimed(errand, after, operation),
            None => self.conclude(world, actor, errand, end, changed),
        };
    }

    /// There is no row: a reserve makes one, and a release has nothing to give back.
    fn claim_nothing(&self, world: &mut World, actor: usize, errand: Errand) {
        world.actors[actor].doing = match errand.wish {
            Wish::Reserve => {
                let row = Row::fresh(world.now);
                if self.mistake == Some(Mistake::SendsBeforeItCommits) {
                    let asker = Some(actor);
                    world.requests.push(Request { operation: Operation::Reserve, reference: None, asker });
                    Doing::Waits(errand, row, Operation::Reserve)
                } else {
                    world.row = Some(row.clone());
                    (world.due, world.claim) = (Due::Soon, Some((actor, true)));
                    Doing::Claimed(errand, row, Operation::Reserve)
                }
            }
            // The end goes on record first, so that a reserve that is under way comes too late.
            Wish::Release if errand.for_task => {
                if self.mistake != Some(Mistake::LeavesNoEndBehind) {
                    world.row = Some(Row { status: Status::Released, ..Row::unsent() });
                }
                Doing::Tells(Exit::Complete(Status::Released))
            }
            _ => Doing::Nothing,
        };
    }

    /// What an actor does about a row that asks for no call.
    fn conclude(&self, world: &mut World, actor: usize, errand: Errand, end: StepEnd, changed: bool) -> Doing {
        let Some(row) = world.row.clone() else { return Doing::Nothing };
        if actor == RECONCILER && errand.wish == Wish::Resolve || errand.wish == Wish::Release && !errand.for_task {
            if !changed && end == StepEnd::Concluded {
                world.due = if row.status == Status::Reserved { Due::AtExpiry } else { Due::Never };
            }
            release_if_order_gone(world);
        }
        if !errand.for_task {
            return Doing::Nothing;
        }
        Doing::Tells(match end {
            StepEnd::NeedsHuman => {
                world.order.waiting |= self.has_task(world, actor);
                Exit::Incident
            }
            StepEnd::Refused(holdfast::domain::Refused::HoldLost(status)) => Exit::Error(status),
            StepEnd::Refused(_) => Exit::Incident,
            StepEnd::Concluded | StepEnd::Ask(_) => told(errand.wish, &row),
        })
    }

    /// Settle: only under the claim that the call was recorded with.
    pub(crate) fn settle(&self, world: &mut World, actor: usize, (errand, claimed, operation, answer): (Errand, Row, Operation, Answer)) {
        let answer =
            if self.mistake == Some(Mistake::TakesATimeOutForARefusal) && answer == Answer::Unknown && operation == Operation::Reserve {
                Answer::Refused(None)
            } else {
                answer
            };
        let Ended { mut row, said, due } = self.settled(&claimed, operation, answer, world.now);
        let unwritten = self.mistake == Some(Mistake::SendsBeforeItCommits) && world.row.is_none();
        let mine = world.claim.is_some_and(|(holder, _)| holder == actor) || self.mistake == Some(Mistake::ChecksNoEpoch) || unwritten;
        if !mine {
            // Whoever holds the row now answers.
            return self.stop_or(world, actor, if errand.for_task { Doing::Wants(errand) } else { Doing::Nothing });
        }
        let wished = world.row.as_ref().is_some_and(|row| row.release_wanted) && !claimed.release_wanted && !row.status.is_end();
        world.due = if wished { Due::Soon } else { due };
        row.release_wanted |= wished;
        // Where no call can find out, a human is called at once.
        let human = row.is_open() && self.needs_human(&row, world.now);
        row.human |= human;
        if !matches!(answer, Answer::Hold(..) | Answer::Refused(_) | Answer::Absent)
            && row.status != claimed.status
            && matches!(row.status, Status::Rejected | Status::Reserved | Status::Confirmed)
        {
            world.breaks("S6");
        }
        world.claim = None;
        world.row = Some(row.clone());
        let next = match said {
            holdfast::domain::Said::NotKnown(_) if errand.for_task => {
                world.order.waiting |= row.is_open() && self.has_task(world, actor);
                Doing::Tells(Exit::Incident)
            }
            holdfast::domain::Said::NotSent(_) if errand.for_task => Doing::Tells(Exit::Again),
            holdfast::domain::Said::Refused(_) if errand.for_task => Doing::Tells(Exit::Refused),
            holdfast::domain::Said::Known if is_answered(errand.wish, operation, &row) => {
                if actor == RECONCILER {
                    release_if_order_gone(world);
                }
                if errand.for_task { Doing::Tells(told(errand.wish, &row)) } else { Doing::Nothing }
            }
            holdfast::domain::Said::Known => Doing::Wants(errand),
            holdfast::domain::Said::NotKnown(_) | holdfast::domain::Said::NotSent(_) | holdfast::domain::Said::Refused(_) => Doing::Nothing,
        };
        self.stop_or(world, actor, next);
    }

    /// A process that finds its lease gone begins anew; another one goes on.
    fn stop_or(&self, world: &mut World, actor: usize, next: Doing) {
        let one = &mut world.actors[actor];
        let over = std::mem::replace(&mut one.fenced, false);
        one.doing = if over { Doing::Nothing } else { next };
        if over {
            // The rescuer goes on looking after what a dead session leaves for as long as its last poll may have been parked.
            look_again(world);
        }
    }

    fn has_task(&self, world: &World, actor: usize) -> bool {
        world.order.task == Task::Locked(actor) || world.order.task == Task::None
    }

    /// Telling the engine: it believes the owner of the lock.
    pub(crate) fn tell(&self, world: &mut World, actor: usize, exit: Exit) {
        self.stop_or(world, actor, Doing::Nothing);
        if world.order.at == At::Deleted {
            // The task is gone and its process with it: the hold is wanted no more.
            world.order.waiting = false;
            return order_gone(world, self.mistake);
        }
        if world.order.task != Task::Locked(actor) {
            return;
        }
        self.is_honest(world, exit);
        let asked = world.order.at;
        match exit {
            Exit::Incident => world.order.task = Task::Incident,
            Exit::Again => world.order.task = Task::Ready,
            Exit::Complete(_) | Exit::Error(_) | Exit::Refused => {
                world.order.waiting = false;
                world.order.at = match (asked, exit) {
                    (At::Reserve, Exit::Complete(_)) => At::Confirm,
                    (At::Confirm, Exit::Complete(_)) => At::Confirmed,
                    (At::Release, _) => At::Cancelled,
                    (At::Reserve, _) => At::Rejected,
                    // A hold that may not be confirmed is given back; one that is gone is lost.
                    (At::Confirm, Exit::Refused) => At::Release,
                    (_, _) => At::Lost,
                };
                let goes_on = matches!(world.order.at, At::Confirm | At::Release);
                world.order.task = if goes_on { Task::Ready } else { Task::None };
            }
        }
    }

    /// S6, at the moment of telling.
    fn is_honest(&self, world: &mut World, exit: Exit) {
        let inventory = &world.inventory;
        let honest = match (world.order.at, exit) {
            (At::Reserve, Exit::Complete(_)) => !inventory.holds.is_empty(),
            (At::Reserve, Exit::Error(Status::Rejected)) => inventory.refused && inventory.active() == 0,
            (At::Confirm, Exit::Complete(_)) => inventory.holds.iter().any(|hold| hold.ever_confirmed),
            (At::Release, Exit::Complete(_)) => inventory.active() == 0,
            _ => true,
        };
        if !honest {
            world.breaks("S6");
        }
    }
}

/// A hold that a session settled just before it was over is looked at again: nobody may have been told of it.
pub(crate) fn look_again(world: &mut World) {
    if world.claim.is_none() && world.row.as_ref().is_some_and(Row::says_held) {
        world.due = Due::Soon;
    }
}

/// The store's guarded wish.
fn order_gone(world: &mut World, mistake: Option<Mistake>) {
    if mistake == Some(Mistake::ForgetsTheDeletedOrder) {
        return;
    }
    if let Some(row) = world.row.as_mut().filter(|row| !row.status.is_end() && !row.release_wanted) {
        row.release_wanted = true;
        world.due = Due::Soon;
    }
}

fn release_if_order_gone(world: &mut World) {
    let held = world.row.as_ref().is_some_and(Row::says_held);
    if held && world.order.at == At::Deleted {
        order_gone(world, None);
    }
}

/// The reconciler ends the waiting of a task whose outcome is known.
pub(crate) fn end_waiting(world: &mut World, mistake: Option<Mistake>) {
    match (world.order.at, world.order.task) {
        (At::Deleted, _) => {
            world.order.waiting = false;
            order_gone(world, mistake);
        }
        (at, Task::Incident) => {
            world.order.task = Task::Locked(RECONCILER);
            world.actors[RECONCILER].doing = Doing::Wants(Errand { wish: wish_of(at), for_task: true });
        }
        (_, Task::None) => world.order.waiting = false,
        (_, Task::Ready | Task::Locked(_)) => {}
    }
}

/// What the task at this place of the process wants.
pub(crate) fn wish_of(at: At) -> Wish {
    match at {
        At::Reserve => Wish::Reserve,
        At::Confirm => Wish::Confirm,
        _ => Wish::Release,
    }
}

/// Some goals end with the call that showed how things stand.
fn is_answered(wish: Wish, operation: Operation, row: &Row) -> bool {
    let to_be_released = row.release_wanted || row.status == Status::ReleaseRequested;
    match wish {
        Wish::Resolve | Wish::SayHeld(_) | Wish::SayNotHeld | Wish::GiveUp => !row.is_open() && !to_be_released,
        Wish::Release => operation == Operation::Release && !to_be_released,
        Wish::Reserve | Wish::Confirm => false,
    }
}

/// The exit of a topic for a row that answers.
fn told(wish: Wish, row: &Row) -> Exit {
    match (wish, row.status) {
        (_, Status::Unknown | Status::ReleaseUnknown) => Exit::Incident,
        (Wish::Reserve, Status::Reserved | Status::Confirmed) => Exit::Complete(row.status),
        (Wish::Confirm, Status::Confirmed) => Exit::Complete(row.status),
        (Wish::Release, Status::Reserved | Status::Confirmed) => Exit::Error(row.status),
        (Wish::Release, _) => Exit::Complete(row.status),
        (_, status) => Exit::Error(status),
    }
}

pub(crate) fn goal(wish: Wish) -> Goal {
    match wish {
        Wish::Reserve => Goal::Reserve,
        Wish::Confirm => Goal::Confirm,
        Wish::Release => Goal::Release,
        Wish::Resolve => Goal::Resolve,
        Wish::SayHeld(place) => Goal::Decide(Decision::Held(Some(reference(place)))),
        Wish::SayNotHeld => Goal::Decide(Decision::NotHeld),
        Wish::GiveUp => Goal::Decide(Decision::GiveUp),
    }
}

/// An adapter's normalised answer.
pub(crate) fn said(answer: Answer) -> Said<Look> {
    let refusal = |state: Option<HoldState>| Refusal { state, code: "NO".to_owned(), message: None, lines: Vec::new() };
    match answer {
        Answer::Hold(place, state, until) => {
            Said::Done(Look::Found(Hold { reference: Some(reference(place)), state, expires_at: Some(at(until)), lines: Vec::new() }))
        }
        Answer::Absent => Said::Done(Look::Absent),
        Answer::Refused(state) => Said::Refused(refusal(state)),
        Answer::NotSent => Said::NotSent("refused".to_owned()),
        Answer::Unknown => Said::Unknown("no answer".to_owned()),
    }
}
