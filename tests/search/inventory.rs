//! What the inventory of the search does with a request, by its capabilities.

use holdfast::domain::{Capabilities, HoldState, Operation};

use crate::world::{Answer, HOLD_TICKS, Hold, Inventory, Request};

impl Inventory {
    /// Carries a request out. `refuses` is what it decides about a create, where it has a choice.
    pub(crate) fn carry_out(&mut self, request: &Request, refuses: bool, caps: &Capabilities, now: u8) -> Answer {
        match request.operation {
            Operation::Reserve => self.reserve(refuses, caps, now),
            Operation::Release => self.release(request, caps),
            Operation::Confirm => self.confirm(request),
            Operation::Lookup | Operation::List | Operation::Check | Operation::Extend => self.look(request.reference),
        }
    }

    fn reserve(&mut self, refuses: bool, caps: &Capabilities, now: u8) -> Answer {
        if caps.idempotent_create && self.refused {
            return Answer::Refused(None);
        }
        if caps.idempotent_create && !self.holds.is_empty() {
            return self.describe(0);
        }
        if refuses {
            self.refused = true;
            return Answer::Refused(None);
        }
        self.holds.push(Hold { state: HoldState::Held, until: now + HOLD_TICKS, ever_confirmed: false });
        self.describe(self.holds.len() - 1)
    }

    fn release(&mut self, request: &Request, caps: &Capabilities) -> Answer {
        let Some(place) = self.find(request.reference) else { return Answer::Absent };
        match self.holds[place].state {
            HoldState::Held | HoldState::Confirmed => {
                self.holds[place].state = HoldState::Released;
                self.describe(place)
            }
            state if caps.idempotent_release => Answer::Hold(place_of(place), state, self.holds[place].until),
            state => Answer::Refused(Some(state)),
        }
    }

    fn confirm(&mut self, request: &Request) -> Answer {
        let Some(place) = self.find(request.reference) else { return Answer::Absent };
        match self.holds[place].state {
            HoldState::Held | HoldState::Confirmed => {
                self.holds[place].state = HoldState::Confirmed;
                self.holds[place].ever_confirmed = true;
                self.describe(place)
            }
            state => Answer::Refused(Some(state)),
        }
    }

    /// What a look-up shows.
    pub(crate) fn look(&self, reference: Option<u8>) -> Answer {
        self.find(reference).map_or(Answer::Absent, |place| self.describe(place))
    }

    /// The named hold; else, by our key, the active one before one that has ended.
    fn find(&self, reference: Option<u8>) -> Option<usize> {
        match reference {
            Some(reference) => Some(usize::from(reference)).filter(|place| *place < self.holds.len()),
            None => self.holds.iter().position(Hold::is_active).or(self.holds.len().checked_sub(1)),
        }
    }

    fn describe(&self, place: usize) -> Answer {
        Answer::Hold(place_of(place), self.holds[place].state, self.holds[place].until)
    }

    /// Lets go of what has run out. A commitment does not.
    pub(crate) fn pass_time(&mut self, now: u8) {
        for hold in self.holds.iter_mut().filter(|hold| hold.state == HoldState::Held && hold.until <= now) {
            hold.state = HoldState::Expired;
        }
    }
}

fn place_of(place: usize) -> u8 {
    u8::try_from(place).unwrap()
}
