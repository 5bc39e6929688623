//! What can happen next in a world, and the promises that every world must keep.

use std::sync::Arc;

use chrono::TimeDelta;
use holdfast::domain::{Capabilities, Operation, Policy, ReservationStatus as Status};
use stateright::{Model, Property};

use crate::actors::{end_waiting, look_again, wish_of};
use crate::decisions::Decisions;
use crate::mistakes::Mistake;
use crate::world::{Answer, At, Doing, Due, Errand, Hold, Left, RECONCILER, Request, Row, TICK, Task, Wish, World};

/// One search.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// What the daemon believes the inventory can do.
    pub(crate) caps: Capabilities,
    /// What it can do.
    pub(crate) truth: Capabilities,
    pub(crate) policy: Policy,
    pub(crate) left: Left,
    pub(crate) mistake: Option<Mistake>,
    pub(crate) decisions: Arc<Decisions>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// A worker fetches the task.
    Fetch(usize),
    /// The task's lock runs out under its owner.
    LockRunsOut,
    /// An operator presses Retry.
    Retry,
    /// The order is cancelled: the model goes on to the release.
    Cancel,
    /// The process is deleted.
    Delete,
    /// The reconciler takes up the due row.
    Look,
    /// The reconciler takes up the waiting task.
    EndWaiting,
    /// A human decides what the machine cannot find out.
    Decide(Wish),
    /// An actor claims.
    Claim(usize),
    /// Its request leaves.
    Send(usize),
    /// It does not get a connection.
    IsNotSent(usize),
    /// A look-up is answered.
    Sees(usize),
    /// Nobody answers in time.
    TimesOut(usize),
    /// The inventory carries a request out.
    CarriesOut(usize),
    /// It refuses a create.
    Refuses(usize),
    /// A request that nobody waits for is lost.
    IsLost(usize),
    /// An actor settles.
    Settle(usize),
    /// An actor tells the engine.
    Tell(usize),
    /// A process is killed, and another one begins.
    Dies(usize),
    /// A process is halted for longer than its lease.
    LosesItsLease(usize),
    /// Time passes.
    Tick,
}

impl Search {
    pub(crate) fn new(caps: Capabilities, left: Left) -> Self {
        let policy = Policy {
            linger: TICK,
            absent_looks: 2,
            first_check: TimeDelta::seconds(1),
            slowest_check: TimeDelta::seconds(2),
            manual_after: TimeDelta::days(1),
            expiry_grace: TimeDelta::seconds(1),
            orphan_after: TimeDelta::seconds(1),
            accept_partial: true,
            auto_extend: None,
        };
        Self { caps, truth: caps, policy, left, mistake: None, decisions: Arc::default() }
    }

    pub(crate) fn with(self, mistake: Mistake) -> Self {
        let mut wrong = Self { mistake: Some(mistake), ..self };
        match mistake {
            Mistake::BelievesTheFirstAbsence => (wrong.policy.absent_looks, wrong.policy.linger) = (1, TimeDelta::zero()),
            Mistake::RepeatsABlindCreate => wrong.caps.idempotent_create = true,
            _ => {}
        }
        wrong
    }

    fn engine_acts(&self, world: &World, acts: &mut Vec<Act>) {
        let Left { faults, ends, retries, .. } = world.left;
        match world.order.task {
            Task::Ready => {
                let free = (0..RECONCILER).filter(|actor| is_free(world, *actor));
                // Two idle workers are one as good as the other.
                let alike = free.clone().count() == 2 && world.claim.is_none_or(|(holder, _)| holder == RECONCILER);
                acts.extend(free.take(if alike { 1 } else { 2 }).map(Act::Fetch));
            }
            Task::Locked(_) if faults > 0 => acts.push(Act::LockRunsOut),
            Task::Incident if retries > 0 => acts.push(Act::Retry),
            Task::None | Task::Locked(_) | Task::Incident => {}
        }
        if ends > 0 && matches!(world.order.at, At::Reserve | At::Confirm) {
            acts.push(Act::Cancel);
            // Where nobody has the task, nobody can learn that it is gone before the row is looked at.
            if matches!(world.order.task, Task::Locked(_) | Task::Incident) {
                acts.push(Act::Delete);
            }
        }
    }

    fn loop_acts(&self, world: &World, acts: &mut Vec<Act>) {
        let Some(row) = &world.row else { return };
        if is_free(world, RECONCILER) {
            let over = row.expires.is_some_and(|end| end < world.now);
            if world.due == Due::Soon || world.due == Due::AtExpiry && over {
                acts.push(Act::Look);
            }
            if world.order.waiting && !row.is_open() && world.claim.is_none() {
                acts.push(Act::EndWaiting);
            }
        }
        if row.human && row.is_open() && world.left.decisions > 0 && world.requests.is_empty() && is_free(world, 0) {
            match world.inventory.holds.iter().position(Hold::is_active) {
                Some(place) => acts.push(Act::Decide(Wish::SayHeld(u8::try_from(place).unwrap()))),
                None => acts.push(Act::Decide(Wish::SayNotHeld)),
            }
            acts.push(Act::Decide(Wish::GiveUp));
        }
    }

    fn actor_acts(&self, world: &World, actor: usize, acts: &mut Vec<Act>) {
        let faults = world.left.faults > 0;
        match &world.actors[actor].doing {
            Doing::Nothing => return,
            Doing::Wants(_) => {
                let busy = world.claim.is_some_and(|(holder, alive)| alive && holder != actor);
                if !busy && !world.actors[actor].fenced {
                    acts.push(Act::Claim(actor));
                }
            }
            Doing::Claimed(_, _, Operation::Lookup) => {
                acts.push(Act::Sees(actor));
                if faults {
                    acts.push(Act::TimesOut(actor));
                }
            }
            Doing::Claimed(..) => {
                acts.push(Act::Send(actor));
                if faults && !world.actors[actor].fenced {
                    acts.push(Act::IsNotSent(actor));
                }
            }
            Doing::Waits(..) if faults => acts.push(Act::TimesOut(actor)),
            Doing::Waits(..) => {}
            Doing::Heard(..) => acts.push(Act::Settle(actor)),
            Doing::Tells(_) => acts.push(Act::Tell(actor)),
        }
        if faults && !world.actors[actor].fenced {
            acts.extend([Act::Dies(actor), Act::LosesItsLease(actor)]);
        }
    }

    fn inventory_acts(&self, world: &World, acts: &mut Vec<Act>) {
        for (place, request) in world.requests.iter().enumerate() {
            acts.push(Act::CarriesOut(place));
            let chooses = request.operation == Operation::Reserve && world.inventory.holds.is_empty();
            if chooses && world.left.refusals > 0 {
                acts.push(Act::Refuses(place));
            }
            if request.asker.is_none() {
                acts.push(Act::IsLost(place));
            }
        }
    }
}

fn is_free(world: &World, actor: usize) -> bool {
    world.actors[actor].doing == Doing::Nothing
}

impl Model for Search {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World::begin(self.left)]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        if world.broken.is_some() {
            return;
        }
        self.engine_acts(world, acts);
        self.loop_acts(world, acts);
        for actor in 0..world.actors.len() {
            self.actor_acts(world, actor, acts);
        }
        self.inventory_acts(world, acts);
        let unsent = world.actors.iter().any(|actor| !actor.fenced && matches!(actor.doing, Doing::Claimed(..)));
        if world.left.ticks > 0 && world.requests.is_empty() && !unsent {
            acts.push(Act::Tick);
        }
    }

    fn next_state(&self, before: &World, act: Act) -> Option<World> {
        let mut world = before.clone();
        match act {
            Act::Fetch(actor) => {
                world.order.task = Task::Locked(actor);
                world.actors[actor].doing = Doing::Wants(Errand { wish: wish_of(world.order.at), for_task: true });
            }
            Act::LockRunsOut => {
                world.left.faults -= 1;
                world.order.task = if world.order.task == Task::Locked(RECONCILER) { Task::Incident } else { Task::Ready };
            }
            Act::Retry => {
                world.left.retries -= 1;
                world.order.task = Task::Ready;
            }
            Act::Cancel => {
                world.left.ends -= 1;
                (world.order.at, world.order.task, world.order.waiting) = (At::Release, Task::Ready, false);
            }
            Act::Delete => {
                world.left.ends -= 1;
                (world.order.at, world.order.task) = (At::Deleted, Task::None);
            }
            Act::Look => {
                let leaving = world.row.as_ref().is_some_and(|row| row.release_wanted || row.status == Status::ReleaseRequested);
                let wish = if leaving { Wish::Release } else { Wish::Resolve };
                world.actors[RECONCILER].doing = Doing::Wants(Errand { wish, for_task: false });
            }
            Act::EndWaiting => end_waiting(&mut world, self.mistake),
            Act::Decide(wish) => {
                world.left.decisions -= 1;
                world.actors[0].doing = Doing::Wants(Errand { wish, for_task: false });
            }
            Act::Claim(actor) => {
                let Doing::Wants(errand) = world.actors[actor].doing else { return None };
                self.claim(&mut world, actor, errand);
            }
            Act::Send(actor) => send(&mut world, actor)?,
            Act::IsNotSent(actor) => {
                world.left.faults -= 1;
                hears(&mut world, actor, Answer::NotSent)?;
            }
            Act::Sees(actor) => {
                let Doing::Claimed(_, row, _) = &world.actors[actor].doing else { return None };
                let seen = world.inventory.look(row.reference);
                hears(&mut world, actor, seen)?;
            }
            Act::TimesOut(actor) => {
                world.left.faults -= 1;
                leave_requests(&mut world, actor);
                hears(&mut world, actor, Answer::Unknown)?;
            }
            Act::CarriesOut(place) => self.carry_out(&mut world, place, false)?,
            Act::Refuses(place) => {
                world.left.refusals -= 1;
                self.carry_out(&mut world, place, true)?;
            }
            Act::IsLost(place) => drop(world.requests.remove(place)),
            Act::Settle(actor) => {
                let Doing::Heard(errand, row, operation, answer) = world.actors[actor].doing.clone() else { return None };
                self.settle(&mut world, actor, (errand, row, operation, answer));
            }
            Act::Tell(actor) => {
                let Doing::Tells(exit) = world.actors[actor].doing else { return None };
                self.tell(&mut world, actor, exit);
            }
            Act::Dies(actor) => {
                world.left.faults -= 1;
                loses_its_lease(&mut world, actor);
                leave_requests(&mut world, actor);
                world.actors[actor].doing = Doing::Nothing;
            }
            Act::LosesItsLease(actor) => {
                world.left.faults -= 1;
                loses_its_lease(&mut world, actor);
                world.actors[actor].fenced = true;
                // Before its claim it has done nothing that it would not do anew.
                if matches!(world.actors[actor].doing, Doing::Wants(_)) {
                    return None;
                }
            }
            Act::Tick => {
                world.left.ticks -= 1;
                world.now += 1;
                world.inventory.pass_time(world.now);
            }
        }
        world.requests.sort_unstable();
        if world.inventory.active() > 1 {
            world.breaks("S1");
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("S1: never two holds at once", |_, world: &World| world.broken != Some("S1")),
            Property::always("S2: no effect without its record", |_, world: &World| world.broken != Some("S2")),
            Property::always("S3: at rest, every hold is on record and wanted", no_ghost),
            Property::always("S4: at rest, every hold on record is there", no_phantom),
            Property::always("S6: no answer that the inventory gave no ground for", |_, world: &World| world.broken != Some("S6")),
            Property::always("L1: whatever is open is due", open_is_due),
            Property::sometimes("an order ends with a commitment", |_, world: &World| {
                world.order.at == At::Confirmed && world.is_at_rest()
            }),
            Property::sometimes("an order is rejected", |_, world: &World| world.order.at == At::Rejected && world.is_at_rest()),
            Property::sometimes("an order is cancelled after it held", |_, world: &World| {
                world.order.at == At::Cancelled && world.is_at_rest() && !world.inventory.holds.is_empty()
            }),
            Property::sometimes("the hold of a deleted order is given back", |_, world: &World| {
                world.order.at == At::Deleted && world.is_at_rest() && !world.inventory.holds.is_empty()
            }),
            Property::sometimes("an outcome is unknown", |_, world: &World| {
                world.row.as_ref().is_some_and(|row| row.status == Status::Unknown)
            }),
        ]
    }
}

impl Search {
    fn carry_out(&self, world: &mut World, place: usize, refuses: bool) -> Option<()> {
        let request = world.requests.remove(place);
        if world.row.is_none() && self.mistake.is_none() {
            world.breaks("S2");
        }
        let answer = world.inventory.carry_out(&request, refuses, &self.truth, world.now);
        if world.row.is_none() {
            world.breaks("S2");
        }
        if let Some(actor) = request.asker {
            hears(world, actor, answer)?;
        }
        Some(())
    }
}

fn send(world: &mut World, actor: usize) -> Option<()> {
    if world.actors[actor].fenced {
        return hears(world, actor, Answer::NotSent);
    }
    let Doing::Claimed(errand, row, operation) = world.actors[actor].doing.clone() else { return None };
    world.requests.push(Request { operation, reference: row.reference, asker: Some(actor) });
    world.actors[actor].doing = Doing::Waits(errand, row, operation);
    Some(())
}

fn hears(world: &mut World, actor: usize, answer: Answer) -> Option<()> {
    let doing = &mut world.actors[actor].doing;
    *doing = match std::mem::replace(doing, Doing::Nothing) {
        Doing::Claimed(errand, row, operation) | Doing::Waits(errand, row, operation) => Doing::Heard(errand, row, operation, answer),
        Doing::Nothing | Doing::Wants(_) | Doing::Heard(..) | Doing::Tells(_) => return None,
    };
    Some(())
}

/// Nobody waits for this actor's request any more.
fn leave_requests(world: &mut World, actor: usize) {
    for request in world.requests.iter_mut().filter(|request| request.asker == Some(actor)) {
        request.asker = None;
    }
}

/// Others may take over what it had: its claim, and after the rescuer its task. A hold that it had just settled is looked at again.
fn loses_its_lease(world: &mut World, actor: usize) {
    if world.actors[actor].doing != Doing::Nothing {
        look_again(world);
    }
    if let Some((holder, alive)) = &mut world.claim
        && *holder == actor
    {
        *alive = false;
    }
    if world.order.task == Task::Locked(actor) {
        world.order.task = if actor == RECONCILER { Task::Incident } else { Task::Ready };
    }
}

fn no_ghost(_: &Search, world: &World) -> bool {
    if !world.is_at_rest() {
        return true;
    }
    let on_record = world.row.as_ref().filter(|row| row.says_held()).and_then(|row| row.reference);
    let wanted = !matches!(world.order.at, At::Cancelled | At::Deleted | At::Rejected | At::Lost);
    let excused = |row: &Row| row.human && row.is_open();
    let ghosts = world.inventory.holds.iter().enumerate().filter(|(_, hold)| hold.is_active());
    ghosts.clone().count() == 0
        || world.row.as_ref().is_some_and(excused)
        || ghosts.into_iter().all(|(place, _)| on_record.is_some_and(|on_record| usize::from(on_record) == place) && wanted)
}

fn no_phantom(_: &Search, world: &World) -> bool {
    let Some(row) = world.row.as_ref().filter(|row| row.says_held() && world.is_at_rest()) else { return true };
    let over = row.status == Status::Reserved && row.expires.is_some_and(|end| end <= world.now);
    let hold = row.reference.and_then(|place| world.inventory.holds.get(usize::from(place)));
    over || hold.is_some_and(Hold::is_active)
}

fn open_is_due(_: &Search, world: &World) -> bool {
    let Some(row) = &world.row else { return true };
    let open = row.is_open()
        || row.open.is_some()
        || row.status == Status::ReleaseRequested
        || row.status == Status::Requested && row.release_wanted;
    !open || world.due != Due::Never || world.claim.is_some()
}
